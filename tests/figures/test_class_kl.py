import numpy as np
import pytest
from class_tables import TOTAL, ClassTable, labelled_rows
from PIL import Image
from table_model import tables

from vsc_jax.evaluation import Context
from vsc_jax.figures import make_figures, plot_class_kl

OWN = np.array([[0.0, 0.1], [2.0, np.nan], [0.05, 0.0]])


def test_the_matrix_of_the_score_is_drawn(calls, tmp_path):
    mean = np.zeros((TOTAL, 3))
    mean[:, 1] = 2.0
    context = Context(ClassTable(), tables(mean, 0.0), labelled_rows())
    make_figures(context, tmp_path)
    ((own_kl, path), kwargs) = calls["plot_class_kl"][0]
    np.testing.assert_allclose(own_kl, [[2.0], [0.0]], atol=1e-6)
    assert path == tmp_path / "class_kl.png"
    assert kwargs["class_names"] == ["cat", "dog"]


def test_models_and_data_without(draw, model, dataset, calls, tmp_path):
    skipped = draw(model, dataset).skipped
    assert skipped["class_kl"] == "the decoder of this model is given no class"
    context = Context(ClassTable(class_dim=0), tables(0.0, 0.0), labelled_rows())
    skipped = make_figures(context, tmp_path).skipped
    assert skipped["class_kl"] == "all latents of this model are shared by the classes"


def test_what_the_picture_says(monkeypatch, tmp_path):
    drawn = {}
    with monkeypatch.context() as patch:
        name = "vsc_jax.figures._class_kl.save_heat_map"
        patch.setattr(name, lambda *args, **kwargs: drawn.update(kwargs))
        plot_class_kl(OWN, "unused.png")
        assert "2 of 6 reach 0.1 nats, in 2 of 3 classes" in drawn["title"]
        assert (drawn["limit"], drawn["row_labels"]) == (2.0, ["0", "1", "2"])
        # What is below the threshold is not black.
        plot_class_kl(0.01 * OWN, "unused.png")
        assert drawn["limit"] == 0.1
    written = []
    with monkeypatch.context() as patch:
        name = "vsc_jax.figures._heat_map._write"
        patch.setattr(name, lambda axes, row, column, *_, **__: written.append(row))
        plot_class_kl(OWN, tmp_path / "numbers.png")
    assert written == [0, 0, 1, 2, 2]  # a number in each cell but for NaN
    path = plot_class_kl(OWN, tmp_path / "k.png", class_names=["a", "b", "c"])
    with Image.open(path) as image:
        assert np.asarray(image.convert("L")).std() > 5


def test_bad_input():
    with pytest.raises(ValueError, match=r"own_kl must be a matrix .* got shape \(3,"):
        plot_class_kl(np.zeros(3), "x.png")
    with pytest.raises(ValueError, match="class_names must be one per row of own_"):
        plot_class_kl(OWN, "x.png", class_names=["a"])
