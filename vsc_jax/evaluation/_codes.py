"""Codes of images with their ground truth."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vsc_jax.datasets import Dataset
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._inferred_latents import without_noise
from vsc_jax.evaluation._needs import has
from vsc_jax.evaluation.scores import LabelledCodes
from vsc_jax.models import HasCategories


def labelled_codes(context: Context, rows: np.ndarray) -> LabelledCodes:
    """Codes and factors of rows of a data set.

    Raises:
      NotApplicable: if the model does not encode.
    """
    encoded = without_noise(context.model, context.encode(rows))
    return LabelledCodes(
        codes=encoded.expected_latents,
        factors=_factors_at(context.dataset, rows),
        categories=encoded.categories if has(context.model, HasCategories) else None,
        log_var=None if encoded.has_spike else encoded.log_var,
    )


def _factors_at(dataset: Dataset, rows: np.ndarray) -> np.ndarray | None:
    return None if dataset.factors is None else dataset.factors[rows]


def encoder_codes(
    encode: Callable[[np.ndarray], Any],
    dataset: Dataset,
    rows: np.ndarray,
    *,
    batch_size: int = 500,
) -> LabelledCodes:
    """Codes of rows of a data set by any encoder, not only a model of ours.

    Args:
      encode: from images `[b, height, width, channels]`, float32 in [0, 1], to codes
        `[b, latent_dim]`; called with batches of at most `batch_size`.
      dataset: if it has no factors, the result has none, and most scores do not apply.
      rows: `[n]`, of `dataset.images`.
      batch_size: images decoded at a time.

    Returns:
      A `LabelledCodes` for `compute_scores`, or for the functions of `vsc_jax.metrics`.

    Raises:
      TypeError: if `encode` returns no array of numbers.
      ValueError: if there are no rows, or `encode` returns another shape.

    >>> import numpy as np
    >>> from vsc_jax.datasets import load_dataset
    >>> from vsc_jax.evaluation import compute_scores, encoder_codes
    >>> sprites = load_dataset("sprites", image_size=32, num_train=300, num_test=50)
    >>> mean_position = lambda x: np.stack(
    ...     [(x.sum(axis) @ np.arange(32.0)[:, None])[:, 0] / x.sum((1, 2, 3))
    ...      for axis in ((1, 3), (2, 3))], axis=1)
    >>> train = encoder_codes(mean_position, sprites, sprites.train_indices)
    >>> compute_scores(["modularity"], train, train)["modularity"]["value"] > 0.5
    True
    """
    if not len(rows):
        raise ValueError("rows must not be empty.")
    parts = np.split(rows, range(batch_size, len(rows), batch_size))
    codes = [_checked(encode(dataset.decode(part)), len(part)) for part in parts]
    if len(sizes := sorted({part.shape[1] for part in codes})) > 1:
        raise ValueError(
            f"encode must return as many latents for each batch, got {sizes}."
        )
    return LabelledCodes(np.concatenate(codes), _factors_at(dataset, rows))


def _checked(codes: Any, num: int) -> np.ndarray:
    """What an encoder gave for `num` images, as codes `float32 [num, latent_dim]`.

    Raises:
      TypeError: if it is no array of numbers, such as the tuple of mean and variance.
      ValueError: if it has another shape.
    """
    if isinstance(codes, tuple):
        raise TypeError(
            "encode must return an array of codes, got a tuple of "
            f"{len(codes)}; of (mean, log_var) return the mean."
        )
    codes = np.asarray(codes)
    if codes.dtype.kind not in "fiu":
        raise TypeError(f"encode must return numbers, got dtype {codes.dtype}.")
    if codes.ndim != 2 or len(codes) != num or not codes.size:
        raise ValueError(
            f"encode must return codes of shape [{num}, latent_dim] for {num} images, "
            f"got {codes.shape}."
        )
    return codes.astype(np.float32)
