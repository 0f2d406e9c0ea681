import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy import stats

from vsc_jax.evaluation import (
    _density_figures,
    aggregate_density,
    plot_density_grid,
)

RNG = np.random.default_rng(0)
MEAN = RNG.normal(0.0, 0.5, size=(7, 2))
LOG_VAR = RNG.normal(-2.0, 0.5, size=(7, 2))


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved."""
    saved: list[Figure] = []

    def save(figure, path):
        saved.append(figure)
        return path

    monkeypatch.setattr(_density_figures, "save", save)
    return saved


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


def test_grid_has_a_panel_per_density(figures, tmp_path):
    densities = RNG.uniform(0.0, 3.0, size=(2, 3, 8, 8))
    densities[1, 1] = np.nan
    plot_density_grid(
        densities,
        tmp_path / "d.png",
        row_labels=["beta = 0", "beta = 1"],
        column_labels=["a", "b", "c"],
        limits=(-1.0, 1.0),
    )
    grid = figures[0].axes[:6]
    assert [axes.get_title() for axes in grid] == ["a", "b", "c", "", "", ""]
    assert grid[0].get_ylabel() == "beta = 0"
    assert grid[3].get_ylabel() == "beta = 1"
    for k, axes in enumerate(grid):
        if k == 4:
            assert not axes.images
            assert [text.get_text() for text in axes.texts] == ["no run"]
            continue
        (image,) = axes.images
        # Above the range it is cut, so that a peak of one pixel keeps its colour.
        expected = np.minimum(densities[divmod(k, 3)], 1.0)
        np.testing.assert_array_equal(image.get_array(), expected)
        assert image.get_clim() == (0.0, 1.0)
        assert image.origin == "lower"
        assert image.get_extent() == [-1.0, 1.0, -1.0, 1.0]


def test_grid_is_a_picture(tmp_path):
    density = aggregate_density(MEAN, LOG_VAR)[None, None]
    path = plot_density_grid(density, tmp_path / "new" / "d.png", max_density=0.5)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert np.asarray(image.convert("L")).std() > 20


@pytest.mark.parametrize(
    ("shape", "labels", "message"),
    [
        ((2, 8, 8), {}, r"shape \(rows, columns, num, num\), got \(2, 8, 8\)"),
        ((0, 1, 8, 8), {}, r"shape \(rows, columns, num, num\)"),
        ((2, 1, 8, 8), {"row_labels": ["a"]}, "row_labels must have 2 entries, got 1"),
        ((2, 1, 8, 8), {"column_labels": ["a", "b"]}, "column_labels must have 1"),
    ],
)
def test_grid_refuses(shape, labels, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        plot_density_grid(np.zeros(shape), tmp_path / "d.png", **labels)
