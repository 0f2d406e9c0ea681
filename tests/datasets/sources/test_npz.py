"""A user's own npz files: what is accepted, what is refused."""

import os

import numpy as np
import pytest

from vsc_jax import _memory
from vsc_jax.datasets import DatasetNotFoundError, load_dataset

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (20, 6, 5)).astype(np.uint8)


@pytest.fixture
def load(tmp_path):
    def save_and_load(arrays, **kwargs):
        np.savez(tmp_path / "user.npz", **arrays)
        return load_dataset("npz", path=tmp_path / "user.npz", **kwargs)

    return save_and_load


def in_order(dataset):
    return dataset.decode(np.arange(len(dataset.images)))


@pytest.mark.parametrize("key", ["images", "imgs", "x", "anything"])
def test_images_are_found_by_key_or_as_the_only_array(load, key):
    dataset = load({key: GREY})
    assert dataset.image_shape == (6, 5, 1)
    np.testing.assert_array_equal(dataset.images[..., 0], GREY)
    assert len(dataset.train_indices) == 18
    assert len(dataset.test_indices) == 2
    assert not set(dataset.train_indices) & set(dataset.test_indices)
    assert dataset.factors is None


def test_floats_and_wider_integers_are_the_same_images(load):
    expected = GREY[..., None] / 255.0
    for images in (expected, expected.astype(np.float32), GREY.astype(np.int64)):
        np.testing.assert_allclose(in_order(load({"x": images})), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float32])
def test_zeros_and_ones_are_black_and_white_bits(load, dtype):
    bits = RNG.integers(0, 2, (20, 6, 6, 3)).astype(dtype)
    dataset = load({"x": bits})
    assert dataset.format.packed
    assert dataset.images.shape == (20, 14)
    np.testing.assert_array_equal(in_order(dataset), bits)
    # Resized they are greys, if there is anything to average.
    small = load({"x": bits}, image_size=3)
    assert not small.format.packed
    blocks = bits.astype(float).reshape(20, 3, 2, 3, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(in_order(small), blocks, atol=1.001 / 255)


def test_colour_size_and_cut(load):
    images = RNG.integers(0, 256, (20, 12, 8, 3)).astype(np.uint8)
    dataset = load({"x": images}, image_size=4, channels=1, num_train=5, num_test=1)
    assert dataset.images.shape == (6, 4, 4, 1)
    middle = images[:, 2:10].astype(float).reshape(20, 4, 2, 4, 2, 3).mean(axis=(2, 4))
    luma = middle @ [0.299, 0.587, 0.114]
    order = np.random.default_rng(0).permutation(20)
    expected = luma[np.r_[order[:5], order[18:19]]]
    np.testing.assert_allclose(dataset.images[..., 0], expected, atol=1.6)


def test_factors(load):
    labels = np.arange(20) % 3
    dataset = load({"x": GREY, "labels": labels}, num_train=7, num_test=2)
    assert dataset.label_factor == dataset.category_factor == "label"
    assert dataset.factor_sizes == (3,)
    order = np.random.default_rng(0).permutation(20)
    kept = np.r_[order[:7], order[18:]]
    np.testing.assert_array_equal(dataset.factors[:, 0], labels[kept])
    np.testing.assert_array_equal(dataset.images[..., 0], GREY[kept])
    two = np.stack([labels, np.arange(20)], axis=1).astype(np.uint8)
    assert load({"x": GREY, "factors": two}).factor_names == ("factor_0", "factor_1")
    named = load({"x": GREY, "factors": two, "factor_names": np.array(["a", "b"])})
    assert named.factor_names == ("a", "b")
    assert named.factor_sizes == (3, 20)
    assert named.label_factor is None
    names = np.array(["shape", "label"])
    named = load({"x": GREY, "factors": two, "factor_names": names})
    assert (named.category_factor, named.label_factor) == ("shape", "label")
    named = load({"x": GREY, "labels": labels, "factor_names": np.array(["breed"])})
    assert named.label_factor == "breed"


def test_other_arrays_of_the_file_are_not_unpickled(load):
    dataset = load({"imgs": GREY, "metadata": np.array({"a": 1}, dtype=object)})
    np.testing.assert_array_equal(dataset.images[..., 0], GREY)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": GREY, "b": GREY}, "one of images, imgs, x, found a, b"),
        ({"x": GREY[0]}, r"\[n, height, width\].*got \(6, 5\)"),
        ({"x": GREY[..., None].repeat(4, 3)}, r"1 or 3\], got \(20, 6, 5, 4\)"),
        ({"x": GREY[:0]}, r"got \(0, 6, 5\)"),
        (
            {"x": GREY[..., :3]},
            r"got \(20, 6, 3\), which may be a single image; 20 grey",
        ),
        ({"x": GREY[:1]}, "at least 2 images, found 1"),
        ({"x": GREY * 1.0}, r"in \[0, 1\], got 0.0 to 255.0"),
        ({"x": np.full((3, 2, 2), np.nan)}, r"in \[0, 1\], got nan"),
        ({"x": GREY.astype(int) - 1}, r"in 0\.\.255, got -1 to 254"),
        ({"x": GREY.astype(str)}, "got dtype <U"),
        ({"x": GREY, "labels": np.arange(19)}, r"\[20\] or .*got \(19,\)"),
        ({"x": GREY, "labels": np.arange(20) / 2}, "integers from 0 on, got dtype fl"),
        ({"x": GREY, "labels": np.arange(20) - 1}, "integers from 0 on, .* with -1"),
        (
            {"x": GREY, "labels": np.arange(20), "factor_names": np.array(["a", "b"])},
            "must have 1 names",
        ),
        (
            {
                "x": GREY,
                "factors": np.zeros((20, 2), int),
                "factor_names": np.array(["a", "a"]),
            },
            "must differ from each other, got a, a",
        ),
        ({"x": np.array([None, {}])}, "pickled"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(load, arrays, message):
    with pytest.raises(ValueError, match=message) as error:
        load(arrays)
    if "at least 2" not in message:
        assert "user.npz" in str(error.value)


def test_files_that_are_no_npz(tmp_path):
    path = tmp_path / "user.npz"
    with pytest.raises(DatasetNotFoundError, match=r"nothing is at .*user\.npz"):
        load_dataset("npz", path=path)
    with pytest.raises(DatasetNotFoundError, match=r"needs a path to an \.npz file"):
        load_dataset("npz")
    np.savez(path, x=GREY)
    whole = path.read_bytes()
    for content in (whole[:300], b"", b"hello"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"user\.npz"):
            load_dataset("npz", path=path)
    np.save(tmp_path / "user.npy", GREY)
    with pytest.raises(ValueError, match=r"user\.npy is not a readable \.npz"):
        load_dataset("npz", path=tmp_path / "user.npy")
    with pytest.raises(ValueError, match="not a readable"):
        load_dataset("npz", path=tmp_path)


def test_arrays_under_other_names_are_named(load):
    dataset = load({"x": GREY, "latents_classes": np.arange(20), "metadata": GREY})
    assert dataset.factors is None
    assert dataset.notes == (
        "user.npz: no factors, for no array is named factors or labels; not read: "
        "latents_classes, metadata.",
    )
    dataset = load({"x": GREY, "labels": np.arange(20), "metadata": GREY})
    assert dataset.notes == ("user.npz: the factors are labels; not read: metadata.",)
    assert load({"x": GREY, "labels": np.arange(20)}).notes == ()


@pytest.mark.parametrize("value", [3_000_000_000, 10**9, 2**63])
def test_labels_that_do_not_count_from_zero_are_refused(load, value):
    labels = np.arange(20).astype(np.uint64)
    labels[3] = value
    with pytest.raises(
        ValueError,
        match=rf"labels of .*below 1,000,000, got {value}; number",
    ):
        load({"x": GREY, "labels": labels})


def test_labels_that_are_all_alike_are_no_labels(load):
    dataset = load({"x": GREY, "labels": np.full(20, 3)})
    assert dataset.labels is None
    assert dataset.notes == ("user.npz: no labels, for label is 3 everywhere.",)


@pytest.mark.parametrize("white", [1, 63, 255])
def test_dark_floats_are_grey_and_noted(load, white):
    images = GREY / 255.0 * white / 255.0
    dataset = load({"x": images})
    assert not dataset.format.packed
    np.testing.assert_array_equal(dataset.images[..., 0], np.rint(GREY / 255.0 * white))
    notes = ()
    if white < 64:
        high = images.max()
        notes = (
            f"user.npz: floats up to {high:.3g}, where 1 is white; were they divided "
            "twice?",
        )
    assert dataset.notes == notes


def test_integers_that_reach_little_of_white_are_noted(load):
    images = GREY // 15
    assert load({"x": images}).notes == (
        f"user.npz: integers up to {images.max()}, where 255 is white; if it should be "
        f"{images.max()}, save floats: images / {images.max()}.",
    )
    assert load({"x": images / images.max()}).notes == ()


def test_grey_images_three_pixels_wide_have_an_axis_for_the_channel(load):
    assert load({"x": GREY[..., :3, None]}).image_shape == (6, 3, 1)


def test_images_whose_number_may_be_their_last_axis_are_noted(load):
    images = RNG.integers(0, 256, (6, 6, 20)).astype(np.uint8)
    assert load({"x": images}).notes == (
        "user.npz: taken as 6 images of 6x20; if they are 20 of 6x6, save "
        "numpy.moveaxis(images, -1, 0).",
    )
    assert load({"x": np.moveaxis(images, -1, 0)}).notes == ()


@pytest.mark.parametrize("dtype", [int, bool, float])
def test_labels_as_a_column_or_as_ones_in_rows_are_labels(load, dtype):
    labels = np.arange(20) % 3
    column = load({"x": GREY, "labels": labels[:, None]})
    assert (column.label_factor, column.notes) == ("label", ())
    rows = load({"x": GREY, "labels": np.eye(3, dtype=dtype)[labels]})
    assert rows.notes == (
        "user.npz: labels have a single one in each row, of 3: its place is the label.",
    )
    for dataset in (column, rows):
        np.testing.assert_array_equal(dataset.labels, labels)
        assert dataset.factor_sizes == (3,)
    # Anything else in two columns is two factors.
    two = np.stack([labels % 2, labels], axis=1)
    assert load({"x": GREY, "labels": two}).label_factor is None


def test_the_fingerprint_is_of_all_images_and_factors(load):
    labels = np.arange(20) % 3
    whole = load({"x": GREY, "labels": labels})
    part = load({"x": GREY, "labels": labels}, num_train=4, num_test=2, image_size=3)
    assert part.fingerprint == whole.fingerprint
    assert whole.fingerprint["number"] == 20
    other = load({"x": GREY, "labels": labels[::-1]}).fingerprint
    assert other["images"] == whole.fingerprint["images"]
    assert other["factors"] != whole.fingerprint["factors"]
    for images in (GREY[1:], GREY[::-1], np.where(GREY.max() == GREY, 0, GREY)):
        assert load({"x": images}).fingerprint["images"] != other["images"]


def test_fewer_images_than_asked_for_are_all_taken(load):
    dataset = load({"x": GREY}, num_train=256, num_test=2)
    assert (len(dataset.train_indices), len(dataset.test_indices)) == (18, 2)
    assert dataset.notes == ("num_train is 18, not 256: npz has no more.",)


def test_images_that_do_not_fit_into_memory_are_refused(load, monkeypatch):
    monkeypatch.setattr(_memory, "free_bytes", lambda: 500)
    with pytest.raises(ValueError, match=r"user\.npz is too large: .* are free"):
        load({"x": GREY})


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "user.npz")
    with pytest.raises(ValueError, match="no regular file"):
        load_dataset("npz", path=tmp_path / "user.npz")
