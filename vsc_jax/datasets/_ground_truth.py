"""The grid of ground-truth factors of a data set: draw factors, find their images.

As in https://github.com/google-research/disentanglement_lib, but on the arrays of a
`Dataset`, and with NumPy's generators.
"""

import dataclasses
import math

import numpy as np

from vsc_jax.datasets._base import Dataset

_NUM_SIGMAS = 400
# Of a value of a correlated factor, as a part of its share if it were uniform.
_RAREST = 0.1
_NUM_BISECTIONS = 60


@dataclasses.dataclass(frozen=True)
class GroundTruth:
    """Names and sizes of factors, and the grid of all their combinations.

    The grid is in row-major order: the last factor changes fastest. dSprites, Shapes3D
    and MPI3D have their images in this order.

    Attributes:
      factor_names: one name per factor.
      factor_sizes: number of values per factor.

    Raises:
      ValueError: if there are no factors, names and sizes differ in number, or a size
        is below one.

    Example:
      >>> truth = GroundTruth(("shape", "x"), (3, 4))
      >>> truth.num_images, truth.factors_from_index(np.array([5])).tolist()
      (12, [[1, 1]])
    """

    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        names, sizes = self.factor_names, self.factor_sizes
        if not sizes or len(names) != len(sizes) or min(sizes) < 1:
            raise ValueError(
                "factor_names and factor_sizes must have one name and one size from 1 "
                f"on per factor, got {names} and {sizes}."
            )

    @property
    def num_images(self) -> int:
        """The number of combinations."""
        return math.prod(self.factor_sizes)

    def sample_factors(self, rng: np.random.Generator, num: int) -> np.ndarray:
        """Uniform, independent factors `int32 [num, num_factors]`.

        Args:
          rng: where the draws come from, such as `numpy.random.default_rng(0)`.
          num: how many.
        """
        size = (_check_num(num), len(self.factor_sizes))
        return rng.integers(self.factor_sizes, size=size, dtype=np.int32)

    def sample_correlated_factors(
        self,
        rng: np.random.Generator,
        num: int,
        first: str,
        second: str,
        *,
        sigma: float | None = None,
        correlation: float | None = None,
    ) -> np.ndarray:
        """Factors of which two hang together; the others are uniform.

        Traeuble et al., "On Disentangled Representations Learned from Correlated Data"
        (ICML 2021, https://arxiv.org/abs/2006.07886): with `n_1`, `n_2` the numbers of
        values,

            p(f_1, f_2)  proportional to  exp(-(f_1 / n_1 - f_2 / n_2)^2 / (2 sigma^2)).

        They take 0.2 for a strong, 0.4 for a medium and 0.7 for a weak correlation.
        With `correlation` the sigma is found for which the two columns, as numbers,
        have this Pearson correlation; a negative one counts the values of the second
        factor from their end (our own choice).

        Args:
          rng: where the draws come from, such as `numpy.random.default_rng(0)`.
          num: how many.
          first: name of a factor.
          second: name of another factor.
          sigma: above zero; give this or `correlation`.
          correlation: between -1 and 1, of the distribution, not of the sample.

        Returns:
          `int32 [num, num_factors]`.

        Raises:
          ValueError: if a name is unknown, both are one factor, one of them has a
            single value, not exactly one of `sigma` and `correlation` is given, or no
            sigma has this correlation and leaves each value at least a tenth of its
            uniform share (factors of different sizes never reach 1).

        Example:
          >>> truth = GroundTruth(("shape", "x", "y"), (3, 32, 32))
          >>> rng = np.random.default_rng(0)
          >>> factors = truth.sample_correlated_factors(
          ...     rng, 20_000, "x", "y", correlation=0.8)
          >>> round(float(np.corrcoef(factors[:, 1], factors[:, 2])[0, 1]), 1)
          0.8
        """
        one, two = self._column(first), self._column(second)
        sizes = self.factor_sizes[one], self.factor_sizes[two]
        if one == two or min(sizes) < 2:
            raise ValueError(
                "first and second must be two factors of at least two values, got "
                f"{first!r} of {sizes[0]} and {second!r} of {sizes[1]}."
            )
        if (sigma is None) == (correlation is None):
            raise ValueError(
                "give exactly one of sigma and correlation, got "
                f"{sigma} and {correlation}."
            )
        if correlation is not None:
            sigma = _find_sigma(sizes, abs(correlation))
        if sigma is None or not sigma > 0.0:
            raise ValueError(f"sigma must be above zero, got {sigma}.")
        factors = self.sample_factors(rng, num)
        joint = _joint(sizes, sigma)
        cells = rng.choice(joint.size, size=num, p=joint.ravel())
        factors[:, one], factors[:, two] = np.unravel_index(cells, sizes)
        if correlation is not None and correlation < 0.0:
            factors[:, two] = sizes[1] - 1 - factors[:, two]
        return factors

    def index_from_factors(self, factors: np.ndarray) -> np.ndarray:
        """Places in the grid, `int64 [n]`, of factors `[n, num_factors]`.

        Raises:
          ValueError: if the shape is wrong or a factor is out of range; names the
            first such row.
          TypeError: if the factors are not integers.
        """
        factors = self.check_factors(factors)
        return np.asarray(
            np.ravel_multi_index(tuple(factors.T), self.factor_sizes), np.int64
        )

    def factors_from_index(self, index: np.ndarray) -> np.ndarray:
        """Factors `int32 [..., num_factors]` at these places `[...]` of the grid.

        Raises:
          ValueError: if an index is out of range.
          TypeError: if the index is not of integers.
        """
        index = np.asarray(index)
        _check_integers("index", index)
        bad = (index < 0) | (index >= self.num_images)
        if bad.any():
            raise ValueError(
                f"index must be in 0..{self.num_images - 1}, got "
                f"{int(index[bad].flat[0])}."
            )
        columns = np.unravel_index(index, self.factor_sizes)
        return np.stack(columns, axis=-1).astype(np.int32)

    def check_factors(self, factors: np.ndarray) -> np.ndarray:
        """The factors as an array, after the checks of `index_from_factors`."""
        factors = np.asarray(factors)
        _check_integers("factors", factors)
        if factors.ndim != 2 or factors.shape[1] != len(self.factor_sizes):
            raise ValueError(
                f"factors must have shape [n, {len(self.factor_sizes)}] "
                f"({', '.join(self.factor_names)}), got {factors.shape}."
            )
        bad = (factors < 0) | (factors >= np.array(self.factor_sizes))
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise ValueError(
                f"factors[{row}] has {self.factor_names[column]} = "
                f"{factors[row, column]}, but it must be in "
                f"0..{self.factor_sizes[column] - 1}."
            )
        return factors

    def _column(self, name: str) -> int:
        if name not in self.factor_names:
            raise ValueError(
                f"unknown factor {name!r}; known: {', '.join(self.factor_names)}."
            )
        return self.factor_names.index(name)


def ground_truth(dataset: Dataset) -> GroundTruth:
    """The grid of a data set's factors.

    Raises:
      ValueError: if the data set has no factors.

    Example:
      >>> from vsc_jax.datasets import load_dataset
      >>> truth = ground_truth(load_dataset("sprites", num_train=1, num_test=1))
      >>> truth.factor_sizes, truth.num_images
      ((3, 6, 40, 32, 32), 737280)
    """
    if dataset.factors is None:
        raise ValueError(f"{dataset.name} has no ground-truth factors.")
    return GroundTruth(dataset.factor_names, dataset.factor_sizes)


def rows_from_factors(
    dataset: Dataset, factors: np.ndarray, *, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Rows of a data set, `int64 [n]`, that have these factors `[n, num_factors]`.

    Where several rows have the same factors (the ten toys of a category in smallnorb),
    the first is taken, or with `rng` any of them.

    Args:
      dataset: with factors, and with a row for each combination that is asked for;
        a cut by `num_train` or `num_test` has not all.
      factors: integers `[n, num_factors]`.
      rng: to choose among rows with equal factors.

    Raises:
      ValueError: if the data set has no factors, a factor is out of range, or no row
        has these factors.
      TypeError: if the factors are not integers.
    """
    truth = ground_truth(dataset)
    index = truth.index_from_factors(factors)
    known = np.asarray(dataset.factors)
    if len(known) == truth.num_images and np.array_equal(known[index], factors):
        return index  # the whole grid in its order: nothing to look up
    places = truth.index_from_factors(known)
    order = np.argsort(places, kind="stable")
    start = np.searchsorted(places, index, side="left", sorter=order)
    count = np.searchsorted(places, index, side="right", sorter=order) - start
    if (count == 0).any():
        missing = int(np.argmax(count == 0))
        raise ValueError(
            f"{dataset.name} holds {len(np.unique(places))} of the {truth.num_images} "
            "combinations of its factors, and no image with "
            f"{_describe(truth, factors[missing])} (factors[{missing}]); load it "
            "without num_train and num_test to have them all."
        )
    chosen = start if rng is None else start + rng.integers(count)
    return order[chosen]


def images_from_factors(
    dataset: Dataset, factors: np.ndarray, *, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Images `float32 [n, height, width, channels]` with factors `[n, num_factors]`.

    Same arguments and errors as `rows_from_factors`. A cut of sprites, xy_squares or
    shapes3d_like has few of the combinations, but their renderers draw any.

    Example:
      >>> from vsc_jax.datasets import load_dataset
      >>> digits = load_dataset("digits")
      >>> images_from_factors(digits, np.array([[3], [7]])).shape
      (2, 8, 8, 1)
    """
    return dataset.decode(rows_from_factors(dataset, factors, rng=rng))


def _joint(sizes: tuple[int, int], sigma: float) -> np.ndarray:
    """Probabilities `float64 [n_1, n_2]`; they sum to one."""
    one, two = (np.arange(size) / size for size in sizes)
    weights = np.exp(-0.5 * ((one[:, None] - two[None, :]) / sigma) ** 2)
    return weights / weights.sum()  # f_1 = f_2 = 0 has weight one: never zero


def _pearson(joint: np.ndarray) -> float:
    one, two = (np.arange(size, dtype=np.float64) for size in joint.shape)
    one, two = one - joint.sum(1) @ one, two - joint.sum(0) @ two
    scale = math.sqrt((joint.sum(1) @ one**2) * (joint.sum(0) @ two**2))
    return float(one @ joint @ two) / scale if scale > 0.0 else 0.0


def _find_sigma(sizes: tuple[int, int], correlation: float) -> float:
    """The largest sigma with this correlation, which falls as sigma grows."""
    sigmas = np.geomspace(1e3, 1e-3, _NUM_SIGMAS)
    joints = [_joint(sizes, sigma) for sigma in sigmas]
    # A line so thin that it misses most values has its correlation by a trick.
    covers = [
        min(joint.sum(1).min() * sizes[0], joint.sum(0).min() * sizes[1]) > _RAREST
        for joint in joints
    ]
    found = np.where(covers, [_pearson(joint) for joint in joints], -1.0)
    enough = found >= correlation
    if not enough.any():
        raise ValueError(
            f"factors of {sizes[0]} and {sizes[1]} values can have correlations up to "
            f"+-{found.max():.4f}, got {correlation} (or its negative)."
        )
    place = int(np.argmax(enough))
    low, high = sigmas[place], sigmas[max(place - 1, 0)]
    for _ in range(_NUM_BISECTIONS):
        middle = math.sqrt(low * high)
        if _pearson(_joint(sizes, middle)) >= correlation:
            low = middle
        else:
            high = middle
    return low


def _describe(truth: GroundTruth, row: np.ndarray) -> str:
    pairs = zip(truth.factor_names, row, strict=True)
    return ", ".join(f"{name} = {int(value)}" for name, value in pairs)


def _check_num(num: int) -> int:
    if num < 1:
        raise ValueError(f"num must be at least 1, got {num}.")
    return num


def _check_integers(name: str, array: np.ndarray) -> None:
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must be integers, got dtype {array.dtype}.")
