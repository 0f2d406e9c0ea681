"""One interface for all data sets: a name in, images with factors and a split out."""

import dataclasses
import difflib
import itertools
import os
import pathlib

import numpy as np

from vsc_jax._ranges import check_flag
from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._download import fetch_files
from vsc_jax.datasets._pixels import mean_norm
from vsc_jax.datasets._random_labels import with_random_labels
from vsc_jax.datasets._registry import SOURCES
from vsc_jax.datasets._source import Request, Source

_NORMALIZATIONS = ("none", "mean_norm", "unit_norm")


def dataset_names() -> tuple[str, ...]:
    """The names that `load_dataset` knows, sorted.

    Example:
      >>> "sprites" in dataset_names()
      True
    """
    return tuple(sorted(SOURCES))


def load_dataset(
    name: str,
    *,
    path: str | os.PathLike[str] | None = None,
    image_size: int | None = None,
    channels: int | None = None,
    num_train: int | None = None,
    num_test: int | None = None,
    normalization: str = "none",
    random_labels: bool = False,
    seed: int = 0,
    download: bool = False,
) -> Dataset:
    """Loads a data set by name.

    `describe_datasets()` has a row for each name: the images, their number in the train
    and the test split, where they come from, and what `path` must hold.

    The split: mnist, fashion_mnist, cifar10 and smallnorb have files of their own.
    celeb_a takes the first 100,000 and the last 20,000 files of the sorted list
    shuffled with NumPy's seed 42, as
    https://github.com/Alfo5123/Variational-Sparse-Coding does (fewer than 120,000
    files: five sixths and one sixth); prepared by TFDS, it comes with a split
    of its own. So does an image_folder whose subfolders are "train" and "test". All
    others take the last rows of `numpy.random.default_rng(seed).permutation` as test
    split: of a user's own images, one more or less is another split. smiley, pinwheel
    and spirals draw both splits from the seed. The points of pinwheel and spirals are
    "images" of shape (1, 2, 1) with the numbers as they are, about -2 to 2.

    The variants of sprites and dsprites have the split of these, but hold bytes: give
    `num_train` and `num_test`, of 64 pixels at most 200,000 images; shapes3d_like may
    be asked for as many, and draws 20,000 and 2,000 if it is not. The file or folder
    with a picture of Munch's "The Scream" is the `path`; the error without it says
    where it is to be had. Their colours and noise depend on `seed` and the image.

    cluttered_mnist, double_mnist, multi_mnist and occluded_sprites are drawn from
    digits, train images from train digits and test images from test digits: with a
    `path` from those of mnist, which are looked for there, else from mnist_5k. They and
    multi_sprites have as many images as are asked for; image i of a split is the same
    however many there are. Images of several objects come with the pixels and the box
    of each in `Dataset.objects`. The digits of occluded_cifar are those of mnist if the
    `path`, which has the files of cifar10, has its files too, else those of mnist_5k.

    "TFDS" stands for data that tensorflow-datasets has prepared as array_record: in
    its own data directory, or in `path`. It is never downloaded here. Nor is anything
    else, but for the original files of dsprites, fashion_mnist, mnist, shapes3d and
    smallnorb where `download` says so.

    Args:
      name: one of `dataset_names()`.
      path: file or folder with the original data; needed by npz and image_folder,
        ignored by the data sets that need nothing.
      image_size: width and height to resize to; the central square is cut out first.
        None keeps the size (celeb_a, cars3d, smallnorb, yale_b: 64). Points have none:
        it must be None.
      channels: 1 for grey, 3 for RGB; None keeps what the data set has. Points have
        none: it must be None.
      num_train: keeps only the first so many images of the train split. Of a user's own
        images, npz and image_folder, it keeps all if there are fewer, and notes it. Of
        sprites, dsprites and the files of celeb_a it may go up to all images, 737,280
        and 202,599, for papers that have no test split: images that no split has come
        first, then those of the test split, which are training images too, as a note
        says.
      num_test: keeps only the first so many images of the test split, likewise.
      normalization: "none" for pixels in [0, 1]; "mean_norm" divides them by the mean
        Euclidean norm of the train images; "unit_norm" divides each image by its own
        Euclidean norm (Tonolini, Jensen, Murray-Smith, UAI 2019). Points take none.
      random_labels: whether the labels of each split are put in random order, and what
        they were becomes one more factor, "true_<label>".
      seed: of the split, of the images that are drawn from it, and of that order.
      download: whether original files that are not in `path` yet are downloaded into
        it, or without a path into a folder of the user's cache, and compared with their
        published checksums.

    Returns:
      The images in memory with their factors and split, and notes for the user: what
      was taken of own images and what was left out.

    Raises:
      ValueError: for an unknown name or a value out of range, for a file whose content
        is not what it should be, or for more images than memory can hold.
      TypeError: if a number is not an integer.
      DatasetNotFoundError: if the data are not there; says where they were looked for
        and how to get them.
      ImportError: if an optional package is missing; says which extra to install.

    Example:
      >>> digits = load_dataset("digits", num_train=100, num_test=50)
      >>> digits.image_shape, digits.decode(digits.test_indices).shape
      ((8, 8, 1), (50, 8, 8, 1))
    """
    if name not in SOURCES:
        close = difflib.get_close_matches(name, SOURCES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"unknown data set {name!r}.{hint} Known: {', '.join(dataset_names())}."
        )
    if normalization not in _NORMALIZATIONS:
        raise ValueError(
            f"normalization must be one of {', '.join(_NORMALIZATIONS)}, "
            f"got {normalization!r}."
        )
    for argument, value in [
        ("image_size", image_size),
        ("num_train", num_train),
        ("num_test", num_test),
        ("seed", seed),
    ]:
        if value is not None and not _is_integer(value):
            raise TypeError(f"{argument} must be an integer, got {value!r}.")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, got {seed}.")
    if channels not in (None, 1, 3):
        raise ValueError(f"channels must be 1 or 3, got {channels}.")
    if image_size is not None and image_size < 1:
        raise ValueError(f"image_size must be positive, got {image_size}.")
    source = SOURCES[name]
    request = Request(
        source,
        pathlib.Path(path).expanduser() if path else None,
        image_size,
        channels,
        num_train,
        num_test,
        seed,
    )
    check_flag("random_labels", random_labels)
    check_flag("download", download)
    if download:
        request = dataclasses.replace(request, path=fetch_files(source, request.path))
    dataset = normalize(source.load(request), normalization)
    return with_random_labels(dataset, seed) if random_labels else dataset


def describe_datasets() -> str:
    """A Markdown table of all data sets, as in the documentation.

    Names whose other columns are the same share a row. "TFDS" stands for data that
    tensorflow-datasets has prepared.

    Example:
      >>> print(describe_datasets().splitlines()[0])
      | name | images | train / test | where they come from |
    """
    rows = [
        "| name | images | train / test | where they come from |",
        "|---|---|---|---|",
    ]
    for columns, sources in itertools.groupby(SOURCES.values(), _columns):
        names = ", ".join(f"`{source.name}`" for source in sources)
        rows.append(f"| {names} | {' | '.join(columns)} |")
    return "\n".join(rows) + "\n"


def _columns(source: Source) -> tuple[str, str, str]:
    origin = source.origin
    if source.tfds:
        origin += "; or TFDS"
    if source.extra:
        origin += f': `pip install -e ".[{source.extra}]"`'
    return source.images, source.split, origin


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def normalize(dataset: Dataset, normalization: str) -> Dataset:
    """The data set with its pixels as `load_dataset` says.

    Raises:
      ValueError: if there is no such normalization, or the data set takes none.
    """
    if normalization not in _NORMALIZATIONS:
        raise ValueError(
            f"normalization must be one of {', '.join(_NORMALIZATIONS)}, "
            f"got {normalization!r}."
        )
    image_format = dataset.format
    if image_format.points and normalization != "none":
        raise ValueError(
            f"{dataset.name} has points, not images; normalization must be none, got "
            f"{normalization!r}."
        )
    if normalization == "mean_norm":
        norm = mean_norm(
            dataset.images, dataset.train_indices, packed=image_format.packed
        )
        if norm == 0.0:
            raise ValueError(
                f"{dataset.name}: mean_norm cannot divide by the mean norm of the "
                "train images, they are all black."
            )
        image_format = dataclasses.replace(image_format, divisor=norm)
    elif normalization == "unit_norm":
        image_format = dataclasses.replace(image_format, unit_norm=True)
    return dataclasses.replace(dataset, format=image_format)
