"""Every model: what it can do it does, in the shapes that evaluation counts on."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from model_cases import (
    NUM,
    cases_with,
    images_of,
    model_of,
    params_of,
    weights_of,
)
from tiny_runs import importance_of, kl_of

from vsc_jax.models import (
    BoundsLikelihood,
    DecodesCodes,
    EncodesImages,
    HasCategories,
    HasKL,
    SamplesPrior,
)
from vsc_jax.networks import Posterior


@functools.cache
def encoded(case):
    """q(z|x) of the images, a draw z and its image, in one program."""
    model, params, x = model_of(case), params_of(case), images_of(case)

    @jax.jit
    def encode(params, x, key):
        posterior = model.encode(params, x)
        z = model.sample_posterior(params, posterior, key)
        return posterior, z, model.decode(params, z)

    return encode(params, x, jax.random.key(4))


def num_variables(model):
    return len(model.category_sizes) if isinstance(model, HasCategories) else 0


@cases_with(EncodesImages, DecodesCodes)
def test_it_encodes_images_and_decodes_codes(case):
    model, (posterior, z, decoded) = model_of(case), encoded(case)
    assert isinstance(posterior, Posterior)
    assert posterior.mean.shape == (NUM, model.latent_dim)
    assert z.shape == posterior.expected_code.shape == (NUM, model.code_dim)
    assert posterior.categories.shape == (NUM, num_variables(model))
    assert decoded.shape == images_of(case).shape
    assert decoded.dtype == jnp.float32
    if model.mean_function == "sigmoid":
        assert 0.0 <= decoded.min() <= decoded.max() <= 1.0


@cases_with(SamplesPrior)
def test_it_samples_its_prior(case):
    model, weights = model_of(case), weights_of(case)
    draw = jax.jit(lambda params, key: model.sample_prior(params, key, 5, weights))
    z = draw(params_of(case), jax.random.key(4))
    assert z.shape == (5, model.code_dim)
    assert not np.array_equal(z[0], z[1])


@cases_with(HasKL)
def test_it_has_a_kl_with_a_column_per_latent(case):
    model = model_of(case)
    kls = jax.jit(functools.partial(kl_of, model))(
        params_of(case), images_of(case), weights_of(case)
    )
    num_columns = model.latent_dim + num_variables(model)
    assert all(kl.shape == (NUM, num_columns) for kl in kls.values())
    total = sum(kl.sum(-1) for kl in kls.values())
    if set(kls) != {"kl_estimate"}:  # a mean over draws can be below zero
        assert (total > 0).all()


@cases_with(BoundsLikelihood)
def test_it_has_finite_importance_weights(case):
    log_weight = jax.jit(functools.partial(importance_of, model_of(case)))(
        params_of(case), images_of(case), jax.random.key(4), weights_of(case)
    )
    assert log_weight.shape == (NUM,)
    assert jnp.isfinite(log_weight).all()


@cases_with(HasCategories)
def test_it_has_logits_for_each_categorical_variable(case):
    posterior, z, _ = encoded(case)
    sizes = model_of(case).category_sizes
    assert tuple(a.shape[-1] for a in posterior.category_logits) == sizes
    one_hots = z[:, model_of(case).latent_dim :]
    np.testing.assert_array_equal(one_hots.sum(-1), len(sizes))


def test_a_method_has_no_capability_that_it_lacks():
    """What evaluation leaves out for a method, it leaves out for want of a member."""
    capabilities = {SamplesPrior, HasKL, BoundsLikelihood, HasCategories}
    lacking = {
        name: {c for c in capabilities if not isinstance(model_of(name), c)}
        for name in ("autoencoder", "aae", "exemplar_vsc", "vae", "joint_vae")
    }
    assert lacking == {
        "autoencoder": capabilities,
        "aae": {HasKL, BoundsLikelihood, HasCategories},
        "exemplar_vsc": {BoundsLikelihood, HasCategories},
        "vae": {HasCategories},
        "joint_vae": set(),
    }
