import numpy as np
import pytest

from vsc_jax.evaluation import (
    author_traversal_codes,
    traversal_codes,
    traversal_values,
)


def test_only_the_chosen_latent_changes():
    z = np.array([0.1, 0.2, 0.3, 0.4])
    values = np.array([[-1.0, 0.0, 1.0], [5.0, 6.0, 7.0]])
    codes = traversal_codes(z, np.array([3, 1]), values)
    assert codes.shape == (2, 3, 4)
    np.testing.assert_array_equal(codes[0, :, 3], values[0])
    np.testing.assert_array_equal(codes[1, :, 1], values[1])
    np.testing.assert_array_equal(codes[0, :, :3], np.tile(z[:3], (3, 1)))
    assert z.tolist() == [0.1, 0.2, 0.3, 0.4]


def test_range_is_that_of_draws_that_are_not_zero():
    rng = np.random.default_rng(0)
    codes = np.zeros((1_000, 3))
    codes[:200, 0] = rng.uniform(4.0, 6.0, 200)  # mostly off
    codes[:10, 1] = 9.0  # too few to tell
    codes[:, 2] = 1.5  # does not vary
    values = traversal_values(codes, np.array([0, 1, 2]), num_values=5)
    assert values.shape == (3, 5)
    np.testing.assert_allclose(values[0], np.linspace(4.1, 5.9, 5), atol=0.1)
    np.testing.assert_allclose(values[1:], [np.linspace(-2, 2, 5)] * 2)


def test_published_protocol():
    z = np.array([0.05, -0.5, 0.0, 2.0, 1e-5])
    latents, codes = author_traversal_codes(z)
    assert latents.tolist() == [3, 1, 0]
    assert codes.shape == (3, 8, 5)
    # The first frame is the draw itself; positive ones fall, negative ones rise.
    np.testing.assert_array_equal(codes[:, 0], np.tile(z, (3, 1)))
    np.testing.assert_allclose(codes[0, :, 3], 2.0 - 0.2 * np.arange(8))
    np.testing.assert_allclose(codes[1, :, 1], -0.5 + 0.2 * np.arange(8))
    np.testing.assert_allclose(codes[2, -1, 0], 0.05 - 1.4)
    np.testing.assert_array_equal(codes[0, :, [0, 1, 2, 4]].T, [z[[0, 1, 2, 4]]] * 8)


def test_published_protocol_has_limits():
    z = np.array([0.05, -0.5, 0.0, 2.0, 1e-5])
    assert author_traversal_codes(z, threshold=0.1)[0].tolist() == [3, 1]
    assert author_traversal_codes(z, max_latents=1)[0].tolist() == [3]
    latents, codes = author_traversal_codes(np.zeros(5), num_frames=4)
    assert latents.shape == (0,)
    assert codes.shape == (0, 4, 5)


def test_bad_input():
    with pytest.raises(ValueError, match=r"got \(3,\), \(1,\) and \(2, 4\)"):
        traversal_codes(np.zeros(3), np.array([0]), np.zeros((2, 4)))
