"""Codes changed on purpose: scaled, drawn anew where not zero, or between two images.

The protocols are those of the public reimplementation of Variational Sparse Coding,
https://github.com/Alfo5123/Variational-Sparse-Coding, and of the paper (Tonolini,
Jensen & Murray-Smith, https://proceedings.mlr.press/v115/tonolini20a.html).
"""

import math
from collections.abc import Sequence

import numpy as np

from vsc_jax.evaluation._encoded import join_code


def interpretation_codes(
    z: np.ndarray,
    *,
    scales: Sequence[float] = (0.01, -0.5),
    among: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Copies of codes whose largest latent is multiplied by each scale.

    As in the public reimplementation: 0.01 all but removes what the latent says,
    -0.5 says the opposite.

    Args:
      z: `[n, latent_dim]`, one draw z ~ q(z|x) per image.
      scales: factors of the latent with the largest |z_j|.
      among: `[m]`, the latents that one is taken of; None for all. A draw of a latent
        that says nothing of images is as large as that of any.

    Returns:
      `latents` `[n]`, which latent of each code was changed, and codes
      `[n, len(scales), latent_dim]`.

    Raises:
      ValueError: if `z` is no matrix.

    >>> latents, codes = interpretation_codes(np.array([[0.5, -2.0]]))
    >>> latents.tolist(), codes.tolist()
    ([1], [[[0.5, -0.02], [0.5, 1.0]]])
    """
    z = np.asarray(z)
    if z.ndim != 2:
        raise ValueError(f"z must have shape [n, latent_dim], got {z.shape}.")
    candidates = np.arange(z.shape[1]) if among is None else np.asarray(among)
    latents = candidates[np.abs(z[:, candidates]).argmax(axis=1)]
    codes = np.repeat(z[:, None], len(scales), axis=1)
    codes[np.arange(len(z)), :, latents] *= np.asarray(scales, z.dtype)
    return latents, codes


def conditional_codes(
    rng: np.random.Generator,
    z: np.ndarray,
    *,
    num_samples: int = 6,
    fraction: float = 0.8,
    threshold: float = 1e-4,
) -> np.ndarray:
    """Draws that keep the non-zero latents of a code, but not most of their values.

    As in the public reimplementation: of the latents with |z_j| > threshold a part is
    picked with replacement, and the picked ones get values from N(0, 1). With 10
    non-zero latents and a fraction of 0.8 that is 8 picks, which on average change 5.7
    of them. Rounding up, so that at least one changes, is our choice.

    Args:
      rng: source of the picks and values.
      z: `[latent_dim]`, one draw z ~ q(z|x).
      num_samples: draws.
      fraction: picks per non-zero latent.
      threshold: on |z_j|.

    Returns:
      `[num_samples, latent_dim]`, copies of `z` where it has no non-zero latent.

    Raises:
      ValueError: if `z` is no vector or `fraction` is negative.

    >>> z = np.array([0.0, 2.0, 0.0])
    >>> codes = conditional_codes(np.random.default_rng(0), z, num_samples=2)
    >>> (codes != 0).tolist(), bool((codes == 2.0).any())
    ([[False, True, False], [False, True, False]], False)
    """
    z = np.asarray(z)
    if z.ndim != 1 or fraction < 0:
        raise ValueError(
            "z must be a vector and fraction at least 0, got shape "
            f"{z.shape} and {fraction}."
        )
    codes = np.tile(z, (num_samples, 1))
    support = np.flatnonzero(np.abs(z) > threshold)
    num_picks = math.ceil(fraction * len(support))
    if num_picks:
        for code in codes:
            picks = rng.choice(support, num_picks)
            code[picks] = rng.standard_normal(num_picks)
    return codes


def interpolation_codes(
    mean: np.ndarray,
    slab_prob: np.ndarray,
    *,
    num_frames: int = 8,
    switch: bool = False,
) -> np.ndarray:
    """Codes on the way from one image to another, gate times slab mean at every point.

    The paper shows a continuous and a discrete interpolation between two images. How
    they are computed is our reading: slab means m go linearly in both,
    m(t) = (1 - t) m_a + t m_b, for t from 0 to 1; the gates g go linearly in the
    continuous one and jump from g_a to g_b at t = 1/2 in the discrete one. The
    code is g(t) m(t), so both begin and end alike.

    Args:
      mean: `[2, latent_dim]`, slab means of the two images.
      slab_prob: `[2, latent_dim]`, their gates: P(z_j != 0 | x), or zeros and ones.
      num_frames: points, evenly spaced; with an even number none is at the jump (a
        frame at t = 1/2 has the gates of the second image).
      switch: whether the gates jump.

    Returns:
      `[num_frames, latent_dim]`.

    Raises:
      ValueError: if shapes are not `[2, latent_dim]`, or there are fewer than two
        frames.

    >>> mean, gates = np.array([[1.0, 0.5], [2.0, -1.0]]), np.array([[1, 0], [1, 1]])
    >>> interpolation_codes(mean, gates, num_frames=3).tolist()
    [[1.0, 0.0], [1.5, -0.125], [2.0, -1.0]]
    >>> interpolation_codes(mean, gates, num_frames=3, switch=True).tolist()
    [[1.0, 0.0], [1.5, -0.25], [2.0, -1.0]]
    """
    mean, slab_prob = np.asarray(mean), np.asarray(slab_prob)
    if mean.ndim != 2 or len(mean) != 2 or slab_prob.shape != mean.shape:
        raise ValueError(
            "mean and slab_prob must both have shape [2, latent_dim], got "
            f"{mean.shape} and {slab_prob.shape}."
        )
    if num_frames < 2:
        raise ValueError(f"num_frames must be at least 2, got {num_frames}.")
    t = np.linspace(0.0, 1.0, num_frames)[:, None]
    t_gate = (t >= 0.5).astype(t.dtype) if switch else t
    gates = (1.0 - t_gate) * slab_prob[:1] + t_gate * slab_prob[1:]
    return gates * ((1.0 - t) * mean[:1] + t * mean[1:])


def switch_categories(latents: np.ndarray, one_hots: np.ndarray) -> np.ndarray:
    """Codes on the way between two images, whose categories change in the middle.

    That they change there is our choice; with an odd number of frames the one in the
    middle has the categories of the second image, as the gates of
    `interpolation_codes`.

    Args:
      latents: `[num_frames, latent_dim]`, of `interpolation_codes`.
      one_hots: `[2, sum(category_sizes)]`, the categories of the two images as one-hot
        vectors; without columns the codes are the latents.

    Returns:
      `[num_frames, latent_dim + sum(category_sizes)]`.

    >>> switch_categories(np.zeros((3, 1)), np.eye(2)).tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
    """
    late = np.linspace(0.0, 1.0, len(latents)) >= 0.5
    return join_code(np.asarray(latents), np.asarray(one_hots)[late.astype(int)])


def every_category(
    codes: np.ndarray, category_sizes: Sequence[int], variable: int
) -> np.ndarray:
    """Copies of codes with each category of one categorical variable.

    Args:
      codes: `[..., latent_dim + sum(category_sizes)]`; Gaussian latents, then a one-hot
        vector per variable.
      category_sizes: number of categories of each variable.
      variable: which of them changes; latents and the other variables stay.

    Returns:
      `[category_sizes[variable], ..., code_dim]`.

    >>> every_category(np.array([0.7, 1.0, 0.0]), (2,), 0).tolist()
    [[0.7, 1.0, 0.0], [0.7, 0.0, 1.0]]
    """
    size = category_sizes[variable]
    start = codes.shape[-1] - sum(category_sizes[variable:])
    copies = np.repeat(codes[None], size, axis=0)
    one_hots = np.eye(size, dtype=codes.dtype)
    copies[..., start : start + size] = np.expand_dims(
        one_hots, tuple(range(1, codes.ndim))
    )
    return copies
