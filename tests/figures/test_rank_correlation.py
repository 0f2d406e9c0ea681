import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import _heat_map, plot_rank_correlation

NAMES = ["metrics.mig", "elbo", "disentanglement.factor_vae_score"]
MATRIX = np.array([[1.0, -0.5, 0.25], [-0.5, 1.0, np.nan], [0.25, np.nan, 1.0]])


def test_signs_are_colours_and_cells_have_their_value(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(_heat_map, "save", lambda figure, path: saved.append(figure))
    plot_rank_correlation(MATRIX, tmp_path / "c.png", names=NAMES, num_runs=7)
    axes = saved[0].axes[0]
    (image,) = axes.images
    assert image.get_clim() == (-1.0, 1.0)
    positive, negative = image.cmap(image.norm(1.0)), image.cmap(image.norm(-1.0))
    assert positive[0] > positive[2]
    assert negative[2] > negative[0]
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["1.00", "-0.50", "0.25", "-0.50", "1.00", "0.25", "1.00"]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "1  mig",
        "2  elbo",
        "3  factor_vae_score",
    ]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3"]
    assert "over 7 runs" in saved[0].get_suptitle()


def test_the_file(tmp_path):
    path = plot_rank_correlation(MATRIX, tmp_path / "c.png", names=NAMES, num_runs=7)
    with Image.open(path) as image:
        red, _, blue = np.asarray(image.convert("RGB"), int).transpose(2, 0, 1)
    assert ((red - blue) > 60).any()
    assert ((blue - red) > 60).any()


def test_a_matrix_that_does_not_fit_the_names(tmp_path):
    with pytest.raises(ValueError, match="each of the 2 names, got shape"):
        plot_rank_correlation(MATRIX, tmp_path / "c.png", names=["a", "b"], num_runs=7)
