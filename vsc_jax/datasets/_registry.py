"""The table of all data sets: a new one is a file in `sources` and a line here.

`load_dataset`, `dataset_names`, their errors and the documentation's table come from
it; it has the order of that table's rows.
"""

from vsc_jax.datasets._source import Source
from vsc_jax.datasets.sources._cars3d import CARS3D
from vsc_jax.datasets.sources._celeb_a import CELEB_A
from vsc_jax.datasets.sources._cifar10 import CIFAR10
from vsc_jax.datasets.sources._cluttered_mnist import CLUTTERED_MNIST
from vsc_jax.datasets.sources._digits import DIGITS, MNIST_5K
from vsc_jax.datasets.sources._double_mnist import DOUBLE_MNIST
from vsc_jax.datasets.sources._dsprites import DSPRITES
from vsc_jax.datasets.sources._image_folder import IMAGE_FOLDER
from vsc_jax.datasets.sources._lit_surfaces import LIT_SURFACES
from vsc_jax.datasets.sources._mnist import FASHION_MNIST, MNIST
from vsc_jax.datasets.sources._mpi3d import (
    MPI3D_REAL,
    MPI3D_REAL_COMPLEX,
    MPI3D_REALISTIC,
    MPI3D_TOY,
)
from vsc_jax.datasets.sources._multi_mnist import MULTI_MNIST
from vsc_jax.datasets.sources._multi_sprites import MULTI_SPRITES
from vsc_jax.datasets.sources._npz import NPZ
from vsc_jax.datasets.sources._occluded_cifar import OCCLUDED_CIFAR
from vsc_jax.datasets.sources._occluded_sprites import OCCLUDED_SPRITES
from vsc_jax.datasets.sources._points import PINWHEEL, SPIRALS
from vsc_jax.datasets.sources._shapes3d import SHAPES3D
from vsc_jax.datasets.sources._shapes3d_like import SHAPES3D_LIKE
from vsc_jax.datasets.sources._smallnorb import SMALLNORB
from vsc_jax.datasets.sources._smiley import SMILEY
from vsc_jax.datasets.sources._sprite_variants import (
    DSPRITES_COLOR,
    DSPRITES_NOISY,
    DSPRITES_SCREAM,
    SPRITES_COLOR,
    SPRITES_NOISY,
    SPRITES_SCREAM,
)
from vsc_jax.datasets.sources._sprites import SPRITES
from vsc_jax.datasets.sources._xy_squares import XY_SQUARES
from vsc_jax.datasets.sources._yale_b import YALE_B

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        SPRITES,
        SPRITES_COLOR,
        SPRITES_NOISY,
        SPRITES_SCREAM,
        MULTI_SPRITES,
        OCCLUDED_SPRITES,
        SHAPES3D_LIKE,
        XY_SQUARES,
        LIT_SURFACES,
        SMILEY,
        PINWHEEL,
        SPIRALS,
        DIGITS,
        MNIST_5K,
        CLUTTERED_MNIST,
        DOUBLE_MNIST,
        MULTI_MNIST,
        MNIST,
        FASHION_MNIST,
        CIFAR10,
        OCCLUDED_CIFAR,
        DSPRITES,
        DSPRITES_COLOR,
        DSPRITES_NOISY,
        DSPRITES_SCREAM,
        SHAPES3D,
        MPI3D_TOY,
        MPI3D_REALISTIC,
        MPI3D_REAL,
        MPI3D_REAL_COMPLEX,
        CARS3D,
        SMALLNORB,
        YALE_B,
        CELEB_A,
        NPZ,
        IMAGE_FOLDER,
    )
}
