import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from vsc_jax.figures import _density_grid, plot_density_grid

RNG = np.random.default_rng(0)


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved."""
    saved: list[Figure] = []

    def save(figure, path):
        saved.append(figure)
        return path

    monkeypatch.setattr(_density_grid, "save", save)
    return saved


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
    densities = RNG.uniform(0.0, 1.0, size=(1, 1, 8, 8))
    path = plot_density_grid(densities, tmp_path / "new" / "d.png", max_density=0.5)
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
