"""Sprites in colour, on noise and on a painting, against the formulas."""

import numpy as np
import pytest
from PIL import Image

from vsc_jax.datasets import DatasetNotFoundError, load_dataset, render_sprites

STEM = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64"
SMALL = {"num_train": 60, "num_test": 20}


@pytest.fixture(autouse=True)
def no_prepared_data(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))


@pytest.fixture
def painting(tmp_path):
    """216 x 274, which is not shrunk, of known and distinct pixels."""
    y, x = np.mgrid[:274, :216]
    pixels = np.stack([y * 255 // 273, x * 255 // 215, (x + y) % 256], axis=-1)
    path = tmp_path / "The_Scream.jpg"
    Image.fromarray(pixels.astype(np.uint8)).save(path, "PNG")
    return path


def masks(dataset, image_size=64):
    return render_sprites(dataset.factors, image_size=image_size)[..., None] == 1


def write_dsprites(folder, num=40):
    rng = np.random.default_rng(0)
    factors = rng.integers((3, 6, 40, 32, 32), size=(num, 5))
    classes = np.concatenate([np.zeros((num, 1), int), factors], axis=1)
    images = render_sprites(factors)
    np.savez_compressed(folder / f"{STEM}.npz", imgs=images, latents_classes=classes)


@pytest.mark.parametrize("image_size", [32, 64])
def test_one_colour_on_black(image_size):
    dataset = load_dataset("sprites_color", image_size=image_size, **SMALL)
    assert dataset.image_shape == (image_size, image_size, 3)
    assert dataset.images.dtype == np.uint8
    colors = dataset.images.max(axis=(1, 2))
    np.testing.assert_array_equal(
        dataset.images, masks(dataset, image_size) * colors[:, None, None]
    )
    assert colors.min() >= 128
    # U(0.5, 1) over 240 numbers.
    assert colors.mean() / 255 == pytest.approx(0.75, abs=0.04)
    assert len(np.unique(colors, axis=0)) == 80


def test_white_on_uniform_noise():
    dataset = load_dataset("sprites_noisy", **SMALL)
    mask = np.broadcast_to(masks(dataset), dataset.images.shape)
    assert (dataset.images[mask] == 255).all()
    noise = dataset.images[~mask]
    counts = np.bincount(noise, minlength=256) / noise.size
    np.testing.assert_allclose(counts, 1 / 256, atol=2.5e-4)
    first, second = dataset.images[:2].astype(float).reshape(2, -1)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
    channels = dataset.images[~mask[..., 0]][:20_000].astype(float)
    assert abs(np.corrcoef(channels.T)[0, 1]) < 0.05


def test_a_sprite_inverts_a_patch_of_the_painting(painting):
    dataset = load_dataset("sprites_scream", path=painting, **SMALL)
    images = dataset.images.astype(float)
    mask = masks(dataset)
    background = np.where(mask, 255 - images, images)
    # Twice the background less its corner is a patch less its corner: the ramps of
    # the made-up painting, whatever the colour that was mixed in.
    ramp = 2 * (background - background[:, :1, :1])
    y, x = np.mgrid[:64, :64]
    np.testing.assert_allclose(
        ramp[..., 0], np.broadcast_to(y * 255 / 273, ramp[..., 0].shape), atol=4
    )
    np.testing.assert_allclose(
        ramp[..., 1], np.broadcast_to(x * 255 / 215, ramp[..., 1].shape), atol=4
    )
    # The corner is half of a colour in U(0, 1) and half of a pixel.
    assert 0.3 < background[:, 0, 0].mean() / 255 < 0.7
    assert len(np.unique(background[:, 0, 0], axis=0)) == 80
    small = load_dataset("sprites_scream", path=painting.parent, image_size=32, **SMALL)
    assert small.image_shape == (32, 32, 3)


def test_a_large_painting_is_shrunk_to_fit(tmp_path):
    path = tmp_path / "picture.png"
    pixels = np.zeros((760, 600, 3), np.uint8)
    pixels[:, :, 1] = np.arange(600) * 255 // 599
    Image.fromarray(pixels).save(path)
    # 600 x 760 to 216 x 274: a step of 255 / 215 per pixel.
    dataset = load_dataset("sprites_scream", path=path, num_train=3, num_test=1)
    row = dataset.images[:, 0, :, 1].astype(float)
    np.testing.assert_allclose(2 * (row[:, -1] - row[:, 0]), 63 * 255 / 215, atol=3)


@pytest.mark.parametrize("variant", ["color", "noisy", "scream"])
def test_an_image_is_the_same_in_every_cut_and_from_the_original(variant, painting):
    folder = painting.parent
    write_dsprites(folder)
    name = f"sprites_{variant}"
    big, small = (
        load_dataset(name, path=folder, num_train=num, num_test=5) for num in (30, 10)
    )
    np.testing.assert_array_equal(big.images[:10], small.images[:10])
    np.testing.assert_array_equal(big.images[-5:], small.images[-5:])
    other = load_dataset(name, path=folder, num_train=10, num_test=5, seed=1)
    assert not np.array_equal(other.images, small.images)
    plain = load_dataset("sprites", num_train=10, num_test=5)
    np.testing.assert_array_equal(plain.factors, small.factors)
    original = load_dataset(f"dsprites_{variant}", path=folder)
    assert original.name == f"dsprites_{variant}"
    assert original.image_shape == (64, 64, 3)
    assert len(original.train_indices) == 35
    # The rows of the small file were drawn as those places of the whole.
    rows = {tuple(row): i for i, row in enumerate(original.factors)}
    assert len(rows) == 40
    np.testing.assert_array_equal(
        original.factors, load_dataset("dsprites", path=folder).factors
    )


@pytest.mark.filterwarnings("error")
def test_mean_norm_of_colours():
    dataset = load_dataset("sprites_color", normalization="mean_norm", **SMALL)
    norms = np.linalg.norm(dataset.decode(np.arange(60)).reshape(60, -1), axis=1)
    assert norms.mean() == pytest.approx(1.0, rel=1e-5)


def test_too_many_images_and_bad_arguments_are_refused(painting):
    with pytest.raises(ValueError, match=r"737280 of them would take 9\.1 GB.*200000"):
        load_dataset("sprites_color")
    with pytest.raises(ValueError, match=r"num_test of together at most 200000"):
        load_dataset("sprites_noisy", num_train=150_000)
    with pytest.raises(ValueError, match="has colours; channels must be 3"):
        load_dataset("sprites_color", channels=1)
    with pytest.raises(ValueError, match="32 or 64, got 48"):
        load_dataset("sprites_color", image_size=48, **SMALL)
    with pytest.raises(ValueError, match=r"num_train of sprites_color.*got 0"):
        load_dataset("sprites_color", num_train=0)
    with pytest.raises(DatasetNotFoundError, match=STEM):
        load_dataset("dsprites_noisy", path=painting.parent)


def test_where_the_painting_is_to_be_had(tmp_path):
    for name in ("sprites_scream", "dsprites_scream"):
        with pytest.raises(DatasetNotFoundError, match="public domain") as error:
            load_dataset(name)
        assert "no path was given" in str(error.value)
        assert "wikimedia.org/wikipedia/commons/f/f4/The_Scream.jpg" in str(error.value)
    with pytest.raises(DatasetNotFoundError, match=r"nowhere, which does not exist"):
        load_dataset("sprites_scream", path=tmp_path / "nowhere")
    with pytest.raises(DatasetNotFoundError, match="and the file of dSprites"):
        load_dataset("dsprites_scream", path=tmp_path)
    path = tmp_path / "scream.jpg"
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"scream\.jpg is not a readable picture"):
        load_dataset("sprites_scream", path=tmp_path, **SMALL)
    Image.new("RGB", (400, 50)).save(path, "PNG")
    with pytest.raises(ValueError, match=r"at least 64x64, got 350x44"):
        load_dataset("sprites_scream", path=path, **SMALL)
