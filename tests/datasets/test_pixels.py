"""From arrays and pictures of any kind to bytes of one shape."""

import numpy as np
import pytest
from PIL import Image

from vsc_jax.datasets._pixels import (
    as_bytes,
    find_white,
    mean_norm,
    pack,
    resize_array,
    resize_image,
    with_channels,
)

RNG = np.random.default_rng(0)


def test_a_size_that_is_a_whole_part_averages_blocks():
    images = RNG.integers(0, 256, (3, 8, 12, 1)).astype(np.uint8)
    small = resize_array(images, image_size=4, channels=3)
    middle = images[:, :, 2:10, 0].reshape(3, 4, 2, 4, 2).mean(axis=(2, 4))
    assert small.shape == (3, 4, 4, 3)
    np.testing.assert_allclose(small[..., 1], middle, atol=1.0)


def test_nothing_to_change_changes_nothing():
    images = RNG.integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    assert resize_array(images, image_size=8, channels=3) is images
    assert resize_array(images, image_size=None, channels=None) is images
    with pytest.raises(ValueError, match="there are no images to resize"):
        resize_array(images[:0], image_size=4, channels=3)


def test_norms_of_bytes_and_of_bits_agree():
    bits = RNG.integers(0, 2, (20, 5, 3, 1)).astype(np.uint8)
    rows = np.array([0, 3, 19])
    expected = np.linalg.norm(bits[rows].reshape(3, -1).astype(float), axis=1).mean()
    assert mean_norm(pack(bits), rows, packed=True) == pytest.approx(expected)
    assert mean_norm(255 * bits, rows, packed=False) == pytest.approx(expected)
    assert with_channels(bits[..., 0]).shape == bits.shape


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("1", 1, ("L", 255)),
        ("L", 7, ("L", 7)),
        ("LA", (0, 51), ("L", 204)),
        ("La", (0, 51), ("L", 204)),
        ("RGB", (1, 2, 3), ("RGB", (1, 2, 3))),
        ("RGBA", (0, 0, 255, 51), ("RGB", (204, 204, 255))),
        ("RGBa", (0, 0, 51, 51), ("RGB", (204, 204, 255))),
        ("CMYK", (0, 255, 0, 0), ("RGB", (255, 0, 255))),
        ("I", 4, ("L", 4)),
        ("F", 0.2, ("L", 51)),
    ],
)
def test_every_mode_becomes_bytes_on_white(mode, color, expected):
    white = {"I": 255.0, "F": 1.0}.get(mode)
    plain = as_bytes(Image.new(mode, (2, 2), color), white=white)
    assert (plain.mode, plain.getpixel((1, 1))) == expected
    grey = resize_image(plain, image_size=1, channels=1)
    assert (grey.mode, grey.size) == ("L", (1, 1))


def test_a_wide_picture_needs_its_range():
    with pytest.raises(ValueError, match="mode F needs the value of white"):
        as_bytes(Image.new("F", (2, 2)))
    assert find_white(0.0, 0.5, floats=True) == (1.0, "0..1")
    assert find_white(0, 256, floats=False) == (4095.0, "12 bits, 0..4095")
    with pytest.raises(ValueError, match=r"integer pictures .* got 0 to 65536"):
        find_white(0, 65536, floats=False)
