"""From arrays and pictures of any kind to bytes of one shape."""

import numpy as np
import pytest

from vsc_jax.datasets._pixels import mean_norm, pack, resize_array, with_channels

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
