"""The original .mat files of Cars3D, but fewer of them."""

import numpy as np
import pytest
import scipy.io

from vsc_jax.datasets import DatasetNotFoundError, load_dataset

# Not in the order of the alphabet.
NAMES = ("car_007_mesh", "car_002_mesh", "car_180_mesh")


def mesh(car):
    """Grey value and columns say which car, side and height it is."""
    image = np.zeros((128, 128, 3, 24, 4), np.uint8)
    image[:, :, 0] = 60 * (car + 1)
    image[:, :, 1] = 10 * np.arange(24)[:, None]
    image[:, :, 2] = 60 * np.arange(4)
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cars3d") / "data" / "cars"
    folder.mkdir(parents=True)
    for car, name in enumerate(NAMES):
        arrays = {"im": mesh(car), "mask": np.zeros(3)}
        scipy.io.savemat(folder / f"{name}.mat", arrays, do_compression=True)
    (folder / "list.txt").write_text("\n".join(NAMES) + "\n")
    return folder


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_originals_are_read_in_the_order_of_the_list(folder, levels):
    path = [folder, folder.parent, folder.parents[1]][levels]
    dataset = load_dataset("cars3d", path=path)
    assert dataset.images.shape == (3 * 96, 64, 64, 3)
    assert len(dataset.test_indices) == 28
    assert dataset.factor_names == ("elevation", "azimuth", "object_type")
    assert dataset.factor_sizes == (4, 24, 3)
    assert dataset.category_factor == "object_type"
    elevation, azimuth, car = dataset.factors.T
    for channel, value in enumerate((60 * (car + 1), 10 * azimuth, 60 * elevation)):
        np.testing.assert_array_equal(dataset.images[:, 9, 9, channel], value)
    index = np.ravel_multi_index((elevation, azimuth, car), (4, 24, 3))
    np.testing.assert_array_equal(index, np.arange(288))


def test_a_cut_is_the_start_of_the_split(folder):
    full = load_dataset("cars3d", path=folder)
    cut = load_dataset(
        "cars3d", path=folder, num_train=4, num_test=2, image_size=128, channels=1
    )
    assert cut.images.shape == (6, 128, 128, 1)
    rows = np.r_[full.train_indices[:4], full.test_indices[:2]]
    np.testing.assert_array_equal(cut.factors, full.factors[rows])


def test_what_is_missing_or_wrong_is_named(folder, tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"(?s)list\.txt.*scottreed") as e:
        load_dataset("cars3d", path=tmp_path)
    assert "tensorflow" not in str(e.value)
    first = (folder / f"{NAMES[0]}.mat").read_bytes()
    (tmp_path / "list.txt").write_text("car_1 car_2.mat")
    (tmp_path / "car_1.mat").write_bytes(first)
    with pytest.raises(ValueError, match=r"lacks 1 of the 2 .*first is car_2\.mat"):
        load_dataset("cars3d", path=tmp_path)
    for content, message in [
        (first[: len(first) // 2], r"car_2\.mat is not a \.mat file of Cars3D"),
        (b"MATLAB 7.3" + bytes(200), r"car_2\.mat is not a \.mat file of Cars3D"),
    ]:
        (tmp_path / "car_2.mat").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            load_dataset("cars3d", path=tmp_path)
    for arrays, message in [
        (
            {"im": mesh(0)[:64]},
            r"car_2\.mat is not .* im must be uint8 \(128, 128",
        ),
        ({"im": mesh(0).astype(float)}, r"must be uint8 .* got double"),
        (
            {"mask": np.zeros(3)},
            r"car_2\.mat is not a \.mat file of Cars3D: it has no array im",
        ),
    ]:
        scipy.io.savemat(tmp_path / "car_2.mat", arrays, do_compression=True)
        with pytest.raises(ValueError, match=message):
            load_dataset("cars3d", path=tmp_path)
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"list\.txt is not the list of Cars3D"):
        load_dataset("cars3d", path=tmp_path)
    for names in ("\n", "car_1 car_1"):
        (tmp_path / "list.txt").write_text(names)
        with pytest.raises(ValueError, match=r"list\.txt must name at least one file"):
            load_dataset("cars3d", path=tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
        (b"<html>Not found</html>", "web page"),
        (b"", "it is empty"),
    ],
)
def test_what_stands_in_place_of_a_file_is_told(tmp_path, content, message):
    (tmp_path / "list.txt").write_text("car_1")
    (tmp_path / "car_1.mat").write_bytes(content)
    with pytest.raises(ValueError, match=rf"car_1\.mat is not .*{message}"):
        load_dataset("cars3d", path=tmp_path)
