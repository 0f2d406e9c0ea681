"""Every model at a size that takes no time, for the tests that hold for all."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import IMAGE_SHAPE, pair, tiny_dataset, tiny_model

from vsc_jax.models import MODELS, Batch
from vsc_jax.networks import merge_state, split_state
from vsc_jax.priors import (
    GaussianMixturePrior,
    LearnedGaussianPrior,
    SparsePrior,
    StudentTPrior,
)

NUM = 12
DCGAN = {
    "network": "dcgan",
    "image_shape": (8, 8, 1),
    "channels": (4, 6),
    "initializer": "dcgan",
}
CONV = {"network": "conv", "image_shape": (8, 8, 2), "channels": (4, 6), "features": 9}

# Fields that make any model small, where it has them.
SMALL = {"disc_layers": 2, "disc_width": 7, "num_pseudo_inputs": 4} | {
    "num_classes": 6,  # six heights of the tiny rectangles are their labels
    "shared_dim": 2,
    "dataset_size": 50,  # training images of the tiny data set
    "noise_dim": 2,
    "code_features": 5,
    "glimpse_size": 4,
    "what_dim": 3,
    "rnn_width": 8,
    "predictor_hidden": (7,),
    "filter_fraction": 0.05,
}
# Other code paths than those of the defaults: name -> model and options.
VARIANTS = {
    "vae-conv": ("vae", CONV),
    "vae-gaussian": ("vae", {"likelihood": "gaussian", "likelihood_scale": 0.3}),
    "vae-laplace": ("vae", {"likelihood": "laplace", "likelihood_scale": 0.3}),
    "vae-learned": ("vae", {"likelihood": "learned_gaussian"}),
    "vae-bfloat16": ("vae", {"dtype": "bfloat16"}),
    "vae-softplus": (
        "vae",
        {
            "likelihood": "softplus_gaussian",
            "mean_function": "identity",
            "scale": "softplus_stddev",
        },
    ),
    "vae-dcgan": ("vae", DCGAN),
    "vae-learned_prior": ("vae", {"prior": LearnedGaussianPrior()}),
    "vae-student_t": ("vae", {"prior": StudentTPrior(df=5.0)}),
    "vae-sparse-conv": ("vae", CONV | {"prior": SparsePrior(0.6, 0.2)}),
    "vsc-log_sigmoid": ("vsc", {"gate": "log_sigmoid"}),
    "vsc-conv-relu": ("vsc", CONV | {"gate": "relu"}),
    "vsc-conv-log_sigmoid": ("vsc", CONV | {"gate": "log_sigmoid"}),
    "exemplar_vsc-log_sigmoid": (
        "exemplar_vsc",
        {"gate": "log_sigmoid", "likelihood": "bernoulli"},
    ),
    "cascade_vae-conv": ("cascade_vae", CONV | {"category_sizes": (3, 2)}),
    "cascade_vae-continuous": ("cascade_vae", {"category_sizes": ()}),
    "beta_tcvae-weighted": (
        "beta_tcvae",
        {"estimator": "weighted", "prior": StudentTPrior(df=5.0)},
    ),
    "dip_vae-ii": ("dip_vae", {"variant": "ii"}),
    "joint_vae-concrete": ("joint_vae", {"kl_c": "concrete", "category_sizes": (3, 2)}),
    "factor_vae-student_t": ("factor_vae", {"prior": StudentTPrior()}),
    "decomposition_vae-dcgan": (
        "decomposition_vae",
        DCGAN | {"prior": SparsePrior(), "divergence": "mmd_per_dimension"},
    ),
    "decomposition_vae-inclusive_kl": (
        "decomposition_vae",
        {
            "divergence": "inclusive_kl",
            "latent_dim": 2,
            "prior": GaussianMixturePrior(),
            "multiplied_mixture": True,
        },
    ),
    "decomposition_vae-sliced_wasserstein": (
        "decomposition_vae",
        {"divergence": "sliced_wasserstein", "prior": LearnedGaussianPrior()},
    ),
    "decomposition_vae-density_ratio": (
        "decomposition_vae",
        {"divergence": "density_ratio"},
    ),
    "n_vae-active-conv": ("n_vae", CONV | {"kl_scope": "active", "class_dim": 1}),
    "n_vae-share_trunk": ("n_vae", {"share_trunk": True, "likelihood": "gaussian"}),
    "n_vae-no_blocks": ("n_vae", {"class_dim": 0}),
    "infogan-conv": (
        "infogan",
        CONV | {"category_sizes": (3, 2), "num_codes": 1},
    ),
    "infogan-spectral": (
        "infogan",
        {
            "norm": "spectral",
            "learned_stddev": True,
            "category_sizes": (),
        },
    ),
    "infogan_cr-spectral": (
        "infogan_cr",
        {"norm": "spectral", "category_sizes": (3, 2), "num_codes": 1},
    ),
    "air-analytic": (
        "air",
        {"kl_count": "analytic", "count_prior": "bernoulli", "align_corners": True},
    ),
    "air-concrete": (
        "air",
        {"estimator": "concrete", "window": "squashed", "size_mean": -1.0},
    ),
    "multi_entity_vae-sum": (
        "multi_entity_vae",
        {"composition": "sum", "kl_scope": "selected", "decoder_kernel": 1},
    ),
    "multi_entity_vae-cells": (
        "multi_entity_vae",
        {"image_shape": (8, 8, 2), "channels": (4,), "likelihood": "gaussian"},
    ),
    "information_dropout_classifier-softplus": (
        "information_dropout_classifier",
        {
            "activation": "softplus",
            "channels": (4,),
            "filter_fraction": 1.0,
            "input_keep": 1.0,
        },
    ),
    "information_dropout_vae-softplus-conv": (
        "information_dropout_vae",
        CONV | {"activation": "softplus"},
    ),
    # Six heights of the tiny rectangles are its labels.
    "aae_s-labels": ("aae_s", {"category_sizes": (6,), "conditional": True}),
}
# Every registered model with its defaults comes by itself.
CASES = {name: (name, {}) for name in MODELS} | VARIANTS
# The losses of the others are compared with their formulas in files of their own.
SIMPLE = ("autoencoder", "vae", "vsc", "exemplar_vsc")
all_models = pytest.mark.parametrize("case", CASES)
simple_models = pytest.mark.parametrize(
    "case",
    [
        case
        for case, (name, options) in CASES.items()
        if name in SIMPLE and "prior" not in options and "dcgan" not in case
    ],
)


# Where the slab's pull on the KL is not drowned by that of the spike.
WEIGHTS = {
    "beta": 1.7,
    "num_relieved": 2.0,
    "beta_high": 4.0,
    "class_beta": 1.4,
    "label_weight": 0.6,
    "prior_slab_prob": 0.3,
    "sharpness": 20.0,
    "slab_scale": 0.6,
    "capacity": 0.5,
    "capacity_weight": 3.0,
    "category_capacity_weight": 3.0,
    "tc_weight": 2.0,
    "mutual_information_weight": 0.5,
    "dimension_wise_kl_weight": 1.5,
    "divergence_weight": 3.0,
    # Otherwise the adversarial loss alone has less than a nat to fall.
    "category_weight": 5.0,
    "code_weight": 2.0,
    "contrastive_gap": 0.5,
    # Otherwise the most likely categories are the optimum.
    "pairwise_penalty": 5.0,
    # Otherwise few objects are found, and what is not drawn learns nothing.
    "prior_presence_odds": 2.0,
}


@functools.cache
def model_of(case):
    name, options = CASES[case]
    assert name in MODELS, (
        f"{name} is not registered: add a line for it to MODELS in "
        "vsc_jax/models/__init__.py"
    )
    fields = {field.name for field in dataclasses.fields(MODELS[name])}
    small = {field: value for field, value in SMALL.items() if field in fields}
    return tiny_model(name, **small | options)


def cases_with(*capabilities):
    """The test once for each model that has all of these."""
    return pytest.mark.parametrize(
        "case",
        [c for c in CASES if all(isinstance(model_of(c), p) for p in capabilities)],
    )


@functools.cache
def params_of(case):
    return jax.jit(model_of(case).init)(jax.random.key(1))


def weights_of(case):
    defaults = model_of(case).default_weights
    return {k: jnp.float32(WEIGHTS.get(k, v)) for k, v in defaults.items()}


def images_of(case, num=NUM):
    shape = model_of(case).image_shape
    if shape == IMAGE_SHAPE:
        return jnp.asarray(tiny_dataset().decode(np.arange(num)))
    rng = np.random.default_rng(2)
    images = rng.uniform(0.0, 0.1, (num, *shape))
    for image, height in zip(images, rng.integers(1, shape[0], num), strict=True):
        image[:height, 1:4] += 0.8  # bright rectangles, as in the tiny data set
    return jnp.asarray(images, jnp.float32)


def batch_of(case, num=NUM):
    factors = jnp.asarray(tiny_dataset().factors[:num])
    return Batch(images_of(case, num), factors)


@functools.cache
def losses_and_gradients(case):
    """By player: loss, metrics and gradient of what it moves."""
    model, (params, state) = model_of(case), split_state(params_of(case))
    noise, batch = model.noise(jax.random.key(3), NUM), batch_of(case)
    results = {}
    for player in model.players:
        groups = player.groups or tuple(params)

        def loss(moved, player=player):
            variables = merge_state({**params, **moved}, state)
            return pair(player.loss)(variables, batch, noise, weights_of(case))

        moved = {group: params[group] for group in groups}
        results[player.name] = jax.jit(jax.value_and_grad(loss, has_aux=True))(moved)
    return results


def loss_and_gradient(case):
    """Of the first player."""
    return losses_and_gradients(case)[model_of(case).players[0].name]
