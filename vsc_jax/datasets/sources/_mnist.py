"""MNIST and Fashion-MNIST, from idx files or from tensorflow-datasets."""

import dataclasses
import gzip
import math
import pathlib
import struct

import numpy as np

from vsc_jax.datasets._array_files import check_promise, reading
from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._files import not_found
from vsc_jax.datasets._fingerprint import fingerprint_source
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._pixels import resize_array
from vsc_jax.datasets._source import Request, Source
from vsc_jax.datasets._tfds import find_prepared, read_prepared

_ADDRESS = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_STEMS = ("train-images", "train-labels", "t10k-images", "t10k-labels")
_LABEL_NAMES = {
    "mnist": (),
    "fashion_mnist": (
        *("T-shirt", "trouser", "pullover", "dress", "coat"),
        *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
}
# Where torchvision puts the files below its root.
_SUBFOLDERS = {
    "mnist": ("", "raw", "MNIST/raw", "mnist"),
    "fashion_mnist": ("", "raw", "FashionMNIST/raw", "fashion_mnist"),
}


def load_mnist(request: Request) -> Dataset:
    """The train and the test file, in the order of the files."""
    files = _find_files(request)
    prepared = None if files else find_prepared(request)
    if files:
        train_x, train_y, test_x, test_y = map(read_idx, files)
        _check_pair(train_x, train_y, files[:2])
        _check_pair(test_x, test_y, files[2:])
        images = np.concatenate([train_x, test_x])[..., None]
        labels = np.concatenate([train_y, test_y])[:, None]
        num_train = len(train_x)
    elif prepared:
        parts = [
            read_prepared(prepared, split, label_keys=("label",))
            for split in ("train", "test")
        ]
        images, labels = (np.concatenate(both) for both in zip(*parts, strict=True))
        num_train = len(parts[0][0])
    else:
        raise not_found(request)
    train, test = request.cut(np.arange(num_train), np.arange(num_train, len(images)))
    fingerprint = fingerprint_source(images, labels)
    images = resize_array(
        images, image_size=request.image_size, channels=request.channels
    )
    return make_dataset(
        request,
        images,
        images.shape[1:],
        train,
        test,
        factors=labels,
        factor_names=("label",),
        factor_sizes=(10,),
        label_factor="label",
        label_names=_LABEL_NAMES[request.name],
        fingerprint=fingerprint,
    )


def read_idx(path: pathlib.Path) -> np.ndarray:
    """An array from an idx file of bytes, gzipped if its name ends in .gz.

    Raises:
      ValueError: if it is no such file, or its length is not that of its header.
    """
    zipped = path.suffix == ".gz"
    with (
        reading(path, "an idx file"),
        gzip.open(path) if zipped else path.open("rb") as file,
    ):
        magic = file.read(4)
        if len(magic) < 4 or magic[:3] != b"\x00\x00\x08" or not 1 <= magic[3] <= 3:
            raise ValueError(
                f"it starts with {magic.hex()!r}, expected 000008 and the number of "
                "axes"
            )
        shape = struct.unpack(f">{magic[3]}I", file.read(4 * magic[3]))
        size = math.prod(shape)
        check_promise(size, path.stat().st_size, zipped=zipped)
        content = file.read(size + 1)
        if len(content) != size:
            more = len(content) > size
            raise ValueError(
                f"it should hold {size} values (shape {shape}), but has "
                f"{'more' * more or len(content)}; get it anew"
            )
        return np.frombuffer(content, np.uint8).reshape(shape)


def _names(stem: str) -> tuple[str, ...]:
    kind = "idx3" if stem.endswith("images") else "idx1"
    plain = (f"{stem}-{kind}-ubyte", f"{stem}.{kind}-ubyte")
    return plain + tuple(f"{name}.gz" for name in plain)


def _find_files(request: Request) -> list[pathlib.Path] | None:
    """The four files, or None if the path has none of them.

    Raises:
      ValueError: if only some are there.
    """
    if request.path is None:
        return None
    for subfolder in _SUBFOLDERS[request.name]:
        folder = request.path / subfolder
        found = [
            next((folder / n for n in _names(stem) if (folder / n).is_file()), None)
            for stem in _STEMS
        ]
        files = [path for path in found if path]
        if len(files) == len(_STEMS):
            return files
        if files:
            missing = [s for s, path in zip(_STEMS, found, strict=True) if not path]
            raise ValueError(
                f"{folder} has {files[0].name}, but lacks "
                f"{', '.join(_names(stem)[0] + '[.gz]' for stem in missing)}."
            )
    return None


def _check_pair(
    images: np.ndarray, labels: np.ndarray, files: list[pathlib.Path]
) -> None:
    if images.ndim != 3 or labels.shape != images.shape[:1] or not len(images):
        raise ValueError(
            f"{files[0]} and {files[1]} must hold images [n, height, width] and labels "
            f"[n], got {images.shape} and {labels.shape}."
        )
    if labels.max() > 9:
        raise ValueError(f"labels of {files[1]} must be in 0..9, got {labels.max()}.")


MNIST = Source(
    name="mnist",
    load=load_mnist,
    images="28x28",
    split="60,000 / 10,000",
    origin="the original idx files, in `data.path`",
    original=", ".join(_names(stem)[0] for stem in _STEMS) + ", or with .gz",
    url=_ADDRESS,
    tfds=True,
    # Of both data sets as tensorflow-datasets has recorded them.
    downloads={
        "train-images-idx3-ubyte.gz": (
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        "train-labels-idx1-ubyte.gz": (
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        "t10k-images-idx3-ubyte.gz": (
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        "t10k-labels-idx1-ubyte.gz": (
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    },
    address=_ADDRESS,
    licence="CC BY-SA 3.0",
)
FASHION_MNIST = dataclasses.replace(
    MNIST,
    name="fashion_mnist",
    url="https://github.com/zalandoresearch/fashion-mnist",
    downloads={
        "train-images-idx3-ubyte.gz": (
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        "train-labels-idx1-ubyte.gz": (
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        "t10k-images-idx3-ubyte.gz": (
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        "t10k-labels-idx1-ubyte.gz": (
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    },
    address="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    licence="MIT",
)
