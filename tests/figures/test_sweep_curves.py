import itertools
import math

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from vsc_jax.figures import _sweep_curves, plot_curves


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved."""
    saved: list[Figure] = []

    def save(figure, path):
        saved.append(figure)
        return path

    monkeypatch.setattr(_sweep_curves, "save", save)
    return saved


def make_rows(weights=(0.0, 10.0, 1000.0), seeds=(0, 1, 2)):
    """hoyer = beta + weight / 1000 + seed, for two priors and two betas."""
    product = itertools.product((0.8, 0.0), (5.0, 1.0), weights, seeds)
    return [
        {
            "prior.spike_weight": spike,
            "weights.beta": beta,
            "weights.divergence_weight": weight,
            "seed": seed,
            "sparsity.hoyer": beta + weight / 1000 + seed,
            "reconstruction": 100.0 * spike + beta,
        }
        for spike, beta, weight, seed in product
    ]


def draw(rows, tmp_path, **options):
    options = {"x": "weights.divergence_weight", "y": ["sparsity.hoyer"]} | options
    return plot_curves(rows, tmp_path / "c.png", **options)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_panel_per_score_and_a_curve_per_combination(figures, tmp_path):
    draw(
        make_rows(),
        tmp_path,
        y=["sparsity.hoyer", "reconstruction"],
        curves=["prior.spike_weight", "weights.beta"],
    )
    hoyer, reconstruction = figures[0].axes
    assert hoyer.get_ylabel() == "hoyer"
    assert reconstruction.get_ylabel() == "reconstruction"
    assert hoyer.get_xlabel() == "divergence_weight"
    # In the order of the values, not of the rows.
    assert legend(figures[0]) == [
        "spike_weight = 0, beta = 1",
        "spike_weight = 0, beta = 5",
        "spike_weight = 0.8, beta = 1",
        "spike_weight = 0.8, beta = 5",
    ]
    for line, beta in zip(hoyer.lines, (1.0, 5.0, 1.0, 5.0), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [0.0, 10.0, 1000.0])
        mean = beta + 1.0 + np.array([0.0, 0.01, 1.0])
        np.testing.assert_allclose(line.get_ydata(), mean)
    np.testing.assert_allclose(reconstruction.lines[2].get_ydata(), [81.0] * 3)
    colours = [line.get_color() for line in hoyer.lines]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    dashes = [(line.get_linestyle(), line.get_marker()) for line in hoyer.lines]
    assert dashes[0] == dashes[2] != dashes[1] == dashes[3]
    assert "means of 3 runs with two standard errors" in figures[0].get_suptitle()


def test_scores_together_are_curves_of_one_panel(figures, tmp_path):
    rows = make_rows(weights=(0.0, 10.0))
    options = {"y": ["sparsity.hoyer", "reconstruction"], "together": True}
    draw(rows, tmp_path, **options, curves=["weights.beta"])
    (axes,) = figures[0].axes
    assert axes.get_ylabel() == "value"
    assert legend(figures[0]) == [
        "score = hoyer, beta = 1",
        "score = hoyer, beta = 5",
        "score = reconstruction, beta = 1",
        "score = reconstruction, beta = 5",
    ]
    colours = [line.get_color() for line in axes.lines]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [6.0, 6.01])
    np.testing.assert_allclose(axes.lines[2].get_ydata(), [41.0, 41.0])
    title = figures[0].get_suptitle()
    assert title.startswith("hoyer, reconstruction against divergence_weight")
    assert "means of 6 runs" in title
    assert "without a finite number" not in title
    # A run without one of them is missed there alone, and counted.
    rows[0]["reconstruction"] = math.nan
    draw(rows, tmp_path, **options)
    assert legend(figures[1]) == ["score = hoyer", "score = reconstruction"]
    assert "; 1 run" in figures[1].get_suptitle()


def test_the_band_is_two_standard_errors(figures, tmp_path):
    rows = make_rows(weights=(0.0, 1.0))[:6]  # one prior, beta 5, seeds 0, 1 and 2
    draw(rows, tmp_path)
    (axes,) = figures[0].axes
    (band,) = axes.collections
    y = band.get_paths()[0].vertices[:, 1]
    error = 2.0 * np.std([0, 1, 2], ddof=1) / math.sqrt(3)
    np.testing.assert_allclose([y.min(), y.max()], [6 - error, 6.001 + error])
    assert not figures[0].legends


def test_a_single_run_has_no_band(figures, tmp_path):
    draw(make_rows(seeds=(0,)), tmp_path, curves=["weights.beta", "prior.spike_weight"])
    (axes,) = figures[0].axes
    assert not axes.collections
    assert (
        figures[0].get_suptitle() == "sparsity.hoyer against weights.divergence_weight"
    )


@pytest.mark.parametrize(
    ("weights", "scale"),
    [
        ((0.0, 10.0, 1000.0), "symlog"),
        ((0.0, 10.0, 90.0), "linear"),
        ((0.01, 0.5, 1.2), "log"),
        ((1.0, 2.0, 8.0), "linear"),
        ((-1000.0, 1.0), "linear"),
        ((0.0,), "linear"),
    ],
)
def test_scale_of_x(figures, tmp_path, weights, scale):
    draw(make_rows(weights), tmp_path)
    (axes,) = figures[0].axes
    assert axes.get_xscale() == scale
    assert axes.get_yscale() == "linear"
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert ticks == [f"{w:g}" for w in weights]


def test_ticks_that_would_overlap_are_left_out(figures, tmp_path):
    draw(make_rows((0.01, 1.0, 1.1)), tmp_path)
    (axes,) = figures[0].axes
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert ticks == ["0.01", "1", ""]


def test_y_over_decades_is_logarithmic(figures, tmp_path):
    rows = [{"beta": b, "kl": kl} for b, kl in ((0.01, 1268.0), (1.0, 0.12))]
    draw(rows, tmp_path, x="beta", y=["kl"])
    (axes,) = figures[0].axes
    assert axes.get_yscale() == "log"


def trade_off_rows():
    product = itertools.product(("student_t", "gaussian"), (4.0, 1.0, 2.0), (0, 1))
    return [
        {
            "prior.name": prior,
            "weights.beta": beta,
            "seed": seed,
            "factor_vae_score.cascade": 0.1 * (beta + 0.2 * seed)
            + (prior == "gaussian"),
            "reconstruction": 10.0 * beta - seed,
        }
        for prior, beta, seed in product
    ]


def test_trade_off(figures, tmp_path):
    draw(
        trade_off_rows(),
        tmp_path,
        x="factor_vae_score.cascade",
        y=["reconstruction"],
        curves=["prior.name"],
        labels="weights.beta",
    )
    (axes,) = figures[0].axes
    # Words in their own order; the last one alone would say nothing.
    assert legend(figures[0]) == ["prior.name = student_t", "prior.name = gaussian"]
    student, gaussian = axes.lines[:2]
    np.testing.assert_allclose(student.get_xdata(), [0.11, 0.21, 0.41])
    np.testing.assert_allclose(student.get_ydata(), [9.5, 19.5, 39.5])
    np.testing.assert_allclose(gaussian.get_xdata(), [1.11, 1.21, 1.41])
    assert [text.get_text() for text in axes.texts] == ["1", "2", "4"] * 2
    segments = axes.collections[0].get_segments()  # bars along x, of the first curve
    np.testing.assert_allclose(segments[0][:, 0], [0.09, 0.13])
    assert "labels are beta" in figures[0].get_suptitle()


def test_runs_without_a_finite_number_are_left_out_and_counted(figures, tmp_path):
    rows = make_rows(seeds=(0,))
    rows[0]["sparsity.hoyer"] = math.nan
    rows[1]["sparsity.hoyer"] = None
    del rows[2]["sparsity.hoyer"]
    draw(rows, tmp_path)
    title = " ".join(figures[0].get_suptitle().split())
    assert "3 runs without a finite number" in title
    draw(rows, tmp_path, y=["reconstruction", "sparsity.hoyer"], together=True)
    title = " ".join(figures[1].get_suptitle().split())
    assert "; 3 runs without a finite number" in title
    rows = [row | {"sparsity.hoyer": math.inf} for row in rows]
    with pytest.raises(ValueError, match="no run has finite numbers for both"):
        draw(rows, tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": "beta"}, "no run has a column beta"),
        ({"curves": ["beta"]}, "no run has a column beta"),
        ({"labels": "beta"}, "no run has a column beta"),
        ({"y": []}, "y must name at least one column"),
        ({"x": "prior.name"}, "prior.name must be numbers, got 'student_t'"),
    ],
)
def test_refuses(tmp_path, options, message):
    rows = [row | {"prior.name": "student_t"} for row in make_rows()]
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        draw(rows, tmp_path, **options)


def test_short_names_tell_columns_apart():
    names = ["model.prior.name", "model.name", "weights.beta", "other.beta", "seed"]
    short = _sweep_curves.short_names(names)
    assert list(short.values()) == [
        "prior.name",
        "model.name",
        "weights.beta",
        "other.beta",
        "seed",
    ]


def test_many_panels_are_a_picture(tmp_path):
    rows = [row | {f"s{i}": float(i) for i in range(4)} for row in make_rows()]
    path = draw(rows, tmp_path / "new", y=[f"s{i}" for i in range(4)], title="Mine")
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert np.asarray(image.convert("L")).std() > 5
