"""Figures of layers: maps of their KL, and what is read off them."""

import numpy as np
import pytest
from layered_model import Layered
from PIL import Image

from vsc_jax.evaluation import Context
from vsc_jax.figures import (
    _layers,
    make_figures,
    plot_layer_kl_maps,
    plot_layer_probe,
)
from vsc_jax.figures._layers import _enlarge
from vsc_jax.figures._panels import save_grid


def test_they_are_drawn_for_a_model_with_layers(dataset, tmp_path):
    figures = make_figures(Context(Layered(), {}, dataset), tmp_path)
    assert [path.name for path in figures.paths] == [
        "layer_kl_maps.png",
        "layer_probe.png",
    ]
    assert not figures.failed
    for path in figures.paths:
        with Image.open(path) as image:
            assert np.asarray(image.convert("L")).std() > 5


def test_maps_are_enlarged_to_the_image():
    maps = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    large = _enlarge(maps, (4, 5))
    np.testing.assert_array_equal(large[0, 0], [1, 1, 1, 2, 2])
    np.testing.assert_array_equal(large[0, :, 0], [1, 1, 3, 3])


def test_labels_of_small_maps_have_room(tmp_path, monkeypatch):
    """Names and numbers stand in two lines: side by side they are wider than a map."""
    calls = []
    monkeypatch.setattr(_layers, "save_rows", lambda *a, **k: calls.append(k))
    plot_layer_kl_maps(
        np.zeros((1, 32, 32, 1)), {"pool1": np.full((1, 2, 2), 3e3)}, tmp_path / "a.png"
    )
    assert calls[0]["frame_labels"] == ["pool1\n12000"]


def test_a_second_line_of_labels_makes_a_figure_higher(tmp_path):
    heights = []
    for label in ("a", "a\nb"):
        path = tmp_path / "a.png"
        save_grid(np.zeros((1, 1, 8, 8, 3)), path, title="t", column_labels=[label])
        with Image.open(path) as image:
            heights.append(image.height)
    assert 10 < heights[1] - heights[0] < 20


def test_bad_input(tmp_path):
    x = np.zeros((2, 4, 4, 1))
    with pytest.raises(ValueError, match="maps must have at least one layer, got none"):
        plot_layer_kl_maps(x, {}, tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"maps must have shape \(2, rows, columns\)"):
        plot_layer_kl_maps(x, {"pool1": np.zeros((3, 2, 2))}, tmp_path / "a.png")
    with pytest.raises(ValueError, match="accuracy must have one value for each of 2"):
        plot_layer_probe(["a", "b"], {"label": [0.5]}, {"label": 0.1}, tmp_path / "b")
