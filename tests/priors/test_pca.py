"""Variances from the principal components of images."""

import numpy as np
import pytest

from vsc_jax.priors import GaussianPrior, _pca, pca_variances


def images(num, pixels, seed=0):
    """With a mean, and singular values that fall off."""
    rng = np.random.default_rng(seed)
    scales = 1.0 / (1.0 + np.arange(pixels))
    return rng.normal(size=(num, pixels)) * scales + 0.5


@pytest.mark.parametrize("shape", [(300, 40), (30, 64)])
def test_are_the_scaled_squares_of_the_singular_values(shape):
    x = images(*shape)
    squares = np.linalg.svd(x, compute_uv=False)[:10] ** 2
    variances = pca_variances(x, 10)
    np.testing.assert_allclose(variances, 10 * squares / squares.sum(), rtol=1e-10)
    np.testing.assert_allclose(np.mean(variances), 1.0)
    assert list(variances) == sorted(variances, reverse=True)
    assert isinstance(variances, tuple) and isinstance(variances[0], float)
    assert hash(GaussianPrior(variances)) is not None


def test_the_published_order_is_the_smaller_half_ascending():
    x = images(100, 50)
    squares = np.linalg.svd(x, compute_uv=False)[:20][::-1][:10] ** 2
    variances = pca_variances(x, 10, smallest_of=20)
    np.testing.assert_allclose(variances, 10 * squares / squares.sum(), rtol=1e-9)
    assert list(variances) == sorted(variances)


def test_iteration_and_chunks_agree_with_the_dense_way(monkeypatch):
    x = images(500, 100).reshape(500, 10, 10, 1).astype(np.float32)
    dense = pca_variances(x, 6)
    monkeypatch.setattr(_pca, "_DENSE_SIZE", 8)
    monkeypatch.setattr(_pca, "_CHUNK", 64)
    np.testing.assert_allclose(pca_variances(x, 6), dense, rtol=1e-9)
    assert pca_variances(x, 6) == pca_variances(x, 6)


def test_images_may_come_in_parts():
    x = images(300, 40).reshape(300, 5, 8)
    parts = pca_variances(iter([x[:7], x[7:200], x[200:]]), 6, smallest_of=12)
    np.testing.assert_allclose(parts, pca_variances(x, 6, smallest_of=12), rtol=1e-9)
    # Fewer images than pixels, too.
    np.testing.assert_allclose(
        pca_variances(iter([x[:9], x[9:20]]), 6), pca_variances(x[:20], 6), rtol=1e-9
    )
    with pytest.raises(ValueError, match=r"4 variances were asked for.*\(3, 40\)"):
        pca_variances(iter([x[:3]]), 4)
    with pytest.raises(ValueError, match=r"one size, got 40 and 39 pixels"):
        pca_variances(iter([x, x.reshape(300, 40)[:, :39]]), 4)
    with pytest.raises(ValueError, match=r"got no images"):
        pca_variances(iter([]), 4)


def test_black_and_white_images_are_exact():
    x = np.random.default_rng(0).integers(0, 2, (5_000, 30)).astype(np.float32)
    half = pca_variances(x / 2, 5)  # in float64, as it is not zeros and ones
    np.testing.assert_allclose(pca_variances(x, 5), half, rtol=1e-12)


def test_do_not_depend_on_the_scale_of_the_pixels():
    x = np.random.default_rng(0).integers(0, 256, (60, 5, 5), dtype=np.uint8)
    np.testing.assert_allclose(pca_variances(x, 4), pca_variances(x / 255.0, 4))


@pytest.mark.parametrize("iterate", [False, True])
def test_too_low_a_rank_is_refused(monkeypatch, iterate):
    if iterate:
        monkeypatch.setattr(_pca, "_DENSE_SIZE", 8)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 80))
    pca_variances(x, 3)
    with pytest.raises(ValueError, match=r"4 variances were asked for.*rank 3"):
        pca_variances(x, 4)
    with pytest.raises(ValueError, match=r"8 variances were asked for.*rank 3"):
        pca_variances(x, 2, smallest_of=8)
    with pytest.raises(ValueError, match=r"shape \(200, 80\), have rank"):
        pca_variances(x, 100)


def test_bad_arguments_are_refused():
    x = images(20, 10)
    for latent_dim, smallest_of in [(0, None), (-1, None), (5, 4)]:
        with pytest.raises(ValueError, match=r"latent_dim must be above 0 and at most"):
            pca_variances(x, latent_dim, smallest_of=smallest_of)
    with pytest.raises(ValueError, match=r"images must have shape \[n, ...\]"):
        pca_variances(x[0], 2)
    x[3, 4] = np.nan
    with pytest.raises(ValueError, match=r"images must be finite"):
        pca_variances(x, 2)
    with pytest.raises(ValueError, match=r"rank 0"):
        pca_variances(np.zeros((5, 4)), 2)
