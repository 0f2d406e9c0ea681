"""Test images as they are, turned, noisy, and corrupted as in MNIST-C."""

from typing import NamedTuple

import numpy as np

from experiments._small_classifiers import Images

CLEAN = "clean"
# All levels are our own choice.
ROTATIONS = (15, 30, 45, 60)
NOISES = (0.1, 0.2, 0.3, 0.4, 0.5)
# Of all draws below, so that every classifier is tested on the same images.
_SEED = 0


class Level(NamedTuple):
    """A test.

    Attributes:
      group: "clean", "rotation", "noise" or "mnist_corrupted".
      level: degrees, standard deviation, or the name of a corruption; of "clean" 0.
    """

    group: str
    level: float | str

    @property
    def name(self) -> str:
        """Under which its error is stored."""
        if self.group == CLEAN:
            return CLEAN
        return f"{self.group}_{self.level}"


def corrupt(test: Images) -> dict[Level, Images]:
    """The test images as they are, turned by each angle and with each noise.

    An image is turned by plus or minus the angle, the sign drawn once for each, with
    bilinear interpolation and black where it shows what was outside. Of the noise,
    Gaussian and independent for each value, all levels have the same draw; the sum is
    cut to [0, 1].
    """
    x, labels = test
    rng = np.random.default_rng(_SEED)
    is_turned_left = rng.random(len(x)) < 0.5
    normal = rng.standard_normal(x.shape, np.float32)
    tests = {Level(CLEAN, 0): test}
    for angle in ROTATIONS:
        tests[Level("rotation", angle)] = Images(
            _turned(x, angle, is_turned_left), labels
        )
    for stddev in NOISES:
        noisy = np.clip(x + np.float32(stddev) * normal, 0.0, 1.0)
        tests[Level("noise", stddev)] = Images(noisy, labels)
    return tests


def _turned(x: np.ndarray, angle: float, is_turned_left: np.ndarray) -> np.ndarray:
    from scipy.ndimage import rotate

    turned = np.empty_like(x)
    for sign, rows in ((1, is_turned_left), (-1, ~is_turned_left)):
        if rows.any():
            turned[rows] = rotate(
                x[rows], sign * angle, axes=(2, 1), reshape=False, order=1
            )
    return np.clip(turned, 0.0, 1.0)
