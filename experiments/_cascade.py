"""`config.cascade`: the stages of CascadeVAE, and the weights that follow from them."""

import dataclasses
from collections.abc import Collection

from ml_collections import ConfigDict

from experiments._fields import named_fields
from vsc_jax import schedules
from vsc_jax._ranges import check_ranges, ranged, whole

# A model with these weights has a cascade, which sets them.
CASCADE_WEIGHTS = ("num_relieved", "use_categories")


@dataclasses.dataclass(frozen=True)
class Cascade:
    """When latents are relieved of the high beta, and when the categories come in.

    Attributes:
      stage_steps: steps between two reliefs.
      warmup_stages: stages before the categories are used.
      reset_moments: whether the optimizer starts afresh at each relief.
    """

    stage_steps: int = ranged(20_000, whole(1))
    warmup_stages: int = ranged(4, whole(0))
    reset_moments: bool = True

    def __post_init__(self) -> None:
        check_ranges(self)


def has_cascade(weights: Collection[str]) -> bool:
    """Whether a model with these weights has a cascade."""
    return set(CASCADE_WEIGHTS) <= set(weights)


def cascade_of(config: ConfigDict) -> Cascade | None:
    """The cascade of a config, if it has one.

    Raises:
      UserError: for a value that is out of its range.
    """
    if "cascade" not in config:
        return None
    with named_fields("cascade", config.cascade):
        return Cascade(**config.cascade)


def cascade_weights(config: ConfigDict) -> dict[str, schedules.Schedule]:
    """The weights that the cascade sets, as functions of the step; {} without one."""
    cascade = cascade_of(config)
    if cascade is None:
        return {}
    has_categories = bool(config.model.category_sizes)
    use = schedules.constant(float(has_categories))
    if has_categories and cascade.warmup_stages:
        use = schedules.piecewise_constant((_onset(cascade),), (0.0, 1.0))
    relieved = schedules.cascade(*_arguments(config, cascade))
    return dict(zip(CASCADE_WEIGHTS, (relieved, use), strict=True))


def cascade_resets(config: ConfigDict) -> tuple[int, ...]:
    """Steps before which the cascade starts the optimizer afresh: its reliefs."""
    cascade = cascade_of(config)
    if cascade is None or not cascade.reset_moments:
        return ()
    return schedules.cascade_reliefs(*_arguments(config, cascade))


def marked_steps(config: ConfigDict) -> list[tuple[int, str]]:
    """Steps at which the loss changes its form, with what happens there."""
    cascade = cascade_of(config)
    if cascade is None:
        return []
    reliefs = schedules.cascade_reliefs(*_arguments(config, cascade))
    marked = [(step, "one more latent relieved") for step in reliefs]
    if config.model.category_sizes and cascade.warmup_stages:
        marked.append((_onset(cascade), "categories in use"))
    return sorted(mark for mark in marked if mark[0] <= config.train.num_steps)


def _onset(cascade: Cascade) -> int:
    return cascade.stage_steps * cascade.warmup_stages


def _arguments(config: ConfigDict, cascade: Cascade) -> tuple[int, int, int | None]:
    """Of `schedules.cascade`."""
    warmup = cascade.warmup_stages if config.model.category_sizes else None
    # Latents that the run does not come to need no step in the list of reliefs.
    most = config.train.num_steps // cascade.stage_steps + 2
    return min(config.model.latent_dim, most), cascade.stage_steps, warmup
