"""A user's own pictures: all files of a folder and its subfolders."""

import pathlib

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._pictures import all_grey, read_pictures
from vsc_jax.datasets._source import DatasetNotFoundError, Request, Source

_EXTENSIONS = frozenset(
    ".bmp .gif .jpeg .jpg .pgm .png .ppm .tif .tiff .webp".split()  # noqa: SIM905
)


def load_image_folder(request: Request) -> Dataset:
    """Pictures in the order of their paths; the last tenth of a permutation is test.

    If every file is in a subfolder, the first subfolder's name is its label, numbered
    in the order of the sorted names.
    """
    folder = request.require_path("a folder of pictures")
    if not folder.is_dir():
        raise ValueError(f"image_folder needs a folder, but {folder} is a file.")
    names = sorted(path.relative_to(folder) for path in _pictures(folder))
    if not names:
        raise DatasetNotFoundError(
            f"image_folder found no pictures in {folder}; looked for files ending in "
            f"{' '.join(sorted(_EXTENSIONS))}, in subfolders too."
        )
    train, test = request.split(len(names), max(1, len(names) // 10))
    rows = np.concatenate([train, test])
    paths = [folder / names[row] for row in rows]
    images = read_pictures(
        paths,
        image_size=request.image_size,
        channels=request.channels or (1 if all_grey(paths) else 3),
    )
    factors, label_names = _labels(names)
    return make_dataset(
        request,
        images,
        images.shape[1:],
        np.arange(len(train)),
        np.arange(len(train), len(rows)),
        factors=None if factors is None else factors[rows],
        factor_names=("label",) if label_names else (),
        factor_sizes=(len(label_names),) if label_names else (),
        label_factor="label" if label_names else None,
        label_names=label_names,
    )


def _pictures(folder: pathlib.Path) -> list[pathlib.Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _EXTENSIONS
        and not path.name.startswith(".")
        and path.is_file()
    ]


def _labels(
    names: list[pathlib.Path],
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if any(len(name.parts) < 2 for name in names):
        return None, ()
    folders, labels = np.unique([name.parts[0] for name in names], return_inverse=True)
    return labels[:, None], tuple(map(str, folders))


IMAGE_FOLDER = Source(
    name="image_folder",
    load=load_image_folder,
    images="yours",
    split="90 % / 10 %",
    origin="the folder `data.path`; names of subfolders are labels",
)
