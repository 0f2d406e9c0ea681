"""`config.cascade`: the stages of a cascade, and the weights that follow from them."""

import dataclasses
from collections.abc import Collection

from ml_collections import ConfigDict

from experiments._errors import UserError
from experiments._fields import named_fields, sample_model
from vsc_jax import schedules
from vsc_jax._ranges import check_ranges, ranged, whole

# A model with the first of these weights has a cascade, which sets those that it has.
CASCADE_WEIGHTS = ("num_relieved", "use_categories")


@dataclasses.dataclass(frozen=True)
class Cascade:
    """When latents are relieved of the high beta, and when the categories come in.

    Attributes:
      stage_steps: steps between two reliefs; 0 relieves all latents from the start.
      num_first: latents that are relieved from the start.
      max_relieved: latents that are relieved in the end, the first ones; the others
        keep the high beta. 0 for all.
      warmup_stages: stages before the categories are used.
      reset_moments: whether the optimizer starts afresh at each relief.
    """

    stage_steps: int = ranged(20_000, whole(0))
    num_first: int = ranged(1, whole(1))
    max_relieved: int = ranged(0, whole(0))
    warmup_stages: int = ranged(4, whole(0))
    reset_moments: bool = True

    def __post_init__(self) -> None:
        check_ranges(self)


def set_by_cascade(weights: Collection[str]) -> tuple[str, ...]:
    """Which weights of a model the cascade sets; () for a model without one."""
    if CASCADE_WEIGHTS[0] not in weights:
        return ()
    return tuple(name for name in CASCADE_WEIGHTS if name in weights)


def cascade_of(config: ConfigDict) -> Cascade | None:
    """The cascade of a config, if it has one.

    Raises:
      UserError: for a value that is out of its range.
    """
    if "cascade" not in config:
        return None
    with named_fields("cascade", config.cascade):
        cascade = Cascade(**config.cascade)
    latent_dim = config.model.latent_dim
    for name in ("num_first", "max_relieved"):
        if (value := getattr(cascade, name)) > latent_dim:
            raise UserError(
                f"cascade.{name} must be at most model.latent_dim, {latent_dim}, got "
                f"{value}."
            )
    if cascade.max_relieved and cascade.num_first > cascade.max_relieved:
        raise UserError(
            "cascade.max_relieved must be 0, for all latents, or at least "
            f"cascade.num_first, {cascade.num_first}, got {cascade.max_relieved}."
        )
    return cascade


def cascade_weights(config: ConfigDict) -> dict[str, schedules.Schedule]:
    """The weights that the cascade sets, as functions of the step; {} without one."""
    cascade = cascade_of(config)
    if cascade is None:
        return {}
    relieved = schedules.constant(float(_most_relieved(config, cascade)))
    if cascade.stage_steps:
        num_latents = _most_relieved(config, cascade)
        relieved = schedules.cascade(num_latents, *_stages(config, cascade))
    use = schedules.constant(float(_has_categories(config)))
    if onset := _onset(config, cascade):
        use = schedules.piecewise_constant((onset,), (0.0, 1.0))
    of = dict(zip(CASCADE_WEIGHTS, (relieved, use), strict=True))
    weights = sample_model(config.model.name).weight_fields
    return {name: of[name] for name in set_by_cascade(weights)}


def cascade_resets(config: ConfigDict) -> tuple[int, ...]:
    """Steps before which the cascade starts the optimizer afresh: its reliefs."""
    cascade = cascade_of(config)
    if cascade is None or not cascade.reset_moments:
        return ()
    return _reliefs(config, cascade)


def marked_steps(config: ConfigDict) -> list[tuple[int, str]]:
    """Steps at which the loss changes its form, with what happens there."""
    cascade = cascade_of(config)
    if cascade is None:
        return []
    marked = [(step, "one more latent relieved") for step in _reliefs(config, cascade)]
    if onset := _onset(config, cascade):
        marked.append((onset, "categories in use"))
    return sorted(mark for mark in marked if mark[0] <= config.train.num_steps)


def _most_relieved(config: ConfigDict, cascade: Cascade) -> int:
    return cascade.max_relieved or config.model.latent_dim


def _has_categories(config: ConfigDict) -> bool:
    return bool(config.model.get("category_sizes"))


def _onset(config: ConfigDict, cascade: Cascade) -> int:
    """The step from which the categories are used; 0 without any."""
    return cascade.stage_steps * cascade.warmup_stages * _has_categories(config)


def _reliefs(config: ConfigDict, cascade: Cascade) -> tuple[int, ...]:
    if not cascade.stage_steps:
        return ()
    # Latents that the run does not come to need no step in the list.
    most = config.train.num_steps // cascade.stage_steps + cascade.num_first + 1
    num_latents = min(_most_relieved(config, cascade), most)
    return schedules.cascade_reliefs(num_latents, *_stages(config, cascade))


def _stages(config: ConfigDict, cascade: Cascade) -> tuple[int, int | None, int]:
    """Arguments of `schedules.cascade` after the number of latents."""
    warmup = cascade.warmup_stages if _has_categories(config) else None
    return cascade.stage_steps, warmup, cascade.num_first
