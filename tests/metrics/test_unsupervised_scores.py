import json

import numpy as np
import pytest
import scipy.linalg

from vsc_jax.metrics import NotApplicable, unsupervised_scores


def noise(num, size, seed=0):
    return np.random.default_rng(seed).normal(size=(num, size))


def with_covariance(covariance, num=50):
    """Codes whose sample covariance is exactly this."""
    z = noise(num, len(covariance))
    z -= z.mean(axis=0)
    z = z @ np.linalg.inv(np.linalg.cholesky(np.cov(z, rowvar=False))).T
    return z @ np.linalg.cholesky(covariance).T + 3.0


@pytest.mark.parametrize("r", [0.0, 0.3, -0.8, 0.999])
def test_two_latents_of_correlation_r(r):
    scores = unsupervised_scores(with_covariance(np.array([[1, r], [r, 1]])))
    total_correlation = -np.log(1 - r**2) / 2
    assert scores["gaussian_total_correlation"] == pytest.approx(
        total_correlation, abs=1e-9
    )
    norm = 2 - np.sqrt(1 + r) - np.sqrt(1 - r)
    assert scores["gaussian_wasserstein_correlation_norm"] == pytest.approx(norm)
    assert scores["gaussian_wasserstein_correlation"] == pytest.approx(2 * norm)
    assert (scores["active"], scores["rank"]) == ([0, 1], 2)
    json.dumps(scores)


def test_gaussian_scores_against_textbook_formulas():
    factor = noise(5, 4)
    covariance = factor.T @ factor + 0.1 * np.eye(4)
    scores = unsupervised_scores(with_covariance(covariance))
    diagonal = np.diag(np.diag(covariance))
    # KL of zero-mean Gaussians, and the Wasserstein distance with matrix roots.
    kl = 0.5 * (
        np.trace(np.linalg.inv(diagonal) @ covariance)
        - 4
        + np.log(np.linalg.det(diagonal) / np.linalg.det(covariance))
    )
    root = scipy.linalg.sqrtm(diagonal)
    middle = np.real(scipy.linalg.sqrtm(root @ covariance @ root))
    distance = np.trace(covariance + diagonal - 2 * middle)
    assert scores["gaussian_total_correlation"] == pytest.approx(kl)
    assert scores["gaussian_wasserstein_correlation"] == pytest.approx(distance)
    assert scores["gaussian_wasserstein_correlation_norm"] == pytest.approx(
        distance / np.trace(covariance)
    )


def test_total_correlation_has_no_scale_and_wasserstein_has():
    codes = with_covariance(np.array([[1, 0.5], [0.5, 1]]))
    one, other = unsupervised_scores(codes), unsupervised_scores(codes * [1e6, 1e-6])
    for name in ("gaussian_total_correlation", "mutual_information_score"):
        assert one[name] == pytest.approx(other[name], abs=1e-6)
    # Of the small latent nothing can be lost: the distance goes to 0.
    assert other["gaussian_wasserstein_correlation_norm"] < 1e-10


def test_mutual_information_of_a_grid():
    grid = np.stack(np.divmod(np.arange(24), 6), axis=1)
    codes = np.concatenate([grid, -2 * grid[:, :1]], axis=1)
    scores = unsupervised_scores(codes)
    # Latents 0 and 2 share log 4 nats; the other pairs are independent.
    expected = np.diag([np.log(4), np.log(6), np.log(4)])
    expected[0, 2] = expected[2, 0] = np.log(4)
    np.testing.assert_allclose(scores["mutual_information"], expected, atol=1e-12)
    assert scores["mutual_information_score"] == pytest.approx(np.log(4) / 3)
    # Two bins of two values each know one of two bits.
    halves = unsupervised_scores(codes, num_bins=2)
    assert halves["mutual_information_score"] == pytest.approx(np.log(2) / 3)


def test_categories_take_part_in_the_mutual_information():
    grid = np.stack(np.divmod(np.arange(24), 6), axis=1)
    names = np.array([50, -7, 3, 4])[grid[:, :1]]
    scores = unsupervised_scores(grid, categories=names)
    assert scores["mutual_information_score"] == pytest.approx(np.log(4) / 3)
    assert scores["active"] == [0, 1, 2]
    assert scores["gaussian_total_correlation"] == pytest.approx(0.0, abs=1e-12)
    assert scores["rank"] == 2
    constant = unsupervised_scores(grid, categories=np.full((24, 1), 9))
    assert constant["active"] == [0, 1]


def test_noise_scores_its_bias():
    scores = unsupervised_scores(np.random.default_rng(0).random((10_000, 5)))
    assert scores["mutual_information_score"] == pytest.approx(19**2 / 2e4, rel=0.1)
    # Mean of -1/2 log det of a sample correlation matrix: d (d - 1) / 4n.
    assert scores["gaussian_total_correlation"] == pytest.approx(5e-4, abs=5e-4)
    assert scores["gaussian_wasserstein_correlation_norm"] < 1e-3


def test_duplicates_are_finite_and_shown_by_the_rank():
    codes = with_covariance(np.diag([1.0, 4.0]))
    codes = np.concatenate([codes, codes[:, :1]], axis=1)
    scores = unsupervised_scores(codes)
    assert (scores["active"], scores["rank"]) == ([0, 1, 2], 2)
    # Eigenvalues 2, 1 and the floor.
    assert scores["gaussian_total_correlation"] == pytest.approx(
        -0.5 * (np.log(2) + np.log(1e-12))
    )
    # W_2^2 = 4 - 2 sqrt 2 of the pair; the trace is 6.
    distance = 4 - 2 * np.sqrt(2)
    assert scores["gaussian_wasserstein_correlation"] == pytest.approx(distance)
    assert scores["gaussian_wasserstein_correlation_norm"] == pytest.approx(
        distance / 6
    )
    less = unsupervised_scores(codes, min_eigenvalue=1e-6)
    assert less["gaussian_total_correlation"] < 7


def test_constant_latents_take_no_part():
    codes = with_covariance(np.array([[1, 0.5], [0.5, 1]]))
    # Not a sum of powers of two, so the variance is a rounding error.
    constant = np.full((50, 1), 0.1, np.float32)
    scores = unsupervised_scores(np.concatenate([constant, codes], axis=1))
    expected = unsupervised_scores(codes)
    assert scores["active"] == [1, 2]
    for name in expected.keys() - {"active"}:
        np.testing.assert_allclose(scores[name], expected[name])


@pytest.mark.parametrize("num_active", [0, 1])
def test_no_pair_left(num_active):
    codes = np.concatenate([np.ones((9, 2)), noise(9, num_active)], axis=1)
    scores = unsupervised_scores(codes)
    assert scores["rank"] == num_active
    for name, value in scores.items():
        if name not in ("rank", "active", "mutual_information"):
            assert value == 0.0


def test_as_many_latents_as_rows():
    with pytest.raises(NotApplicable, match="as many rows as latents"):
        unsupervised_scores(noise(6, 20))
    scores = unsupervised_scores(noise(20, 20))
    assert (len(scores["active"]), scores["rank"]) == (20, 19)
    assert np.isfinite(scores["gaussian_total_correlation"])
    assert 0 < scores["gaussian_wasserstein_correlation_norm"] < 2


def test_bad_input():
    codes = noise(9, 2)
    with pytest.raises(ValueError, match="at least 2 rows for a covariance, got 1"):
        unsupervised_scores(codes[:1])
    with pytest.raises(ValueError, match=r"min_eigenvalue must be .* got 0"):
        unsupervised_scores(codes, min_eigenvalue=0)
    with pytest.raises(ValueError, match=r"num_bins must be .* at least 2 .* got 1"):
        unsupervised_scores(codes, num_bins=1)
    with pytest.raises(ValueError, match="codes has 1 values that are not finite"):
        unsupervised_scores(np.where(codes == codes[0, 0], np.inf, codes))
    with pytest.raises(ValueError, match=r"categories must have one row per .* got 8"):
        unsupervised_scores(codes, categories=np.ones((8, 1), int))
    with pytest.raises(TypeError, match="categories must be integers"):
        unsupervised_scores(codes, categories=codes)
