"""The original .npz files of MPI3D, with smaller grids."""

import numpy as np
import pytest

from vsc_jax.datasets import (
    DatasetNotFoundError,
    images_from_factors,
    load_dataset,
)
from vsc_jax.datasets.sources import _mpi3d

NAMES = ("mpi3d_toy", "mpi3d_realistic", "mpi3d_real", "mpi3d_real_complex")
SMALL = ((3, 2, 1, 1, 1, 2, 4), (2, 2, 1, 1, 1, 2, 4))
IMAGES = np.zeros((48, 64, 64, 3), np.uint8)
IMAGES[:, :, :, 0] = np.arange(48)[:, None, None]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(_mpi3d, "MPI3D_FACTOR_SIZES", SMALL)


def test_the_grids_have_the_published_numbers_of_images():
    assert [np.prod(sizes) for sizes in _mpi3d.MPI3D_FACTOR_SIZES] == [
        1_036_800,
        460_800,
    ]
    assert len(_mpi3d.MPI3D_FACTOR_NAMES) == 7


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("by_folder", [False, True])
def test_originals_are_read_in_the_order_of_the_factors(tmp_path, name, by_folder):
    num = 32 if name == "mpi3d_real_complex" else 48
    path = tmp_path / f"{name}.npz"
    np.savez_compressed(path, images=IMAGES[:num])
    dataset = load_dataset(name, path=tmp_path if by_folder else path)
    assert dataset.name == name
    assert dataset.factor_sizes == SMALL[num == 32]
    assert dataset.category_factor == "object_shape"
    assert len(dataset.test_indices) == num // 10
    index = np.ravel_multi_index(tuple(dataset.factors.T), dataset.factor_sizes)
    np.testing.assert_array_equal(dataset.images[:, 0, 0, 0], index)
    np.testing.assert_array_equal(index, np.arange(num))
    np.testing.assert_array_equal(
        np.r_[dataset.train_indices, dataset.test_indices],
        np.random.default_rng(0).permutation(num),
    )
    found = images_from_factors(dataset, dataset.factors[7:8])[0]
    np.testing.assert_allclose(found * 255, IMAGES[7], rtol=1e-6)


@pytest.mark.usefixtures("small")
def test_a_cut_and_another_size(tmp_path):
    # The name under which the authors give the complex one away.
    path = tmp_path / "real3d_complicated_shapes_ordered.npz"
    np.savez_compressed(path, images=IMAGES[:32])
    dataset = load_dataset(
        "mpi3d_real_complex", path=tmp_path, num_train=3, num_test=1, image_size=32
    )
    assert dataset.images.shape == (4, 32, 32, 3)
    index = np.ravel_multi_index(tuple(dataset.factors.T), dataset.factor_sizes)
    np.testing.assert_array_equal(dataset.images[:, 5, 5, 0], index)
    order = np.random.default_rng(0).permutation(32)
    np.testing.assert_array_equal(index, np.r_[order[:3], order[29]])
    with pytest.raises(ValueError, match=r"^num_test of mpi3d_real_complex"):
        load_dataset("mpi3d_real_complex", path=path, num_test=4)


def test_wrong_and_missing_files(tmp_path):
    path = tmp_path / "mpi3d_toy.npz"
    with pytest.raises(DatasetNotFoundError, match=r"(?s)toy\.npz.*rr-learning") as e:
        load_dataset("mpi3d_toy", path=tmp_path / "nowhere")
    assert "which does not exist" in str(e.value)
    with pytest.raises(DatasetNotFoundError, match="no path was given"):
        load_dataset("mpi3d_toy")
    np.savez(path, images=IMAGES)
    with pytest.raises(ValueError, match=r"mpi3d_toy has 1036800 images, got 48"):
        load_dataset("mpi3d_toy", path=path)
    with pytest.raises(ValueError, match=r"real_complex has 460800 images, got 48"):
        load_dataset("mpi3d_real_complex", path=path)
    np.savez(path, images=IMAGES[:, :32])
    with pytest.raises(ValueError, match=r"toy\.npz is not mpi3d_toy.*64, 64, 3"):
        load_dataset("mpi3d_toy", path=path)
    np.savez(path, images=np.array([{}]))
    with pytest.raises(ValueError, match="uint8 in C order, got object"):
        load_dataset("mpi3d_toy", path=path)
    np.savez(path, imgs=IMAGES)
    with pytest.raises(ValueError, match=r"is not mpi3d_toy.*images\.npy"):
        load_dataset("mpi3d_toy", path=path)


@pytest.mark.usefixtures("small")
def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "mpi3d_toy.npz"
    np.savez(path, images=IMAGES)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"mpi3d_toy\.npz is not mpi3d_toy"):
        load_dataset("mpi3d_toy", path=path)
