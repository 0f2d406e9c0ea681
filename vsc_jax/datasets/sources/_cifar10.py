"""CIFAR-10, from its original binary files or from tensorflow-datasets.

Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009,
https://www.cs.toronto.edu/~kriz/cifar.html): 60,000 pictures of 32 x 32 pixels in ten
classes. A row of a binary file is one byte of label, then 1,024 bytes each of red,
green and blue, row by row. The files for Python are pickled, and may run code when they
are read; they are not read here.
"""

import pathlib

import numpy as np

from vsc_jax.datasets._array_files import reading
from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._files import not_found
from vsc_jax.datasets._fingerprint import fingerprint_files
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._pixels import resize_array
from vsc_jax.datasets._source import Request, Source
from vsc_jax.datasets._tfds import find_prepared, num_prepared, read_prepared

CIFAR10_LABELS = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
CIFAR10_SIZE = 32
_TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
_TEST_FILES = ("test_batch.bin",)
_SUBFOLDERS = ("", "cifar-10-batches-bin", "cifar10")
_ROW = 1 + 3 * CIFAR10_SIZE**2


def load_cifar10(request: Request) -> Dataset:
    """The train and the test files, in the order of the files."""
    folder = _find_folder(request)
    prepared = None if folder else find_prepared(request)
    fingerprint: dict[str, str | int] = {}
    if folder:
        files = [pathlib.Path(name) for name in _TRAIN_FILES + _TEST_FILES]
        # Of the files: the number of a `Dataset` is that of its images.
        contents = fingerprint_files(folder, files)["contents"]
        fingerprint = {"contents": contents}
        batches = [_open_batch(folder / name) for name in _TRAIN_FILES + _TEST_FILES]
        num_test = len(batches[-1])
        num = sum(map(len, batches))
        train, test = request.cut(np.arange(num - num_test), np.arange(num_test))
        parts = [_take(batches[:-1], train), _take(batches[-1:], test)]
    elif prepared:
        nums = (num_prepared(prepared, split) for split in ("train", "test"))
        train, test = request.cut(*map(np.arange, nums))
        parts = [
            read_prepared(prepared, split, rows=rows, label_keys=("label",))
            for split, rows in (("train", train), ("test", test))
        ]
    else:
        raise not_found(request)
    images, labels = (np.concatenate(both) for both in zip(*parts, strict=True))
    images = resize_array(
        images, image_size=request.image_size, channels=request.channels
    )
    return make_dataset(
        request,
        images,
        images.shape[1:],
        np.arange(len(train)),
        np.arange(len(train), len(images)),
        factors=labels,
        factor_names=("label",),
        factor_sizes=(len(CIFAR10_LABELS),),
        label_factor="label",
        label_names=CIFAR10_LABELS,
        fingerprint=fingerprint,
    )


def _find_folder(request: Request) -> pathlib.Path | None:
    """The folder with all files, or None if the path has none of them.

    Raises:
      ValueError: if only some are there.
    """
    if request.path is None:
        return None
    for subfolder in _SUBFOLDERS:
        folder = request.path / subfolder
        names = _TRAIN_FILES + _TEST_FILES
        missing = [name for name in names if not (folder / name).is_file()]
        if not missing:
            return folder
        if len(missing) < len(names):
            raise ValueError(
                f"{folder} has some files of cifar10, but lacks {', '.join(missing)}."
            )
    return None


def _open_batch(path: pathlib.Path) -> np.ndarray:
    """The rows of a file `uint8 [n, 3073]`, of which none is read yet."""
    with reading(path, "a binary batch of CIFAR-10"):
        size = path.stat().st_size
        if size % _ROW:
            raise ValueError(
                f"it has {size:,} bytes, which is no multiple of the {_ROW:,} of a "
                "picture with its label; get it anew"
            )
        batch = np.memmap(path, np.uint8, "r", shape=(size // _ROW, _ROW))
        if (most := batch[:, 0].max()) >= len(CIFAR10_LABELS):
            raise ValueError(f"labels must be in 0..9, got {most}")
        return batch


def _take(batches: list[np.ndarray], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images `[n, 32, 32, 3]` and labels `[n, 1]` of the first rows of all batches."""
    images = np.empty((len(rows), CIFAR10_SIZE, CIFAR10_SIZE, 3), np.uint8)
    labels = np.empty((len(rows), 1), np.uint8)
    start = 0
    for batch in batches:
        part = batch[: len(rows) - start]
        at = slice(start, start + len(part))
        planes = part[:, 1:].reshape(-1, 3, CIFAR10_SIZE, CIFAR10_SIZE)
        images[at] = np.moveaxis(planes, 1, -1)
        labels[at] = part[:, :1]
        start += len(part)
    return images, labels


CIFAR10 = Source(
    name="cifar10",
    load=load_cifar10,
    images="32x32 RGB",
    split="50,000 / 10,000",
    origin="the original binary files, in `data.path`",
    original=f"{_TRAIN_FILES[0]} to {_TRAIN_FILES[-1]}, {_TEST_FILES[0]}",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    tfds=True,
)
