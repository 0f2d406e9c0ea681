"""Prior variances from the principal components of the data."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax._checks import check_unmasked

_CHUNK = 2_048
# Up to here all eigenvalues take less time than an iteration for the largest ones.
_DENSE_SIZE = 1_024


def pca_variances(
    images: ArrayLike | Iterator[np.ndarray],
    latent_dim: int,
    *,
    smallest_of: int | None = None,
) -> tuple[float, ...]:
    """Squared singular values of the images, scaled to a mean of 1.

    The anisotropic prior of Mathieu, Rainforth, Siddharth and Teh, "Disentangling
    Disentanglement in Variational Autoencoders", ICML 2019,
    https://arxiv.org/abs/1812.02833. As in the authors' code
    (https://github.com/iffsid/disentangling-disentanglement) the mean image is not
    subtracted, so that the first variance is mostly that of the mean image.

    That code takes the first ten values of `scipy.sparse.linalg.svds(..., k=20)`, which
    returns them in ascending order: the smaller ten of the largest twenty. Pass
    `smallest_of=20` to get those.

    Args:
      images: `[n, ...]`, the axes after the first flattened; or an iterator of such
        arrays, for images that do not fit into memory together.
      latent_dim: how many variances.
      smallest_of: None for the `latent_dim` largest values, descending; or a number
        from which to take the `latent_dim` smallest of that many largest, ascending.

    Returns:
      `latent_dim` variances, for `GaussianPrior` and `LearnedGaussianPrior`.

    Raises:
      ValueError: if the images are not finite or their rank is too low, if `latent_dim`
        is not above 0, or `smallest_of` is smaller than `latent_dim`.

    >>> images = np.diag([1.0, 2.0, 3.0])
    >>> [round(v, 4) for v in pca_variances(images, 2)]
    [1.3846, 0.6154]
    >>> [round(v, 4) for v in pca_variances(images, 2, smallest_of=3)]
    [0.4, 1.6]
    """
    count = latent_dim if smallest_of is None else smallest_of
    if not 0 < latent_dim <= count:
        raise ValueError(
            "latent_dim must be above 0 and at most smallest_of, got "
            f"latent_dim={latent_dim}, smallest_of={smallest_of}."
        )
    if isinstance(images, Iterator):
        moment, shape = _moment(map(_as_rows, images))
    else:
        rows = _as_rows(images)
        moment, shape = _moment([rows]) if len(rows) >= rows.shape[1] else _outer(rows)
    values = _largest_eigenvalues(moment, min(count, *shape))
    # What rounding leaves of a zero.
    floor = values[0] * max(shape) * np.finfo(np.float64).eps
    rank = int((values > floor).sum())
    if rank < count:
        raise ValueError(
            f"{count} variances were asked for, but the images, as a matrix of shape "
            f"{shape}, have rank {rank}; lower latent_dim or pass more images."
        )
    kept = values if smallest_of is None else values[::-1][:latent_dim]
    return tuple((kept / kept.mean()).tolist())


def _as_rows(images: ArrayLike) -> np.ndarray:
    """An image per row."""
    check_unmasked(images=images)
    images = np.asarray(images)
    if images.ndim < 2 or images.size == 0:
        raise ValueError(f"images must have shape [n, ...], got {images.shape}.")
    return images.reshape(len(images), -1)


def _moment(parts: Iterable[np.ndarray]) -> tuple[np.ndarray, tuple[int, int]]:
    """Sum of the outer products of all rows, and the shape of all rows together."""
    moment, num = np.zeros((1, 1)), 0
    for rows in parts:
        if num == 0:
            moment = np.zeros((rows.shape[1],) * 2)
        elif len(moment) != rows.shape[1]:
            raise ValueError(
                f"images must have one size, got {len(moment)} and {rows.shape[1]} "
                "pixels."
            )
        num += len(rows)
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            # Sums of so few zeros and ones are exact in float32, in half of the time.
            exact = ((chunk == 0) | (chunk == 1)).all()
            chunk = chunk.astype(np.float32 if exact else np.float64)
            moment += chunk.T @ chunk
    if num == 0:
        raise ValueError("images must have shape [n, ...], got no images.")
    return moment, (num, len(moment))


def _outer(rows: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Inner products of the rows with one another, and their shape."""
    matrix = rows.astype(np.float64)
    return matrix @ matrix.T, (rows.shape[0], rows.shape[1])


def _largest_eigenvalues(moment: np.ndarray, count: int) -> np.ndarray:
    """The `count` largest eigenvalues, descending."""
    from scipy.linalg import eigh
    from scipy.sparse.linalg import eigsh

    if not np.isfinite(moment).all():
        raise ValueError("images must be finite.")
    size = len(moment)
    if size <= _DENSE_SIZE or count > size // 8:
        indices = (size - count, size - 1)
        values = eigh(moment, eigvals_only=True, subset_by_index=indices)
    else:
        start = np.random.default_rng(0).normal(size=size)  # the same result every time
        values = eigsh(moment, k=count, v0=start, return_eigenvectors=False)
    return np.maximum(np.sort(values)[::-1], 0.0)
