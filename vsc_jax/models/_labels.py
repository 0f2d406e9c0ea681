"""Labels of models that learn from a factor of the data set."""

from collections.abc import Sequence

import jax

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
