"""Text from outside is shown as it is, in every figure that has some."""

import json

import numpy as np
import pytest
from PIL import Image

from vsc_jax import figures
from vsc_jax.evaluation import Context
from vsc_jax.figures import FIGURES, _make_figures, make_figures
from vsc_jax.figures._drawing import new_figure, plain, save, wrap_title
from vsc_jax.metrics import absolute_correlation, unsupervised_accuracy

# The first two are formulas for matplotlib, of which the first cannot be parsed.
# The last is a name whose bytes are no UTF-8.
TEXTS = [r"$\frac{$", "$x$", "_hidden", "\u732b \u72d7 " * 100, "caf\udce9"]
IMAGES = np.zeros((1, 2, 2, 1))


def test_bytes_that_are_no_text_have_no_letter():
    assert plain("caf\udce9 \ud800") == "caf\ufffd \ufffd"


def test_a_full_disk_leaves_no_half_of_a_picture(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    figure = new_figure(50, 50)

    def full(file, **options):
        file.write_bytes(b"PN")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "savefig", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*a.png'"):
        save(figure, path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


def test_a_full_disk_is_said_once_and_is_not_logged(
    model, dataset, tmp_path, params_of, monkeypatch, caplog
):
    def full(data):
        raise OSError(28, "No space left on device", str(data.path("a.png")))

    def without_name(data):
        raise OSError("encoder error -2:\n a")

    monkeypatch.setattr(
        _make_figures,
        "FIGURES",
        [FIGURES[i]._replace(needs=(), draw=full) for i in (1, 2)]
        + [FIGURES[3]._replace(needs=(), draw=without_name)],
    )
    drawn = make_figures(Context(model, params_of(model), dataset), tmp_path)
    said = f"cannot write to {tmp_path}: No space left on device"
    assert drawn.failed == {
        FIGURES[1].name: said,
        FIGURES[2].name: said,
        FIGURES[3].name: "encoder error -2: a",
    }
    assert not caplog.records


def test_long_titles_are_wrapped():
    lines = wrap_title("word " * 60, 500)
    assert len(lines) > 3
    assert max(map(len, lines)) <= 500 / 8
    assert wrap_title("word " * 600, 500)[-1].endswith("…")
    assert len(wrap_title("x" * 9_000, 500)) < 10


def draw_class_gates(text, path):
    figures.plot_class_gates(np.ones((1, 2)), path, class_names=[text])


def draw_class_magnitudes(text, path):
    figures.plot_class_magnitudes(np.ones((1, 2)), path, class_names=[text])


def draw_correlation(text, path):
    codes = np.array([[0.0], [1.0]])
    correlation = absolute_correlation(codes, codes)
    figures.plot_correlation(correlation, path, source_names=[text])


def draw_category_confusion(text, path):
    score = unsupervised_accuracy([0, 1], [0, 1])
    figures.plot_category_confusion(
        [score], path, category_sizes=(2,), factor_name=text, value_names=[text, text]
    )


def draw_aggregate_posterior(text, path):
    mean = np.ones((2, 2))
    figures.plot_aggregate_posterior(
        mean, mean, mean, path, classes=np.array([0, 0]), class_names=[text]
    )


def draw_density_grid(text, path):
    figures.plot_density_grid(
        np.ones((1, 1, 2, 2)), path, row_labels=[text], column_labels=[text]
    )


def draw_curves(text, path):
    rows = [{"a" + text: 1.0, "b" + text: 2.0, "c": text}]
    figures.plot_curves(
        rows, path, x="a" + text, y=["b" + text], curves=["c"], labels="c"
    )


def draw_training_curves(text, path):
    log = path.with_suffix(".jsonl")
    log.write_text(json.dumps({"step": 1, text: 2.0}))
    figures.plot_training_curves(log, path)


def draw_kl_over_steps(text, path):
    log = path.with_suffix(".jsonl")
    log.write_text(json.dumps({"step": 1, "kl_per_latent": [2.0]}))
    figures.plot_kl_over_steps(log, path, [(1, text)], title=text)


def draw_reconstructions(text, path):
    figures.plot_reconstructions(IMAGES, IMAGES, path, title=text)


def draw_traversals(text, path):
    figures.plot_traversals(IMAGES[0], IMAGES[None], path, row_labels=[text])


def draw_latent_bars(text, path):
    figures.plot_latent_bars(IMAGES, np.ones((1, 1)), IMAGES, path, notes=[text])


DRAWINGS = [value for name, value in dict(globals()).items() if name[:5] == "draw_"]


@pytest.mark.parametrize("draw", DRAWINGS)
@pytest.mark.parametrize("text", TEXTS[::3])
def test_any_text_is_drawn(draw, text, tmp_path):
    path = tmp_path / "picture.png"
    draw(text, path)
    with Image.open(path) as image:
        assert max(image.size) < 2_000


@pytest.mark.parametrize("text", TEXTS[:3])
def test_plain_text_is_shown_as_it_is(text):
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    shown = Text(0, 0, plain(text), figure=Figure())
    assert shown._preprocess_math(shown.get_text()) == (text, False)


def test_long_text_is_cut_line_by_line():
    assert plain("123456\n12345\n", max_length=5) == "1234…\n12345\n"


def test_names_that_begin_with_an_underscore_are_in_the_legend(tmp_path, monkeypatch):
    from vsc_jax.figures import _aggregate_posterior

    saved = []
    monkeypatch.setattr(_aggregate_posterior, "save", lambda f, p: saved.append(f))
    draw_aggregate_posterior("_hidden", tmp_path / "x.png")
    (legend,) = [axes.legend_ for axes in saved[0].axes if axes.legend_]
    assert [text.get_text().strip() for text in legend.get_texts()] == [
        "prior",
        "_hidden",
    ]
