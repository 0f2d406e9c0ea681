"""From a ConfigDict to the plain arguments of the library, with range checks."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments._flags import UserError
from experiments._prior import prior_fields
from vsc_jax import schedules
from vsc_jax.datasets import Dataset, load_dataset
from vsc_jax.models import MODELS, Model, create_model
from vsc_jax.training import TrainOptions

# name: (lowest value, whether it is allowed itself, highest, whether it is)
RANGES = {
    "weights.beta": (0, True, math.inf, False),
    "weights.prior_slab_prob": (0, False, 1, False),
    "weights.sharpness": (0, False, math.inf, False),
    "weights.capacity": (0, True, math.inf, False),
    "weights.capacity_weight": (0, True, math.inf, False),
    "weights.category_capacity": (0, True, math.inf, False),
    "weights.category_capacity_weight": (0, True, math.inf, False),
    "weights.temperature": (0, False, math.inf, False),
    "weights.slab_scale": (0, True, 1, True),
    "weights.pseudo_sharpness": (0, False, math.inf, False),
    "weights.beta_low": (0, True, math.inf, False),
    "weights.beta_high": (0, True, math.inf, False),
    "weights.pairwise_penalty": (0, True, math.inf, False),
    "cascade.stage_steps": (1, True, 2**31, False),
    "cascade.warmup_stages": (0, True, 2**31, False),
    "weights.tc_weight": (0, True, math.inf, False),
    "weights.divergence_weight": (0, True, math.inf, False),
    "model.prior.variance": (0, False, math.inf, False),
    "model.prior.df": (0, False, math.inf, False),
    "model.prior.component_variance": (0, False, math.inf, False),
    "model.prior.spike_weight": (0, True, 1, False),
    "model.prior.spike_stddev": (0, False, 1, True),
    "optimizer.l2": (0, True, math.inf, False),
    "optimizer.learning_rate": (0, False, math.inf, False),
    "optimizer.b1": (0, True, 1, False),
    "optimizer.b2": (0, True, 1, False),
    "optimizer.eps": (0, True, math.inf, False),
    "seed": (0, True, 2**31, False),
    "data.image_size": (0, True, 4096, True),
    "data.num_train": (0, True, math.inf, False),
    "data.num_test": (0, True, math.inf, False),
    "model.latent_dim": (1, True, math.inf, False),
    "model.likelihood_scale": (0, False, math.inf, False),
    "model.num_pseudo_inputs": (1, True, math.inf, False),
    "model.assignment_sweeps": (1, True, math.inf, False),
    "model.disc_layers": (1, True, math.inf, False),
    "model.disc_width": (1, True, math.inf, False),
    "model.label_factor": (0, True, math.inf, False),
    "train.num_steps": (1, True, 2**31, False),
    "train.batch_size": (1, True, math.inf, False),
    "train.log_every": (1, True, math.inf, False),
    "train.checkpoint_every": (1, True, math.inf, False),
    "train.keep_checkpoints": (1, True, math.inf, False),
    "train.num_test_images": (1, True, math.inf, False),
    "evaluation.num_test": (0, True, math.inf, False),
    "evaluation.iwae_samples": (1, True, math.inf, False),
    "evaluation.iwae_images": (1, True, math.inf, False),
    "evaluation.num_labels": (1, True, math.inf, False),
    "evaluation.disentanglement_images": (0, True, math.inf, False),
    "evaluation.aggregate_images": (0, True, math.inf, False),
    "evaluation.score_every": (0, True, 2**31, False),
    "evaluation.score_images": (1, True, math.inf, False),
    "evaluation.traversal_threshold": (0, True, math.inf, False),
    "evaluation.traversal_delta": (0, False, math.inf, False),
}


# The optimizers of the players of a model, where it has several.
_PLAYERS = ("vae", "discriminator", "reconstruction", "generator")
RANGES |= {
    f"optimizer.players.{player}.{name}": RANGES[f"optimizer.{name}"]
    for player in _PLAYERS
    for name in ("b1", "b2", "eps")
}
RANGES |= {
    f"optimizer.players.{player}.learning_rate_scale": (0, True, math.inf, False)
    for player in _PLAYERS
}


def check_ranges(flat: Mapping[str, Any]) -> None:
    """Raises UserError with the first field that is out of its range."""
    for name in RANGES:
        if name in flat:
            _check_range(name, flat[name])


def make_dataset(config: ConfigDict) -> Dataset:
    """The data set that `config.data` names."""
    data = config.data
    return load_dataset(
        data.name,
        path=data.path or None,
        image_size=data.image_size or None,
        channels=data.channels or None,
        num_train=data.num_train or None,
        num_test=data.num_test or None,
        normalization=data.normalization,
        seed=config.seed,
    )


def model_fields(config: ConfigDict, dataset: Dataset) -> dict[str, Any]:
    """The keyword arguments of `create_model`."""
    fields = {"image_shape": dataset.image_shape, **config.model.to_dict()}
    for name in ("channels", "decoder_channels"):
        if name in fields:
            fields[name] = tuple(fields[name]) or None
    if "prior" in fields:
        prior, latent_dim = config.model.prior, config.model.latent_dim
        fields["prior"] = prior_fields(prior, latent_dim, dataset)
    if "category_sizes" in fields:
        fields["category_sizes"] = tuple(fields["category_sizes"])
    if "label_factor" in fields:
        _check_label(fields["label_factor"], fields["category_sizes"], dataset)
    return fields


def _check_label(
    factor: int, category_sizes: tuple[int, ...], dataset: Dataset
) -> None:
    """Raises UserError unless the factor that a model is given has its categories."""
    sizes = dataset.factor_sizes
    if factor >= len(sizes):
        raise UserError(
            f"model.label_factor must be a column of the factors of {dataset.name}, "
            f"which has {len(sizes)}, got {factor}."
        )
    if category_sizes != (sizes[factor],):
        raise UserError(
            f"model.category_sizes must be ({sizes[factor]},), the number of values of "
            f"the factor {dataset.factor_names[factor]!r} of {dataset.name}, got "
            f"{category_sizes}."
        )


def make_model(fields: Mapping[str, Any]) -> Model:
    """The model; a field that it does not have is named."""
    name = fields["name"]
    if name in MODELS:
        known = {field.name for field in dataclasses.fields(MODELS[name])} | {"name"}
        if unknown := sorted(fields.keys() - known):
            raise UserError(
                f"the model {name} has no {' or '.join(unknown)}; take a config of "
                "this model instead of changing model.name."
            )
    return create_model(**fields)


def train_options(config: ConfigDict) -> TrainOptions:
    """The arguments of `train`, with values and schedules as functions of the step."""
    optimizer, train = config.optimizer, config.train

    def schedule(name: str, field: str, value: float):
        spec = config.schedules[name]
        try:
            made = schedules.from_spec(tuple(spec) if spec else float(value))
        except (ValueError, TypeError) as error:
            raise UserError(f"schedules.{name}: {error}") from error
        if spec:
            values = made(np.arange(train.num_steps + 1))
            for extreme in (values.min(), values.max()):
                _check_range(field, extreme, where=f"schedules.{name}")
        return made

    weights = {
        name: schedule(name, f"weights.{name}", value)
        for name, value in config.weights.items()
    }
    reset_moments_at = tuple(optimizer.reset_moments_at)
    if "cascade" in config:
        weights |= cascade_weights(config)
        if config.cascade.reset_moments:
            reset_moments_at += cascade_reliefs(config)
    return TrainOptions(
        num_steps=train.num_steps,
        batch_size=train.batch_size,
        seed=config.seed,
        learning_rate=schedule(
            "learning_rate", "optimizer.learning_rate", optimizer.learning_rate
        ),
        weights=weights,
        optimizer=optimizer_fields(config),
        reset_moments_at=reset_moments_at,
        shuffle=train.shuffle,
        parallel=train.parallel,
        log_every=train.log_every,
        checkpoint_every=train.checkpoint_every,
        keep_checkpoints=train.keep_checkpoints,
        num_test_images=train.num_test_images,
        score_every=config.evaluation.score_every,
    )


def cascade_weights(config: ConfigDict) -> dict[str, schedules.Schedule]:
    """The weights of CascadeVAE that follow from `config.cascade`."""
    stage_steps, warmup = config.cascade.stage_steps, config.cascade.warmup_stages
    has_categories = bool(config.model.category_sizes)
    use = schedules.constant(float(has_categories))
    if has_categories and warmup:
        use = schedules.piecewise_constant((stage_steps * warmup,), (0.0, 1.0))
    return {
        "num_relieved": schedules.cascade(*_cascade_arguments(config)),
        "use_categories": use,
    }


def cascade_reliefs(config: ConfigDict) -> tuple[int, ...]:
    """Steps at which one more latent is relieved; none without a cascade."""
    if "cascade" not in config:
        return ()
    return schedules.cascade_reliefs(*_cascade_arguments(config))


def marked_steps(config: ConfigDict) -> list[tuple[int, str]]:
    """Steps at which the loss changes its form, with what happens there."""
    marked = [
        (step, "one more latent relieved")
        for step in cascade_reliefs(config)
        if step <= config.train.num_steps
    ]
    if "cascade" in config and config.model.category_sizes:
        onset = config.cascade.stage_steps * config.cascade.warmup_stages
        if 0 < onset <= config.train.num_steps:
            marked.append((onset, "categories in use"))
    return sorted(marked)


def _cascade_arguments(config: ConfigDict) -> tuple[int, int, int | None]:
    cascade = config.cascade
    warmup = cascade.warmup_stages if config.model.category_sizes else None
    return config.model.latent_dim, cascade.stage_steps, warmup


def optimizer_fields(config: ConfigDict) -> dict[str, Any]:
    """The keyword arguments of `create_optimizers`."""
    optimizer = config.optimizer
    fields = {name: optimizer[name] for name in ("name", "b1", "b2", "eps", "l2")}
    if players := optimizer.get("players"):
        fields["players"] = players.to_dict()
    return fields


def _check_range(name: str, value: Any, *, where: str | None = None) -> None:
    """Raises UserError if a value of the field is out of the field's range."""
    low, with_low, high, with_high = RANGES.get(
        name, (-math.inf, False, math.inf, False)
    )
    above = value >= low if with_low else value > low
    below = value <= high if with_high else value < high
    if not (above and below):
        left = f"{'at least' if with_low else 'larger than'} {low}"
        right = f"{'at most' if with_high else 'smaller than'} {high}"
        wanted = left if high == math.inf else f"{left} and {right}"
        inside = f" at all steps of {where}" if where else ""
        got = f"{value:.6g}" if isinstance(value, float | np.floating) else value
        raise UserError(f"{name} must be {wanted}{inside}, got {got}.")
