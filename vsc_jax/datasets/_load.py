"""One interface for all data sets: a name in, images with factors and a split out."""

import dataclasses
import difflib
import importlib
import os

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._pixels import mean_norm
from vsc_jax.datasets._request import Request, as_path

# Name -> module and function; imported on use, as their packages may be heavy.
_LOADERS = {
    "cars3d": ("_cars3d", "load_cars3d"),
    "celeb_a": ("_celeb_a", "load_celeb_a"),
    "digits": ("_packaged", "load_digits"),
    "dsprites": ("_dsprites", "load_dsprites"),
    "dsprites_color": ("_sprite_variants", "load_sprite_variant"),
    "dsprites_noisy": ("_sprite_variants", "load_sprite_variant"),
    "dsprites_scream": ("_sprite_variants", "load_sprite_variant"),
    "fashion_mnist": ("_mnist", "load_mnist"),
    "image_folder": ("_image_folder", "load_image_folder"),
    "mnist": ("_mnist", "load_mnist"),
    "mnist_5k": ("_packaged", "load_mnist_5k"),
    "mpi3d_real": ("_mpi3d", "load_mpi3d"),
    "mpi3d_real_complex": ("_mpi3d", "load_mpi3d"),
    "mpi3d_realistic": ("_mpi3d", "load_mpi3d"),
    "mpi3d_toy": ("_mpi3d", "load_mpi3d"),
    "npz": ("_npz", "load_npz"),
    "pinwheel": ("_points", "load_pinwheel"),
    "shapes3d": ("_shapes3d", "load_shapes3d"),
    "shapes3d_like": ("_shapes3d_like", "load_shapes3d_like"),
    "smallnorb": ("_smallnorb", "load_smallnorb"),
    "smiley": ("_smiley", "load_smiley"),
    "spirals": ("_points", "load_spirals"),
    "sprites": ("_packaged", "load_sprites"),
    "sprites_color": ("_sprite_variants", "load_sprite_variant"),
    "sprites_noisy": ("_sprite_variants", "load_sprite_variant"),
    "sprites_scream": ("_sprite_variants", "load_sprite_variant"),
    "xy_squares": ("_xy_squares", "load_xy_squares"),
}
_NORMALIZATIONS = ("none", "mean_norm", "unit_norm")


def dataset_names() -> tuple[str, ...]:
    """The names that `load_dataset` knows, sorted.

    Example:
      >>> "sprites" in dataset_names()
      True
    """
    return tuple(_LOADERS)


def load_dataset(
    name: str,
    *,
    path: str | os.PathLike[str] | None = None,
    image_size: int | None = None,
    channels: int | None = None,
    num_train: int | None = None,
    num_test: int | None = None,
    normalization: str = "none",
    seed: int = 0,
) -> Dataset:
    """Loads a data set by name.

    | name | images | train / test | needs |
    |---|---|---|---|
    | sprites | 64x64x1 or 32x32x1 bits | 637,280 / 100,000 | nothing: drawn |
    | smiley | 32x32x1 bits | 60,000 / 20,000 | nothing: drawn |
    | pinwheel, spirals | 2-D points | 400 / 400 | nothing: drawn |
    | xy_squares | 64x64x3 or 32x32x3 bits | 236,000 / 26,144 | nothing: drawn |
    | shapes3d_like | 64x64x3 or 32x32x3 | 20,000 / 2,000 | nothing: drawn |
    | digits | 8x8x1 | 1,437 / 360 | nothing: in scikit-learn |
    | mnist_5k | 28x28x1 | 4,000 / 1,000 | `vsc_jax[mnist-5k]` |
    | mnist, fashion_mnist | 28x28x1 | 60,000 / 10,000 | idx files, or TFDS |
    | dsprites | 64x64x1 bits | 637,280 / 100,000 | npz or hdf5, or TFDS |
    | celeb_a | 64x64x3 | 100,000 / 20,000 | folder of jpg, or TFDS |
    | sprites_color, sprites_noisy | 64x64x3 or 32x32x3 | yours | nothing: drawn |
    | sprites_scream | 64x64x3 or 32x32x3 | yours | a picture of the painting |
    | dsprites_color, dsprites_noisy | 64x64x3 | yours | as dsprites |
    | dsprites_scream | 64x64x3 | yours | as dsprites, and the picture |
    | shapes3d | 64x64x3 | 432,000 / 48,000 | h5 or npz, or TFDS |
    | mpi3d_toy, mpi3d_realistic, mpi3d_real | 64x64x3 | 933,120 / 103,680 | npz |
    | mpi3d_real_complex | 64x64x3 | 414,720 / 46,080 | npz |
    | cars3d | 64x64x3 | 15,812 / 1,756 | mat files and list.txt |
    | smallnorb | 64x64x1 | 24,300 / 24,300 | mat files, or TFDS |
    | npz | as in the file | 90 % / 10 % | path to the file |
    | image_folder | as in the files | 90 % / 10 % | path to the folder |

    The split: mnist, fashion_mnist and smallnorb have files of their own for it.
    celeb_a takes the first 100,000 and the last 20,000 files of the sorted list
    shuffled with NumPy's seed 42, as
    https://github.com/Alfo5123/Variational-Sparse-Coding does (fewer than 120,000
    files: five sixths and one sixth); prepared by TFDS, it comes with a split
    of its own. All others take the last rows of
    `numpy.random.default_rng(seed).permutation` as test split. smiley, pinwheel and
    spirals draw both splits from the seed. The points of pinwheel and spirals are
    "images" of shape (1, 2, 1) with the numbers as they are, about -2 to 2.

    The variants of sprites and dsprites have the split of these, but hold bytes: give
    `num_train` and `num_test`, of 64 pixels at most 200,000 images; shapes3d_like may
    be asked for as many, and draws 20,000 and 2,000 if it is not. The file or folder
    with a picture of Munch's "The Scream" is the `path`; the error without it says
    where it is to be had. Their colours and noise depend on `seed` and the image.

    "TFDS" stands for data that tensorflow-datasets has prepared as array_record: in
    its own data directory, or in `path`. It is never downloaded here.

    Args:
      name: one of `dataset_names()`.
      path: file or folder with the original data; needed by npz and image_folder,
        ignored by the data sets that need nothing.
      image_size: width and height to resize to; the central square is cut out first.
        None keeps the size (celeb_a, cars3d, smallnorb: 64). Points have none: it
        must be None.
      channels: 1 for grey, 3 for RGB; None keeps what the data set has. Points have
        none: it must be None.
      num_train: keeps only the first so many images of the train split.
      num_test: keeps only the first so many images of the test split.
      normalization: "none" for pixels in [0, 1]; "mean_norm" divides them by the mean
        Euclidean norm of the train images; "unit_norm" divides each image by its own
        Euclidean norm (Tonolini, Jensen, Murray-Smith, UAI 2019). Points take none.
      seed: of the split, and of the images that are drawn from it.

    Returns:
      The images in memory with their factors and split.

    Raises:
      ValueError: for an unknown name or a value out of range, or for a file whose
        content is not what it should be.
      DatasetNotFoundError: if the data are not there; says where they were looked for
        and how to get them.
      ImportError: if an optional package is missing; says which extra to install.

    Example:
      >>> digits = load_dataset("digits", num_train=100, num_test=50)
      >>> digits.image_shape, digits.decode(digits.test_indices).shape
      ((8, 8, 1), (50, 8, 8, 1))
    """
    if name not in _LOADERS:
        close = difflib.get_close_matches(name, _LOADERS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"unknown data set {name!r}.{hint} Known: {', '.join(_LOADERS)}."
        )
    if normalization not in _NORMALIZATIONS:
        raise ValueError(
            f"normalization must be one of {', '.join(_NORMALIZATIONS)}, "
            f"got {normalization!r}."
        )
    if channels not in (None, 1, 3):
        raise ValueError(f"channels must be 1 or 3, got {channels}.")
    if image_size is not None and image_size < 1:
        raise ValueError(f"image_size must be positive, got {image_size}.")
    module, function = _LOADERS[name]
    load = getattr(importlib.import_module(f"vsc_jax.datasets.{module}"), function)
    request = Request(
        name, as_path(path), image_size, channels, num_train, num_test, seed
    )
    return _normalize(load(request), normalization)


def _normalize(dataset: Dataset, normalization: str) -> Dataset:
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
