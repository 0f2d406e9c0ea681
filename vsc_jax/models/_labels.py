"""Labels of models that learn from a factor of the data set."""

from collections.abc import Sequence

import jax
import numpy as np

from vsc_jax.models._base import Batch


def label_size(label_factor: int, factor_sizes: Sequence[int]) -> int:
    """The number of values of the factor that is the label.

    Raises:
      ValueError: if there is no such factor; begins with the field `label_factor`.
    """
    if label_factor >= len(factor_sizes):
        raise ValueError(
            "label_factor must be the number of a factor of the data set, which "
            f"has {len(factor_sizes)}, got {label_factor}; take data with labels."
        )
    return factor_sizes[label_factor]


def check_label_factor(
    num_classes: int,
    label_factor: int,
    factor_names: Sequence[str],
    factor_sizes: Sequence[int],
    train_factors: np.ndarray | None = None,
) -> None:
    """Raises ValueError unless every class is a value of the label with images.

    Args:
      num_classes: of the model.
      label_factor: the column that is the label.
      factor_names: as in `ChecksDataset.check_dataset`, like the two below.
      factor_sizes: see there.
      train_factors: see there.
    """
    size = label_size(label_factor, factor_sizes)
    name = factor_names[label_factor]
    if num_classes != size:
        raise ValueError(
            f"num_classes must be {size}, the number of values of the factor "
            f"{name!r}, got {num_classes}."
        )
    if train_factors is None:
        return
    labels = np.asarray(train_factors)[:, label_factor]
    if labels.size and not (labels.min() >= 0 and labels.max() < size):
        raise ValueError(
            f"label_factor must be a factor with values of 0 to {size - 1}, got "
            f"{labels.min()} to {labels.max()} in {name!r}."
        )
    missing = np.setdiff1d(np.arange(size), labels)
    if missing.size:
        some = ", ".join(map(str, missing[:5])) + ", ..." * (missing.size > 5)
        raise ValueError(
            "label_factor must be a factor of which every value has training "
            f"images, got none of {name!r} {some}; take more images, or number the "
            "classes from 0 on without gaps."
        )


def labels_of(
    batch: Batch, label_factor: int, *, method: str, without: str
) -> jax.Array:
    """The labels int `[batch]`, a column of the factors.

    Args:
      batch: of training data.
      label_factor: the column.
      method: what asks for labels, for the message.
      without: the model to take without labels, for the message.

    Raises:
      ValueError: if the batch has no factors or too few.
    """
    num = 0 if batch.factors is None else batch.factors.shape[-1]
    if batch.factors is None or label_factor >= num:
        raise ValueError(
            f"{method} uses labels: batch.factors must have a column {label_factor}, "
            f"got {num} columns; take a data set with factors or the model {without!r}."
        )
    return batch.factors[:, label_factor]
