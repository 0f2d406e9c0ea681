import numpy as np
import pytest
from scipy import stats

from vsc_jax.evaluation import aggregate_density

RNG = np.random.default_rng(0)
MEAN = RNG.normal(0.0, 0.5, size=(7, 2))
LOG_VAR = RNG.normal(-2.0, 0.5, size=(7, 2))


def test_density_against_scipy():
    density = aggregate_density(MEAN, LOG_VAR, limits=(-1.0, 2.0), num=13)
    points = np.linspace(-1.0, 2.0, 13)
    z = np.stack(np.meshgrid(points, points), axis=-1)  # z[row, column] = (z1, z2)
    expected = np.mean(
        [
            stats.multivariate_normal(m, np.diag(np.exp(v))).pdf(z)
            for m, v in zip(MEAN, LOG_VAR, strict=True)
        ],
        axis=0,
    )
    np.testing.assert_allclose(density, expected, rtol=1e-12)
    assert not np.allclose(density, expected.T)


def test_density_has_the_whole_mass():
    density = aggregate_density(MEAN, LOG_VAR, limits=(-6.0, 6.0))
    assert density.shape == (300, 300)
    np.testing.assert_allclose(density.sum() * (12.0 / 299) ** 2, 1.0, rtol=1e-9)


def test_density_of_codes_far_away_or_very_sure_is_finite():
    mean = np.array([[1e8, 0.0], [0.0, 0.0]])
    for log_var in (-60.0, 60.0):
        density = aggregate_density(mean, np.full((2, 2), log_var), num=5)
        assert np.isfinite(density).all()


@pytest.mark.parametrize(
    ("mean", "log_var", "message"),
    [
        (np.zeros((4, 3)), np.zeros((4, 3)), r"mean must have shape \(n, 2\)"),
        (np.zeros((0, 2)), np.zeros((0, 2)), r"mean must have shape \(n, 2\)"),
        (np.zeros((4, 2)), np.zeros((1, 2)), r"log_var must have .* \(4, 2\), got"),
    ],
)
def test_density_refuses(mean, log_var, message):
    with pytest.raises(ValueError, match=message):
        aggregate_density(mean, log_var)
