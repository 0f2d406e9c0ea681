"""What a data set is: images held as bytes, bits or floats, factors, and a split."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.datasets._scene_objects import SceneObjects

Array = TypeVar("Array", np.ndarray, jax.Array)


def as_int32(name: str, factors: np.ndarray) -> np.ndarray:
    """Factors as int32.

    Raises:
      TypeError: if they are not integers.
      ValueError: if one does not fit, as it would come out as another number.
    """
    if not np.issubdtype(factors.dtype, np.integer):
        raise TypeError(f"{name} must be integers, got dtype {factors.dtype}.")
    limits = np.iinfo(np.int32)
    if factors.size and not (
        limits.min <= int(factors.min()) and int(factors.max()) <= limits.max
    ):
        raise ValueError(
            f"{name} must fit into int32, up to {limits.max}, got "
            f"{factors.min()} to {factors.max()}; number the values from 0 on."
        )
    return factors.astype(np.int32)


@dataclasses.dataclass(frozen=True)
class ImageFormat:
    """How stored rows become images; hashable, so usable as a static argument.

    Attributes:
      image_shape: `(height, width, channels)`.
      packed: whether a stored row holds bits, `uint8 [ceil(h * w * c / 8)]`, most
        significant bit first, rather than bytes, `uint8 [h, w, c]`.
      divisor: the images are divided by this after scaling to [0, 1].
      unit_norm: whether each image is divided by its own Euclidean norm.
      points: whether a stored row holds numbers of any range, `float32 [h, w, c]`,
        that are taken as they are.

    Raises:
      ValueError: if `points` comes with `packed`, `divisor` or `unit_norm`.
    """

    image_shape: tuple[int, int, int]
    packed: bool = False
    divisor: float = 1.0
    unit_norm: bool = False
    points: bool = False

    def __post_init__(self) -> None:
        if self.points and (self.packed or self.unit_norm or self.divisor != 1.0):
            raise ValueError(
                "points are taken as they are: packed, unit_norm and divisor must be "
                f"left out, got {self.packed}, {self.unit_norm} and {self.divisor}."
            )

    def decode(self, stored: Array) -> Array:
        """Stored rows `[n, ...]` to images `float32 [n, *image_shape]`.

        Arrays of NumPy give arrays of NumPy: nothing is compiled for them.
        """
        xp: Any = np if isinstance(stored, np.ndarray) else jnp
        height, width, channels = self.image_shape
        x: Any
        num = stored.shape[0]
        if self.points:
            return stored.reshape(num, *self.image_shape).astype(np.float32)
        if self.packed:
            bits = xp.unpackbits(stored, axis=1, count=height * width * channels)
            x = bits.reshape(num, *self.image_shape).astype(np.float32)
        else:
            x = stored.reshape(num, *self.image_shape).astype(np.float32)
            x = _divide(x, 255.0)
        if self.unit_norm:
            # Flattened, since XLA's CPU loops are slow over a last axis of one channel.
            norm = xp.linalg.norm(x.reshape(num, -1), axis=1)
            x = x / xp.maximum(norm, 1e-6).reshape(num, 1, 1, 1)
        return _divide(x, self.divisor)


def _divide(x: Any, number: float) -> Any:
    # XLA multiplies by the reciprocal; the same here gives the same bits.
    if isinstance(x, np.ndarray):
        return x * (np.float32(1.0) / np.float32(number))
    return x / number


def rows_of_both(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The rows of a split, each once: training rows, then the test rows beside them."""
    return np.concatenate([train, test[~np.isin(test, train)]])


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Images in memory with their ground truth and a split.

    Attributes:
      name: the name under which it was loaded.
      images: `uint8 [n, h, w, c]` in 0..255, or packed bits `uint8 [n, bytes]`, or
        `float32 [n, h, w, c]` of any range (points in the plane: `[n, 1, 2, 1]`).
      format: how a stored row becomes an image.
      train_indices: `int32 [num_train]`, rows of `images`.
      test_indices: `int32 [num_test]`, rows of `images`; a row is in both only where
        `load_dataset` was asked for so many training images that test images are among
        them.
      factors: `int32 [n, num_factors]` ground-truth factors, a class label among them,
        or None.
      factor_names: one name per column of `factors`.
      factor_sizes: number of values per column of `factors`.
      label_factor: name of the factor that is the class of an image, or None.
      label_names: one name per value of the label factor, such as the subfolders of an
        image folder; empty where the numbers are the names.
      category_factor: name of the factor that categorical latents are compared with,
        or None: the shape where there is one, else the label.
      category_names: one name per value of the category factor, or empty.
      sources: `float32 [n, num_sources]` continuous ground-truth sources, zero where
        a source is absent from the image (only `smiley` has them), or None.
      source_names: one name per column of `sources`.
      objects: which objects each image has, where and with which pixels, or None for
        images that are not scenes of objects.
      notes: what the user should know of how the images were read, one line each.
      fingerprint: what a user's own data, and digits and pictures from files, are known
        by again, all of them, whatever part was taken; JSON-able. Empty for data that
        do not change.

    Raises:
      TypeError: if `factors` are not integers.
      ValueError: if they do not fit into int32, if a name is twice in `factor_names`,
        if `label_factor` or `category_factor`
        is not one of `factor_names`, or their names are not one per value, or if
        `objects` are those of another number of images or another size.
    """

    name: str
    images: np.ndarray
    format: ImageFormat
    train_indices: np.ndarray
    test_indices: np.ndarray
    factors: np.ndarray | None = None
    factor_names: tuple[str, ...] = ()
    factor_sizes: tuple[int, ...] = ()
    label_factor: str | None = None
    label_names: tuple[str, ...] = ()
    category_factor: str | None = None
    category_names: tuple[str, ...] = ()
    sources: np.ndarray | None = None
    source_names: tuple[str, ...] = ()
    objects: SceneObjects | None = None
    notes: tuple[str, ...] = ()
    fingerprint: Mapping[str, str | int] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.factors is not None:
            as_int32("factors", self.factors)
        if len(set(self.factor_names)) < len(self.factor_names):
            raise ValueError(
                f"factor_names must differ from each other, got {self.factor_names}."
            )
        if self.objects is not None:
            found = len(self.objects.presence), self.objects.image_size
            expected = len(self.images), self.format.image_shape[:2]
            if found != expected:
                raise ValueError(
                    f"objects must be those of {expected[0]} images of size "
                    f"{expected[1]}, got {found[0]} of size {found[1]}."
                )
        for kind in ("label", "category"):
            name = getattr(self, f"{kind}_factor")
            value_names = getattr(self, f"{kind}_names")
            if name is not None and name not in self.factor_names:
                raise ValueError(
                    f"{kind}_factor must be one of factor_names "
                    f"{self.factor_names}, got {name!r}."
                )
            if not value_names:
                continue
            num = 0 if name is None else self.factor_sizes[self._column(name)]
            if len(value_names) != num:
                raise ValueError(
                    f"{kind}_names must be one name for each of the {num} values of "
                    f"{kind}_factor {name!r}, got {len(value_names)}."
                )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)`."""
        return self.format.image_shape

    @property
    def split_indices(self) -> np.ndarray:
        """Rows of both splits, each once, those of the train split first."""
        return rows_of_both(self.train_indices, self.test_indices)

    @property
    def untested_indices(self) -> np.ndarray:
        """Rows of the train split that are not in the test split as well."""
        return self.train_indices[~np.isin(self.train_indices, self.test_indices)]

    @property
    def labels(self) -> np.ndarray | None:
        """The class of each image, `int32 [n]`, or None without a label factor."""
        return None if self.label_factor is None else self.factor(self.label_factor)

    @property
    def categories(self) -> np.ndarray | None:
        """The category factor, `int32 [n]`, or None without one."""
        name = self.category_factor
        return None if name is None else self.factor(name)

    def factor(self, name: str) -> np.ndarray:
        """The column `int32 [n]` of the factor of this name.

        Raises:
          ValueError: if there is no such factor; names those there are.
        """
        if self.factors is None or name not in self.factor_names:
            known = ", ".join(self.factor_names) or "no factors"
            raise ValueError(f"{self.name} has {known}, got {name!r}.")
        return self.factors[:, self._column(name)]

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """Images `float32 [len(indices), height, width, channels]` of these rows."""
        return self.format.decode(self.images[indices])

    def _column(self, name: str) -> int:
        return self.factor_names.index(name)
