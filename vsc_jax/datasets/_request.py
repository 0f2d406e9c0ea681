"""What was asked of a data set, and the steps that all sources share."""

import dataclasses
import os
import pathlib

import numpy as np

from vsc_jax.datasets._base import Dataset, ImageFormat

# 200,000 images of 64x64x3 bytes.
_MAX_BYTES = 200_000 * 64 * 64 * 3


class DatasetNotFoundError(FileNotFoundError):
    """The files of a data set are not there; the message says how to get them."""


@dataclasses.dataclass(frozen=True)
class Request:
    """The arguments of `load_dataset` that a source has to honour."""

    name: str
    path: pathlib.Path | None = None
    image_size: int | None = None
    channels: int | None = None
    num_train: int | None = None
    num_test: int | None = None
    seed: int = 0

    def cut(self, train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first `num_train` and `num_test` rows of a split.

        Raises:
          ValueError: if the split has fewer rows than asked for.
        """
        return (
            _first(train, self.num_train, "num_train", self.name),
            _first(test, self.num_test, "num_test", self.name),
        )

    def split(self, num: int, num_test: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of a seeded permutation: the last `num_test` are the test split."""
        if num < 2:
            raise ValueError(
                f"{self.name}: a train and a test split need at least 2 images, "
                f"found {num}."
            )
        order = np.random.default_rng(self.seed).permutation(num)
        return self.cut(order[: num - num_test], order[num - num_test :])

    def check_fixed(self, image_size: int, *, hint: str = "") -> None:
        """Refuses another size than this one, and colour: the images are bits."""
        if self.image_size not in (None, image_size):
            raise ValueError(
                f"{self.name} has images of {image_size}x{image_size} pixels, got "
                f"image_size={self.image_size}.{hint}"
            )
        self.check_grey()

    def check_grey(self) -> None:
        """Refuses colour for a data set of black and white images."""
        if self.channels not in (None, 1):
            raise ValueError(
                f"{self.name} has black and white images held as bits; channels must "
                f"be 1 or left out, got {self.channels}."
            )

    def require_path(self, what: str) -> pathlib.Path:
        """The path; for data sets that are nothing without one.

        Raises:
          DatasetNotFoundError: if no path was given or nothing is there.
        """
        if self.path is None:
            raise DatasetNotFoundError(
                f"{self.name} needs a path to {what}: give "
                "load_dataset(..., path=...) or --config.data.path=."
            )
        if not self.path.exists():
            raise DatasetNotFoundError(
                f"{self.name} needs {what}, but nothing is at {self.path}."
            )
        return self.path


def make_dataset(
    request: Request,
    images: np.ndarray,
    image_shape: tuple[int, int, int],
    train: np.ndarray,
    test: np.ndarray,
    *,
    packed: bool = False,
    factors: np.ndarray | None = None,
    factor_names: tuple[str, ...] = (),
    factor_sizes: tuple[int, ...] = (),
    label_factor: str | None = None,
    label_names: tuple[str, ...] = (),
    category_factor: str | None = None,
    category_names: tuple[str, ...] = (),
) -> Dataset:
    """A Dataset of the rows in the split; other rows are dropped.

    Without a `category_factor` the label is the category.
    """
    if category_factor is None:
        category_factor, category_names = label_factor, label_names
    if len(train) + len(test) < len(images):
        rows = np.concatenate([train, test])
        images = images[rows]
        factors = None if factors is None else factors[rows]
        train = np.arange(len(train))
        test = np.arange(len(train), len(rows))
    return Dataset(
        name=request.name,
        images=images,
        format=ImageFormat(image_shape, packed=packed),
        train_indices=train.astype(np.int32),
        test_indices=test.astype(np.int32),
        factors=None if factors is None else factors.astype(np.int32),
        factor_names=factor_names,
        factor_sizes=factor_sizes,
        label_factor=label_factor,
        label_names=label_names,
        category_factor=category_factor,
        category_names=category_names,
    )


def kept_rows(
    train: np.ndarray, test: np.ndarray, num: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows of a split among `num`, and the split as places among these rows.

    All rows stay in their order, so that row i of a whole grid is image i of it.
    """
    if len(train) + len(test) == num:
        return np.arange(num), train, test
    rows = np.concatenate([train, test])
    return rows, np.arange(len(train)), np.arange(len(train), len(rows))


def check_bytes(request: Request, num: int, image_size: int) -> None:
    """Refuses to draw more RGB images than fit into memory: 2.5 GB of bytes.

    Raises:
      ValueError: says how many images may be asked for.
    """
    size = 3 * image_size**2
    if num * size > _MAX_BYTES:
        raise ValueError(
            f"{request.name} holds its images as bytes, and {num} of them would take "
            f"{num * size / 1e9:.1f} GB: give num_train and num_test of together at "
            f"most {_MAX_BYTES // size}."
        )


def as_path(path: str | os.PathLike[str] | None) -> pathlib.Path | None:
    """A path with `~` expanded; None and the empty string are no path."""
    return pathlib.Path(path).expanduser() if path else None


def _first(rows: np.ndarray, num: int | None, argument: str, name: str) -> np.ndarray:
    if num is None:
        return rows
    if not 1 <= num <= len(rows):
        raise ValueError(f"{argument} of {name} must be in 1..{len(rows)}, got {num}.")
    return rows[:num]
