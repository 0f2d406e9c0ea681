"""MNIST-C: the test images of MNIST under 15 corruptions."""

import json
import pathlib

import numpy as np

from vsc_jax.datasets._array_files import reading
from vsc_jax.datasets._source import DatasetNotFoundError
from vsc_jax.datasets._tfds import default_data_dir, num_prepared, read_prepared

NAME = "mnist_corrupted"
URL = "https://zenodo.org/record/3239543/files/mnist_c.zip"
# The images without a corruption, which are those of MNIST.
_IDENTITY = "identity"
_IMAGES, _LABELS = "test_images.npy", "test_labels.npy"


def load_mnist_corrupted(
    path: str | pathlib.Path | None = None, *, num_images: int | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The corrupted test images of MNIST-C, those of each corruption that is there.

    Mu and Gilmer, MNIST-C: A Robustness Benchmark for Computer Vision,
    https://arxiv.org/abs/1906.02337. Read from the original folders
    (`fog/test_images.npy`, ...), or from what tensorflow-datasets prepared as
    array_record; nothing is downloaded.

    Args:
      path: the folder `mnist_c` of the original archive, the one around it, or the data
        directory of tensorflow-datasets, whose default is taken if not given.
      num_images: so many of each, evenly spread over the files; None for all.

    Returns:
      Name of the corruption -> images `uint8 [n, 28, 28, 1]` and labels `int32 [n]`.

    Raises:
      DatasetNotFoundError: if there is no corruption; says how to get them.
      ValueError: if a file holds something else, or `num_images` is below 1.
    """
    if num_images is not None and num_images < 1:
        raise ValueError(f"num_images must be at least 1, got {num_images}.")
    folder = default_data_dir() if path is None else pathlib.Path(path).expanduser()
    original = {} if path is None else _find_original(folder)
    found = {name: _read_original(at, num_images) for name, at in original.items()}
    if not found:
        for name, prepared in _find_prepared(folder).items():
            rows = _spread(num_prepared(prepared, "test"), num_images)
            images, labels = read_prepared(
                prepared, "test", rows=rows, label_keys=("label",)
            )
            found[name] = images, labels[:, 0].astype(np.int32)
    if not found:
        raise DatasetNotFoundError(
            f"{NAME} needs the folders of {URL}, such as fog/{_IMAGES}, or what "
            f"tensorflow-datasets prepared; nothing of it is in {folder}."
        )
    return found


def _find_original(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Name of each corruption -> its folder."""
    files = [*folder.glob(f"*/{_IMAGES}"), *folder.glob(f"mnist_c/*/{_IMAGES}")]
    found = {file.parent.name: file.parent for file in sorted(files)}
    found.pop(_IDENTITY, None)
    return found


def _read_original(
    folder: pathlib.Path, num_images: int | None
) -> tuple[np.ndarray, np.ndarray]:
    arrays = []
    for name in (_IMAGES, _LABELS):
        with reading(folder / name, "an array of MNIST-C"):
            arrays.append(np.load(folder / name, mmap_mode="r", allow_pickle=False))
    images, labels = arrays
    if images.shape != (len(labels), 28, 28, 1) or images.dtype != np.uint8:
        raise ValueError(
            f"{folder / _IMAGES} must be uint8 [{len(labels)}, 28, 28, 1], as many as "
            f"there are labels, got {images.dtype} {list(images.shape)}."
        )
    rows = _spread(len(labels), num_images)
    return np.asarray(images[rows]), np.asarray(labels[rows]).astype(np.int32)


def _find_prepared(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Name of each corruption -> the folder of its newest version."""
    found = {}
    for info in sorted((folder / NAME).glob("*/*/dataset_info.json")):
        described = json.loads(info.read_text(encoding="utf-8"))
        if described.get("fileFormat") == "array_record":
            found[info.parent.parent.name] = info.parent
    found.pop(_IDENTITY, None)
    return found


def _spread(num: int, wanted: int | None) -> np.ndarray:
    """Rows of `wanted` images out of `num`, at even distances."""
    wanted = num if wanted is None else min(wanted, num)
    return np.arange(wanted) * num // max(wanted, 1)
