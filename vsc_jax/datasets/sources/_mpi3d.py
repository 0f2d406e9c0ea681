"""MPI3D from its original .npz files.

Gondal et al., "On the Transfer of Inductive Bias from Simulation to the Real World: a
New Disentanglement Dataset" (NeurIPS 2019, https://arxiv.org/abs/1906.03292;
https://github.com/rr-learning/disentanglement_dataset, CC BY 4.0): a robot arm that
holds an object, rendered simply or realistically, or filmed.
"""

import dataclasses
import math

import numpy as np

from vsc_jax.datasets._array_files import check_images, open_npz, reading
from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._files import find_file, not_found
from vsc_jax.datasets._make_dataset import kept_rows, make_dataset
from vsc_jax.datasets._source import Request, Source
from vsc_jax.datasets._streams import gather_rows

MPI3D_FACTOR_NAMES = (
    "object_color",
    "object_shape",
    "object_size",
    "camera_height",
    "background_color",
    "horizontal_axis",
    "vertical_axis",
)
# Of the three first files, and of the one with the complex shapes.
MPI3D_FACTOR_SIZES = ((6, 6, 2, 3, 3, 40, 40), (4, 4, 2, 3, 3, 40, 40))
_ROW_SHAPE = (64, 64, 3)
# The name under which the authors give the complex one away.
_COMPLEX = "real3d_complicated_shapes_ordered.npz"
_PAGE = "https://github.com/rr-learning/disentanglement_dataset"
_FILES = "https://huggingface.co/datasets/waleedgondal/mpi3d"


def load_mpi3d(request: Request) -> Dataset:
    """A tenth of a permutation is the test split; the factors are the places.

    The files have no labels: their images stand in the order of the factors.
    """
    names = (f"{request.name}.npz",)
    complex_ = request.name == "mpi3d_real_complex"
    if complex_:
        names += (_COMPLEX,)
    sizes = MPI3D_FACTOR_SIZES[complex_]
    file = find_file(request, names, suffixes=(".npz",))
    if file is None:
        raise not_found(request)
    with reading(file, request.name), open_npz(file, "images") as (shape, _):
        check_images("images", shape, _ROW_SHAPE)
        if shape[0] != math.prod(sizes):
            raise ValueError(
                f"{request.name} has {math.prod(sizes)} images, got {shape[0]}"
            )
    num = shape[0]
    rows, train, test = kept_rows(*request.split(num, max(1, num // 10)), num)
    with reading(file, request.name), open_npz(file, "images") as (_, read):
        images = gather_rows(
            num,
            rows,
            read,
            image_size=request.image_size,
            channels=request.channels,
        )
    return make_dataset(
        request,
        images,
        images.shape[1:],
        train,
        test,
        factors=np.stack(np.unravel_index(rows, sizes), axis=1),
        factor_names=MPI3D_FACTOR_NAMES,
        factor_sizes=sizes,
        category_factor="object_shape",
    )


MPI3D_TOY = Source(
    name="mpi3d_toy",
    load=load_mpi3d,
    images="64x64 RGB",
    split="933,120 / 103,680",
    origin="the original npz file, in `data.path`",
    original="mpi3d_toy.npz",
    url=f"{_FILES} (described at {_PAGE})",
)
MPI3D_REALISTIC = dataclasses.replace(
    MPI3D_TOY, name="mpi3d_realistic", original="mpi3d_realistic.npz"
)
MPI3D_REAL = dataclasses.replace(
    MPI3D_TOY, name="mpi3d_real", original="mpi3d_real.npz"
)
MPI3D_REAL_COMPLEX = dataclasses.replace(
    MPI3D_TOY,
    name="mpi3d_real_complex",
    split="414,720 / 46,080",
    original=f"mpi3d_real_complex.npz or {_COMPLEX}",
    url=_PAGE,
)
