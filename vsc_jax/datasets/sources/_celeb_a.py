"""CelebA faces from the folder of aligned pictures, or from tensorflow-datasets.

Liu, Luo, Wang, Tang, "Deep Learning Face Attributes in the Wild" (ICCV 2015). The
178x218 pictures are cut to their central 178x178 pixels and resized. Split as in
https://github.com/Alfo5123/Variational-Sparse-Coding; they resize with a bilinear
filter, we with Lanczos. That split leaves 82,599 pictures out: who asks for more
training images gets those, then those of the test split.
"""

import pathlib

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._files import not_found
from vsc_jax.datasets._fingerprint import fingerprint_files
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._pictures import read_pictures
from vsc_jax.datasets._source import Request, Source, rows_of_split
from vsc_jax.datasets._tfds import find_prepared, num_prepared, read_prepared

_DEFAULT_SIZE = 64
_NUM_TRAIN, _NUM_TEST = 100_000, 20_000
_SHUFFLE_SEED = 42
_SUBFOLDERS = ("", "img_align_celeba", "img_align_celeba/img_align_celeba")


def load_celeb_a(request: Request) -> Dataset:
    """Faces without labels."""
    image_size = request.image_size or _DEFAULT_SIZE
    channels = request.channels or 3
    paths = _find_files(request)
    prepared = None if paths else find_prepared(request)
    notes: tuple[str, ...] = ()
    fingerprint: dict[str, str | int] = {}
    if paths:
        train, test = _split(request, len(paths))
        rows, train, test = rows_of_split(train, test)
        images, notes = read_pictures(
            [paths[row] for row in rows], image_size=image_size, channels=channels
        )
        folder = paths[0].parent
        names = [path.relative_to(folder) for path in paths]
        fingerprint = fingerprint_files(folder, names)
    elif prepared:
        sizes = [num_prepared(prepared, split) for split in ("train", "test")]
        train, test = request.cut(*map(np.arange, sizes))
        images = np.concatenate(
            [
                read_prepared(
                    prepared, split, rows=rows, image_size=image_size, channels=channels
                )[0]
                for split, rows in (("train", train), ("test", test))
            ]
        )
        train, test = np.arange(len(train)), len(train) + np.arange(len(test))
    else:
        raise not_found(request)
    return make_dataset(
        request,
        images,
        images.shape[1:],
        train,
        test,
        notes=notes,
        fingerprint=fingerprint,
    )


def _find_files(request: Request) -> list[pathlib.Path]:
    if request.path is None:
        return []
    folders = (request.path / subfolder for subfolder in _SUBFOLDERS)
    found = (sorted(folder.glob("*.jpg")) for folder in folders)
    return next((paths for paths in found if paths), [])


def _split(request: Request, num: int) -> tuple[np.ndarray, np.ndarray]:
    if num < 2:
        raise ValueError(f"celeb_a needs at least 2 pictures, found {num}.")
    order = np.random.RandomState(_SHUFFLE_SEED).permutation(num)
    num_test = _NUM_TEST
    if num < _NUM_TRAIN + _NUM_TEST:
        num_test = max(1, num // 6)
    num_train = max(min(_NUM_TRAIN, num - num_test), min(num, request.num_train or 0))
    return request.cut(order[:num_train], order[-num_test:])


CELEB_A = Source(
    name="celeb_a",
    load=load_celeb_a,
    images="faces, 64x64 RGB unless you say otherwise",
    split="100,000 / 20,000",
    origin="folder of the original jpg files, in `data.path`",
    original="*.jpg, there or in img_align_celeba",
    url="http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    tfds=True,
)
