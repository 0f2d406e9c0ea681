"""Codes in which one latent moves and the others stay."""

import numpy as np

FALLBACK_RANGE = 2.0
_MIN_DRAWS = 20


def traversal_codes(
    z: np.ndarray, latents: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Copies of a code with one latent set to given values.

    Args:
      z: `[latent_dim]`, the code to start from.
      latents: `[rows]`, which latent each row changes.
      values: `[rows, columns]`, its values.

    Returns:
      `[rows, columns, latent_dim]`.

    Raises:
      ValueError: if shapes do not fit.

    >>> traversal_codes(np.zeros(2), [1], [[-1.0, 1.0]])[0].tolist()
    [[0.0, -1.0], [0.0, 1.0]]
    """
    z, values = np.asarray(z), np.asarray(values)
    latents = np.asarray(latents, dtype=int)
    if z.ndim != 1 or values.ndim != 2 or latents.shape != values.shape[:1]:
        raise ValueError(
            "z, latents and values must have shapes [latent_dim], [rows] and "
            f"[rows, columns], got {z.shape}, {latents.shape} and {values.shape}."
        )
    codes = np.tile(z, (*values.shape, 1))
    codes[np.arange(len(latents)), :, latents] = values
    return codes


def traversal_values(
    codes: np.ndarray,
    latents: np.ndarray,
    *,
    num_values: int = 9,
    quantiles: tuple[float, float] = (0.05, 0.95),
) -> np.ndarray:
    """Evenly spaced values over the range that a latent takes when it is used.

    Args:
      codes: `[n, latent_dim]`, draws z ~ q(z|x) of many images.
      latents: `[rows]`, the latents asked for.
      num_values: columns.
      quantiles: ends of the range among the non-zero draws. With fewer than 20 of
        them, or all equal, the range is -2 to 2, that of a standard normal.

    Returns:
      `[rows, num_values]`, ascending.
    """
    ranges = []
    for latent in np.asarray(latents, dtype=int):
        draws = codes[:, latent][codes[:, latent] != 0]
        low, high = -FALLBACK_RANGE, FALLBACK_RANGE
        if len(draws) >= _MIN_DRAWS and np.ptp(draws) > 0:
            low, high = np.quantile(draws, quantiles)
        ranges.append(np.linspace(low, high, num_values))
    return np.stack(ranges)


def author_traversal_codes(
    z: np.ndarray,
    *,
    threshold: float = 1e-4,
    delta: float = 0.2,
    num_frames: int = 8,
    max_latents: int = 15,
) -> tuple[np.ndarray, np.ndarray]:
    """Traversals as in the public reimplementation of Variational Sparse Coding.

    https://github.com/Alfo5123/Variational-Sparse-Coding: candidates are the latents
    with |z_j| > threshold in one draw z ~ q(z|x); the first frame is z, and each
    further one moves the latent by `delta` towards zero and on through it. There the
    rows are a random choice of candidates; here they are the largest |z_j|.

    Args:
      z: `[latent_dim]`, one draw.
      threshold: on |z_j|; the published figures use 0.0001 to 0.3.
      delta: change per frame; the published figures use 0.17 to 0.4.
      num_frames: columns.
      max_latents: rows at most.

    Returns:
      `latents` `[rows]` in order of falling |z_j|, and codes
      `[rows, num_frames, latent_dim]`; no rows if no latent is above the threshold.

    >>> latents, codes = author_traversal_codes(
    ...     np.array([0.5, 0.0, -1.0]), delta=0.25, num_frames=3
    ... )
    >>> latents.tolist(), codes[0, :, 2].tolist()
    ([2, 0], [-1.0, -0.75, -0.5])
    """
    z = np.asarray(z)
    order = np.argsort(-np.abs(z), kind="stable")
    latents = order[np.abs(z[order]) > threshold][:max_latents]
    steps = delta * np.arange(num_frames)
    direction = np.where(z[latents] < 0, 1.0, -1.0)
    values = z[latents, None] + direction[:, None] * steps[None, :]
    return latents, traversal_codes(z, latents, values)
