"""From a ConfigDict to the plain arguments of the library.

What the library checks is checked there, beside the defaults; here its errors get the
names that the fields have in a config.
"""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments._cascade import cascade_resets, cascade_weights, set_by_cascade
from experiments._errors import UserError, one_line
from experiments._fields import (
    LEARNING_RATE,
    OF_DATA,
    SCHEDULED_RATE,
    DataOptions,
    FigureOptions,
    named_fields,
    sample_model,
)
from experiments._prior import check_prior, prior_fields
from vsc_jax import schedules
from vsc_jax._ranges import Range, check_values
from vsc_jax.datasets import Dataset, DatasetNotFoundError, load_dataset
from vsc_jax.evaluation import EvaluationOptions
from vsc_jax.models import ChecksDataset, Model, create_model
from vsc_jax.training import OptimizerOptions, TrainOptions

_OTHER_MODEL = "take a config of this model instead of changing model.name."
# Steps of a schedule whose values are looked at together.
_BLOCK = 1_000_000


def check_config(config: ConfigDict) -> None:
    """Raises UserError for the first field that is wrong whatever the data are."""
    data_options(config)
    _check_model(config)
    train_options(config)
    evaluation_options(config)
    figure_options(config)


def data_options(config: ConfigDict) -> DataOptions:
    """`config.data`."""
    with named_fields("data", config.data):
        return DataOptions(**config.data)


def make_dataset(config: ConfigDict) -> Dataset:
    """The data set that `config.data` names."""
    data = data_options(config)
    try:
        with named_fields("data", config.data):
            return load_dataset(
                data.name,
                path=data.path or None,
                image_size=data.image_size or None,
                channels=data.channels or None,
                num_train=data.num_train or None,
                num_test=data.num_test or None,
                normalization=data.normalization,
                random_labels=data.random_labels,
                download=data.download,
                seed=config.seed,
            )
    except DatasetNotFoundError as error:
        raise UserError(str(error)) from error  # its lines list what to do
    except (OSError, ImportError) as error:
        raise UserError(one_line(error)) from error


def model_fields(config: ConfigDict, dataset: Dataset) -> dict[str, Any]:
    """The keyword arguments of `create_model`."""
    _check_model(config)
    fields = fields_without_data(config)
    if "prior" in config.model.to_dict():
        prior, latent_dim = config.model.prior, config.model.latent_dim
        fields["prior"] = prior_fields(prior, latent_dim, dataset)
    values = (dataset.image_shape, len(dataset.train_indices))
    of_data = dict(zip(OF_DATA, values, strict=True))
    known = {f.name for f in dataclasses.fields(sample_model(config.model.name))}
    return {name: of_data[name] for name in OF_DATA if name in known} | fields


def fields_without_data(config: ConfigDict) -> dict[str, Any]:
    """Those that are known before the data are: without `OF_DATA` and the prior."""
    sample = sample_model(config.model.name)
    fields = config.model.to_dict()
    fields.pop("prior", None)
    for name, value in fields.items():
        if isinstance(value, list | tuple):
            # () stands for None where that is the default of the model.
            or_none = getattr(sample, name) is None
            fields[name] = tuple(value) or (None if or_none else ())
    return fields


def make_model(fields: Mapping[str, Any], dataset: Dataset) -> Model:
    """The model with these fields, if it can be trained on the data set."""
    with named_fields("model", fields):
        model = create_model(**fields)
        if isinstance(model, ChecksDataset):
            factors = dataset.factors
            model.check_dataset(
                dataset.factor_names,
                dataset.factor_sizes,
                None if factors is None else factors[dataset.train_indices],
            )
    return model


def train_options(config: ConfigDict) -> TrainOptions:
    """The arguments of `train`, with values and schedules as functions of the step."""
    optimizer = config.optimizer
    known = sample_model(config.model.name).weight_fields
    weights = {
        name: _schedule(config, name, f"weights.{name}", value, known[name].range)
        for name, value in config.weights.items()
    }
    rate = _schedule(
        config,
        "learning_rate",
        "optimizer.learning_rate",
        optimizer.learning_rate,
        LEARNING_RATE.range,
        SCHEDULED_RATE,
    )
    with named_fields(
        "train",
        config.train,
        seed="seed",
        reset_moments_at="optimizer.reset_moments_at",
        score_every="evaluation.score_every",
    ):
        return TrainOptions(
            learning_rate=rate,
            weights=weights | cascade_weights(config),
            seed=config.seed,
            optimizer=optimizer_fields(config),
            reset_moments_at=(*optimizer.reset_moments_at, *cascade_resets(config)),
            score_every=config.evaluation.score_every,
            **config.train,
        )


def optimizer_fields(config: ConfigDict) -> dict[str, Any]:
    """The keyword arguments of `vsc_jax.training.create_optimizers`."""
    names = [field.name for field in dataclasses.fields(OptimizerOptions)]
    optimizer = config.optimizer.to_dict()
    shared = {name: optimizer[name] for name in names if name in optimizer}
    with named_fields("optimizer", shared, optimizer="optimizer.name"):
        OptimizerOptions(**shared)
    players = optimizer.get("players", {})
    for player, own in players.items():
        with named_fields(f"optimizer.players.{player}", own):
            OptimizerOptions(**{**shared, **own})
    return {**shared, "players": players} if players else shared


def evaluation_options(config: ConfigDict) -> EvaluationOptions:
    """The part of `config.evaluation` that the scores take."""
    return _evaluation_part(config, EvaluationOptions)


def figure_options(config: ConfigDict) -> FigureOptions:
    """The part of `config.evaluation` that the figures take."""
    return _evaluation_part(config, FigureOptions)


def _evaluation_part(config: ConfigDict, kind: type[Any]) -> Any:
    names = [field.name for field in dataclasses.fields(kind)]
    with named_fields("evaluation", names):
        return kind(**{name: config.evaluation[name] for name in names})


def _check_model(config: ConfigDict) -> None:
    """Raises UserError for fields of another model, or out of their range."""
    model, weights = config.model.to_dict(), config.weights.to_dict()
    name = model["name"]
    sample = sample_model(name)
    fields = [field for field in dataclasses.fields(sample) if field.init]
    known = {field.name for field in fields} | {"name"}
    needed = set(sample.weight_fields)
    given = {*weights, *(set_by_cascade(needed) if "cascade" in config else ())}
    for unknown in (sorted(model.keys() - known), sorted(given - needed)):
        if unknown:
            raise UserError(
                f"the model {name} has no {' or '.join(unknown)}; {_OTHER_MODEL}"
            )
    if needed - given:
        raise UserError(
            f"the model {name} needs {' and '.join(sorted(needed - given))}, which the "
            f"config does not have; {_OTHER_MODEL}"
        )
    with named_fields("model", model):
        check_values(sample, model)
    if "prior" in model:
        check_prior(config.model.prior, config.model.latent_dim)


def refuse_hidden_values(config: ConfigDict, given: Collection[str]) -> None:
    """Raises UserError for a value that was given while a schedule takes its place.

    Args:
      config: with the schedules.
      given: names of fields that a user has set, such as "weights.beta".
    """
    for field in given:
        group, _, name = field.rpartition(".")
        schedule = f"schedules.{name}"
        if group not in ("weights", "optimizer") or schedule in given:
            continue
        if spec := config.schedules.get(name):
            raise UserError(
                f"{field} would have no effect, for {schedule}={tuple(spec)} takes its "
                f"place; set --config.{schedule} instead, or --config.{schedule}=() to "
                "keep the value."
            )


def _schedule(
    config: ConfigDict,
    name: str,
    field: str,
    value: float,
    allowed: Range,
    scheduled: Range | None = None,
) -> schedules.Schedule:
    """A field as a function of the step: its value, or the schedule in its place.

    Args:
      config: of the run.
      name: of the schedule.
      field: name of the field.
      value: of the field.
      allowed: its range.
      scheduled: that of the schedule; None for the same.

    Raises:
      UserError: if one of them is out of its range.
    """
    with named_fields("", ()):
        allowed.check(field, value)
    spec = config.schedules[name]
    if not spec:
        return schedules.constant(float(value))
    allowed = scheduled or allowed
    try:
        schedule = schedules.from_spec(tuple(spec))
        wrong = _first_outside(schedule, spec, allowed, config.train.num_steps)
    except (ValueError, TypeError) as error:
        raise UserError(f"schedules.{name}: {error}") from error
    if wrong is not None:
        raise UserError(
            f"{field} must be {allowed} at all steps of schedules.{name}, got "
            f"{schedule(wrong):.6g} at step {wrong}."
        )
    return schedule


def _first_outside(
    schedule: schedules.Schedule, spec: Any, allowed: Range, num_steps: int
) -> int | None:
    """The first step up to the last at which a schedule leaves its range."""
    # It turns round at numbers of its spec alone: a run of any length is checked there.
    named = [x for x in _numbers(spec) if 0 <= x < num_steps]
    turns = [0, num_steps, *(int(x) + k for x in named for k in (-1, 0, 1))]
    if all(schedule(step) in allowed for step in turns if step >= 0):
        return None
    for begin in range(0, num_steps + 1, _BLOCK):
        values = schedule(np.arange(begin, min(begin + _BLOCK, num_steps + 1)))
        if values.min() not in allowed or values.max() not in allowed:
            inside = [value in allowed for value in values]
            return begin + inside.index(False)
    return None


def _numbers(spec: Any) -> list[float]:
    """All numbers in nested tuples."""
    if isinstance(spec, list | tuple):
        return [number for entry in spec for number in _numbers(entry)]
    return [spec] if isinstance(spec, int | float) else []
