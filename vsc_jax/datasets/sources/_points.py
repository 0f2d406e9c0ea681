"""Points in the plane, in a pinwheel or in spirals: data whose density can be drawn.

The pinwheel is that of Johnson, Duvenaud, Wiltschko, Datta, Adams, "Composing graphical
models with neural networks for structured representations and fast inference" (NeurIPS
2016, https://arxiv.org/abs/1603.06277), with the numbers that Mathieu, Rainforth,
Siddharth, Teh, "Disentangling Disentanglement in Variational Autoencoders" (ICML 2019,
https://arxiv.org/abs/1812.02833) use for it in their code
(https://github.com/iffsid/disentangling-disentanglement).

As a data set, a point is an "image" of one row, two columns and one channel, held as
floats. Point `i` belongs to arm `i % num_arms`, so that a smaller split has all arms.
"""

import functools
from collections.abc import Callable

import numpy as np

from vsc_jax.datasets._base import Dataset, ImageFormat
from vsc_jax.datasets._source import Request, Source

_NUM_POINTS = 400


def pinwheel(
    rng: np.random.Generator,
    num_per_arm: int = 100,
    *,
    num_arms: int = 4,
    radial_stddev: float = 0.3,
    tangential_stddev: float = 0.1,
    rate: float = 0.25,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws points of a pinwheel: Gaussian blobs around a circle, twisted.

    With f ~ N((1, 0), diag(radial_stddev^2, tangential_stddev^2)), a point of arm k of
    K is f turned clockwise by the angle 2 pi k / K + rate exp(f_0). With the default
    numbers points have coordinates within about 2 of zero, of standard deviation 0.73.

    The numbers are those of Mathieu et al. 2019, whose code has the names of the two
    standard deviations the other way round (see the top of this module).

    Args:
      rng: where the draws come from, such as `numpy.random.default_rng(0)`.
      num_per_arm: points of each arm.
      num_arms: K.
      radial_stddev: standard deviation along an arm, before it is twisted.
      tangential_stddev: standard deviation across an arm.
      rate: how much the arms are twisted.

    Returns:
      Points `float32 [num_arms * num_per_arm, 2]` and the arm of each,
      `int32 [num_arms * num_per_arm]`; point i is of arm `i % num_arms`.

    Raises:
      ValueError: if a number is below one, or a standard deviation is negative.

    Example:
      >>> points, arms = pinwheel(np.random.default_rng(0), num_per_arm=50)
      >>> points.shape, arms[:6].tolist()
      ((200, 2), [0, 1, 2, 3, 0, 1])
    """
    _check_counts(num_per_arm=num_per_arm, num_arms=num_arms)
    _check_scales(radial_stddev=radial_stddev, tangential_stddev=tangential_stddev)
    arms = np.tile(np.arange(num_arms, dtype=np.int32), num_per_arm)
    along, across = rng.standard_normal((len(arms), 2)).T
    along, across = 1.0 + radial_stddev * along, tangential_stddev * across
    angle = 2 * np.pi * arms / num_arms + rate * np.exp(along)
    cos, sin = np.cos(angle), np.sin(angle)
    points = np.stack([along * cos + across * sin, across * cos - along * sin], axis=1)
    return points.astype(np.float32), arms


def spirals(
    rng: np.random.Generator,
    num_per_arm: int = 200,
    *,
    num_arms: int = 2,
    num_turns: float = 1.5,
    radius: float = 1.8,
    noise_stddev: float = 0.05,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws points of interleaved spirals that start at the origin.

    With u ~ Uniform(0, 1), a point of arm k of K is at the distance radius sqrt(u) from
    the origin and at the angle 2 pi (k / K + num_turns sqrt(u)), plus Gaussian noise.
    The square root spreads the points about evenly along an arm.

    The "2spirals" of Grathwohl, Chen, Bettencourt, Sutskever, Duvenaud, "FFJORD" (ICLR
    2019, https://arxiv.org/abs/1810.01367; code https://github.com/rtqichen/ffjord),
    which have as many arms and turns; the size and the noise are our own choice, so
    that points lie within about 2 of zero.

    Args:
      rng: where the draws come from, such as `numpy.random.default_rng(0)`.
      num_per_arm: points of each arm.
      num_arms: K.
      num_turns: how often an arm winds around the origin.
      radius: distance of the outer end of an arm.
      noise_stddev: standard deviation of the noise in each coordinate.

    Returns:
      Points `float32 [num_arms * num_per_arm, 2]` and the arm of each,
      `int32 [num_arms * num_per_arm]`; point i is of arm `i % num_arms`.

    Raises:
      ValueError: if a number is below one, or `radius` or `noise_stddev` is negative.

    Example:
      >>> points, arms = spirals(np.random.default_rng(0), noise_stddev=0.0)
      >>> points.shape, bool((np.hypot(*points.T) < 1.8).all())
      ((400, 2), True)
    """
    _check_counts(num_per_arm=num_per_arm, num_arms=num_arms)
    _check_scales(radius=radius, noise_stddev=noise_stddev)
    arms = np.tile(np.arange(num_arms, dtype=np.int32), num_per_arm)
    distance = np.sqrt(rng.random(len(arms)))
    angle = 2 * np.pi * (arms / num_arms + num_turns * distance)
    points = radius * distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    points = points + noise_stddev * rng.standard_normal((len(arms), 2))
    return points.astype(np.float32), arms


def load_pinwheel(request: Request) -> Dataset:
    """400 train and 400 test points of a pinwheel of 4 arms."""
    return _load(request, functools.partial(pinwheel, num_arms=4), 4)


def load_spirals(request: Request) -> Dataset:
    """400 train and 400 test points of 2 spirals."""
    return _load(request, functools.partial(spirals, num_arms=2), 2)


def _load(
    request: Request,
    draw: Callable[..., tuple[np.ndarray, np.ndarray]],
    num_arms: int,
) -> Dataset:
    """Splits drawn by generators of their own; a smaller one is a prefix."""
    for name in ("image_size", "channels"):
        if getattr(request, name) is not None:
            raise ValueError(
                f"{request.name} has points, not images; {name} must be left out, got "
                f"{getattr(request, name)}."
            )
    train, test = request.cut(np.arange(_NUM_POINTS), np.arange(_NUM_POINTS))
    parts = []
    for part, rows in enumerate((train, test)):
        rng = np.random.default_rng([request.seed, part])
        points, arms = draw(rng, num_per_arm=_NUM_POINTS // num_arms)
        parts.append((points[rows], arms[rows]))
    points, arms = (np.concatenate(both) for both in zip(*parts, strict=True))
    return Dataset(
        name=request.name,
        images=points.reshape(-1, 1, 2, 1),
        format=ImageFormat((1, 2, 1), points=True),
        train_indices=np.arange(len(train), dtype=np.int32),
        test_indices=np.arange(len(train), len(points), dtype=np.int32),
        factors=arms[:, None],
        factor_names=("arm",),
        factor_sizes=(num_arms,),
    )


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}.")


def _check_scales(**scales: float) -> None:
    for name, scale in scales.items():
        if not scale >= 0.0:
            raise ValueError(f"{name} must not be negative, got {scale}.")


PINWHEEL = Source(
    name="pinwheel",
    load=load_pinwheel,
    images="points in the plane",
    split="400 / 400",
    origin="drawn here: 4 twisted arms",
)
SPIRALS = Source(
    name="spirals",
    load=load_spirals,
    images="points in the plane",
    split="400 / 400",
    origin="drawn here: 2 spirals",
)
