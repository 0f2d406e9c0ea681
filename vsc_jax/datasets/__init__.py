"""Sources of images and of ground-truth factors; arrays out."""

from vsc_jax.datasets._base import Dataset as Dataset
from vsc_jax.datasets._base import ImageFormat as ImageFormat
from vsc_jax.datasets._checksums import verify_files as verify_files
from vsc_jax.datasets._from_arrays import from_arrays as from_arrays
from vsc_jax.datasets._ground_truth import GroundTruth as GroundTruth
from vsc_jax.datasets._ground_truth import ground_truth as ground_truth
from vsc_jax.datasets._ground_truth import images_from_factors as images_from_factors
from vsc_jax.datasets._ground_truth import rows_from_factors as rows_from_factors
from vsc_jax.datasets._load import dataset_names as dataset_names
from vsc_jax.datasets._load import describe_datasets as describe_datasets
from vsc_jax.datasets._load import load_dataset as load_dataset
from vsc_jax.datasets._mnist_corrupted import (
    load_mnist_corrupted as load_mnist_corrupted,
)
from vsc_jax.datasets._scene_objects import SceneObjects as SceneObjects
from vsc_jax.datasets._source import DatasetNotFoundError as DatasetNotFoundError
from vsc_jax.datasets.sources._points import pinwheel as pinwheel
from vsc_jax.datasets.sources._points import spirals as spirals
from vsc_jax.datasets.sources._shapes3d_like import (
    render_shapes3d_like as render_shapes3d_like,
)
from vsc_jax.datasets.sources._smiley import render_smileys as render_smileys
from vsc_jax.datasets.sources._sprites import render_sprites as render_sprites
from vsc_jax.datasets.sources._sprites import (
    sprites_factors_from_index as sprites_factors_from_index,
)
from vsc_jax.datasets.sources._sprites import (
    sprites_index_from_factors as sprites_index_from_factors,
)
from vsc_jax.datasets.sources._xy_squares import render_xy_squares as render_xy_squares

__all__ = [
    "Dataset",
    "DatasetNotFoundError",
    "GroundTruth",
    "ImageFormat",
    "SceneObjects",
    "dataset_names",
    "describe_datasets",
    "from_arrays",
    "ground_truth",
    "images_from_factors",
    "load_dataset",
    "load_mnist_corrupted",
    "pinwheel",
    "render_shapes3d_like",
    "render_smileys",
    "render_sprites",
    "render_xy_squares",
    "rows_from_factors",
    "spirals",
    "sprites_factors_from_index",
    "sprites_index_from_factors",
    "verify_files",
]
