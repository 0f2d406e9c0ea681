"""The last steps of every source: rows of a split, and a `Dataset` of them."""

from collections.abc import Mapping

import numpy as np

from vsc_jax.datasets._base import Dataset, ImageFormat, as_int32
from vsc_jax.datasets._scene_objects import SceneObjects
from vsc_jax.datasets._source import Request, rows_of_split

# 200,000 images of 64x64x3 bytes.
_MAX_BYTES = 200_000 * 64 * 64 * 3


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
    objects: SceneObjects | None = None,
    notes: tuple[str, ...] = (),
    fingerprint: Mapping[str, str | int] | None = None,
) -> Dataset:
    """A Dataset of the rows in the split; other rows are dropped.

    Without a `category_factor` the label is the category.
    """
    if category_factor is None:
        category_factor, category_names = label_factor, label_names
    shared = np.count_nonzero(np.isin(test, train))
    if len(train) + len(test) - shared < len(images):
        rows, train, test = rows_of_split(train, test)
        images = images[rows]
        factors = None if factors is None else factors[rows]
        objects = None if objects is None else objects.take(rows)
    if shared:
        said = f"{shared:,} of the {len(test):,} test images are training images too."
        notes = (*notes, said)
    return Dataset(
        name=request.name,
        images=images,
        format=ImageFormat(image_shape, packed=packed),
        train_indices=train.astype(np.int32),
        test_indices=test.astype(np.int32),
        factors=None if factors is None else as_int32("factors", factors),
        factor_names=factor_names,
        factor_sizes=factor_sizes,
        label_factor=label_factor,
        label_names=label_names,
        category_factor=category_factor,
        category_names=category_names,
        objects=objects,
        notes=notes,
        fingerprint=fingerprint or {},
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


def check_bytes(
    request: Request, num: int, image_size: int, *, channels: int = 3
) -> None:
    """Refuses to draw more images than fit into memory: 2.5 GB of bytes.

    Raises:
      ValueError: says how many images may be asked for.
    """
    size = channels * image_size**2
    if num * size > _MAX_BYTES:
        raise ValueError(
            f"{request.name} holds its images as bytes, and {num} of them would take "
            f"{num * size / 1e9:.1f} GB: give num_train and num_test of together at "
            f"most {_MAX_BYTES // size}."
        )
