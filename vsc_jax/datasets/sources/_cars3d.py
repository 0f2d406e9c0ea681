"""Cars3D from the original .mat files.

Reed, Zhang, Zhang, Lee, "Deep Visual Analogy-Making" (NeurIPS 2015): 183 car models
from 24 sides and 4 heights, 17,568 images of 128x128 pixels.
"""

import pathlib

import numpy as np

from vsc_jax.datasets._array_files import reading
from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._files import not_found
from vsc_jax.datasets._make_dataset import kept_rows, make_dataset
from vsc_jax.datasets._pixels import resize_array
from vsc_jax.datasets._source import Request, Source

CARS3D_FACTOR_NAMES = ("elevation", "azimuth", "object_type")
_NUM_ELEVATIONS, _NUM_AZIMUTHS = 4, 24
_SHAPE = (128, 128, 3, _NUM_AZIMUTHS, _NUM_ELEVATIONS)
_DEFAULT_SIZE = 64
_SUBFOLDERS = ("", "cars", "data/cars", "cars3d", "cars3d/cars")


def load_cars3d(request: Request) -> Dataset:
    """A tenth of a permutation is the test split; objects in the order of list.txt.

    https://github.com/google-research/disentanglement_lib takes them in the order of
    the folder's listing, which differs between machines.
    """
    folder = _find_folder(request)
    if folder is None:
        raise not_found(request)
    with reading(folder / "list.txt", "the list of Cars3D"):
        names = (folder / "list.txt").read_text(encoding="utf-8").split()
    paths = [folder / f"{name.removesuffix('.mat')}.mat" for name in names]
    _check_there(folder, paths)
    sizes = (_NUM_ELEVATIONS, _NUM_AZIMUTHS, len(paths))
    num = _NUM_ELEVATIONS * _NUM_AZIMUTHS * len(paths)
    rows, train, test = kept_rows(*request.split(num, num // 10), num)
    factors = np.stack(np.unravel_index(rows, sizes), axis=1)
    image_size = request.image_size or _DEFAULT_SIZE
    channels = request.channels or 3
    images = np.empty((len(factors), image_size, image_size, channels), np.uint8)
    for car, path in enumerate(paths):
        places = np.flatnonzero(factors[:, 2] == car)
        if len(places):
            elevation, azimuth = factors[places, :2].T
            pixels = _read_mat(path)[..., azimuth, elevation]
            images[places] = resize_array(
                np.ascontiguousarray(np.moveaxis(pixels, -1, 0)),
                image_size=image_size,
                channels=channels,
            )
    return make_dataset(
        request,
        images,
        images.shape[1:],
        train,
        test,
        factors=factors,
        factor_names=CARS3D_FACTOR_NAMES,
        factor_sizes=sizes,
        category_factor="object_type",
    )


def _find_folder(request: Request) -> pathlib.Path | None:
    if request.path is None:
        return None
    folders = (request.path / subfolder for subfolder in _SUBFOLDERS)
    return next((f for f in folders if (f / "list.txt").is_file()), None)


def _check_there(folder: pathlib.Path, paths: list[pathlib.Path]) -> None:
    if not paths or len(set(paths)) < len(paths):
        raise ValueError(
            f"{folder / 'list.txt'} must name at least one file and none twice, got "
            f"{len(paths)} names of which {len(set(paths))} differ."
        )
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise ValueError(
            f"{folder} lacks {len(missing)} of the {len(paths)} files of its list.txt, "
            f"the first is {missing[0]}; unpack the archive anew."
        )


def _read_mat(path: pathlib.Path) -> np.ndarray:
    """`uint8 [128, 128, 3, 24, 4]`; nothing is unpickled."""
    import scipy.io

    with reading(path, "a .mat file of Cars3D"):
        try:
            found = {name: rest for name, *rest in scipy.io.whosmat(path)}
            if "im" not in found:
                raise ValueError("it has no array im")
            # Before it is unpacked, which may take any amount of memory.
            shape, kind = found["im"]
            if shape != _SHAPE or kind != "uint8":
                raise ValueError(f"im must be uint8 {_SHAPE}, got {kind} {shape}")
            return scipy.io.loadmat(path, variable_names=("im",))["im"]
        except scipy.io.matlab.MatReadError as error:
            raise ValueError(str(error)) from error


CARS3D = Source(
    name="cars3d",
    load=load_cars3d,
    images="64x64 RGB unless you say otherwise",
    split="15,812 / 1,756",
    origin="folder of the original mat files, in `data.path`",
    original="list.txt and the *.mat files that it names, there or in data/cars",
    url="http://www.scottreed.info/files/nips2015-analogy-data.tar.gz",
)
