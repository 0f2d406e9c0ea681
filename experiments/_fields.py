"""Fields that only a config has, with their ranges, and errors in a config's words."""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from experiments._errors import UserError, one_line
from vsc_jax._ranges import above, at_least, check_ranges, ranged, whole
from vsc_jax.figures import check_format
from vsc_jax.models import MODELS, Model, Weight

# Traced and scheduled, as weights are.
LEARNING_RATE = Weight(1e-3, above(0))
# Of a schedule in its place, as `TrainOptions` has it: a warm-up begins with zero.
SCHEDULED_RATE = at_least(0)
# Fields of models that are properties of the data, and so in no config.
OF_DATA = ("image_shape", "dataset_size")


@dataclasses.dataclass(frozen=True)
class DataOptions:
    """`config.data`: arguments of `load_dataset`, with 0 and "" in place of None.

    Attributes:
      name: one of `vsc_jax.datasets.dataset_names()`.
      path: of the files, "" where none are needed.
      image_size: height and width in pixels, 0 for those of the source.
      channels: 1 or 3, 0 for those of the source.
      num_train: images of the train split, 0 for all; of some data sets it may go on
        into the test split, see `load_dataset`.
      num_test: images of the test split, 0 for all.
      normalization: "none", "unit_norm" or "mean_norm".
      download: whether original files that are not in the path yet are downloaded.
      random_labels: whether the labels of each split are put in random order; only
        configs of classifiers have the field.
    """

    name: str = "sprites"
    path: str = ""
    image_size: int = ranged(0, whole(0, 4096))
    channels: int = ranged(0, whole(0, 3))
    num_train: int = ranged(0, whole(0))
    num_test: int = ranged(0, whole(0))
    normalization: str = "none"
    download: bool = False
    random_labels: bool = False

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclasses.dataclass(frozen=True)
class FigureOptions:
    """Fields of `config.evaluation` that are for figures alone.

    Attributes:
      figures: whether to draw them and write the report.
      traversal_threshold: on |z_j|, of the published traversal.
      traversal_delta: between its frames.
      figure_format: "pdf" or "svg" for the figures of a paper, beside those as PNG.
    """

    figures: bool = True
    traversal_threshold: float = ranged(1e-4, at_least(0))
    traversal_delta: float = ranged(0.2, above(0))
    figure_format: str = "png"

    def __post_init__(self) -> None:
        check_ranges(self)
        check_format(self.figure_format)


@dataclasses.dataclass(frozen=True)
class LogOptions:
    """Fields of `config.log`: what is written beside `metrics.jsonl`.

    Attributes:
      tensorboard: event files in `tensorboard/`.
      wandb: a run of Weights & Biases in `wandb/`.
    """

    tensorboard: bool = False
    wandb: bool = False


def sample_model(name: str) -> Model:
    """A model of this method with its defaults, for small images.

    Raises:
      UserError: if there is no such method.
    """
    if name not in MODELS:
        raise UserError(f"model.name must be one of {', '.join(MODELS)}, got {name!r}.")
    return MODELS[name](image_shape=(64, 64, 1))  # type: ignore[call-arg]


def config_values(options: Any) -> dict[str, Any]:
    """The fields that a dataclass is given, as a config holds them: () for None.

    A field of a config keeps its type, so that one which is a tuple or None must begin
    as a tuple.
    """
    names = [f.name for f in dataclasses.fields(options) if f.init]
    values = {name: getattr(options, name) for name in names}
    return {name: () if value is None else value for name, value in values.items()}


@contextlib.contextmanager
def named_fields(group: str, names: Iterable[str], **others: str) -> Iterator[None]:
    """Turns an error of the library into a `UserError` in the words of the config.

    In the group "model", with `names` its fields, "latent_dim must be ..." becomes
    "model.latent_dim must be ...". A message that begins with another word stays.

    Args:
      group: what is put in front of a field.
      names: fields of the group.
      **others: what else a message may begin with -> its whole name in the config.
    """
    full = {**{name: f"{group}.{name}" for name in names}, **others}
    try:
        yield
    except (ValueError, TypeError) as error:
        first, space, rest = one_line(error).partition(" ")
        raise UserError(f"{full.get(first, first)}{space}{rest}") from error
