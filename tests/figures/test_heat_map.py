import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import (
    _heat_map,
    plot_class_gates,
    plot_correlation,
)
from vsc_jax.metrics import absolute_correlation


def read(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def has(picture, colour):
    return (np.abs(picture - np.array(colour)) <= 2).all(axis=-1)


def dark_cells(picture, rows, columns):
    """Brightness at cell centres of the largest framed area."""
    black = (picture == 0).all(axis=-1)
    lines = np.flatnonzero(black.sum(axis=1) > picture.shape[1] * 0.5)
    top, bottom = lines[0], lines[-1]
    sides = np.flatnonzero(black[top:bottom].mean(axis=0) > 0.95)
    left = sides[0]
    right = np.flatnonzero(black[top])[np.flatnonzero(black[top]) > left]
    run = np.flatnonzero(np.diff(right) > 1)
    right = right[run[0]] if len(run) else right[-1]
    y = top + (np.arange(rows) + 0.5) * (bottom - top) / rows
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    return picture[y.astype(int)][:, x.astype(int), 0]


def test_class_gates_show_the_matrix(tmp_path):
    gates = np.zeros((3, 9))
    gates[0, 1], gates[1, 4], gates[2, 8] = 0.98, 0.6, 0.2
    picture = read(plot_class_gates(gates, tmp_path / "g.png"))
    cells = dark_cells(picture, 3, 3)  # latents that no class uses are left out
    assert np.diag(cells)[0] < 15
    assert 60 < np.diag(cells)[1] < 140
    assert 180 < np.diag(cells)[2] < 235
    assert (cells[~np.eye(3, dtype=bool)] == 255).all()
    read(plot_class_gates(np.zeros((3, 9)), tmp_path / "none.png"))
    with pytest.raises(ValueError, match="non-empty matrix"):
        plot_class_gates(np.zeros(4), tmp_path / "x.png")


def test_many_classes_and_latents_fit_into_a_picture(monkeypatch):
    saved = []
    monkeypatch.setattr(_heat_map, "save", lambda figure, path: saved.append(figure))
    plot_class_gates(np.ones((400, 1_000)), "unused.png")
    (figure,) = saved
    assert (figure.get_size_inches() * figure.dpi).max() < 6_000
    axes = figure.axes[0]
    ticks = axes.get_xticks(), axes.get_yticks()
    assert np.unique(np.diff(ticks[0])).tolist() == [2]
    assert [label.get_text() for label in axes.get_yticklabels()[:2]] == ["0", "1"]


def test_correlation_is_drawn_in_blocks(tmp_path):
    rng = np.random.default_rng(0)
    sources = rng.normal(size=(2_000, 3))
    codes = sources[:, [2, 0, 1]] * 2.0
    result = absolute_correlation(codes, sources)
    picture = read(
        plot_correlation(
            result, tmp_path / "c.png", source_names=["hat", "eyes", "tie"]
        )
    )
    cells = dark_cells(picture, 3, 3)
    assert (np.diag(cells) < 10).all()
    assert (cells[~np.eye(3, dtype=bool)] == 255).all()
