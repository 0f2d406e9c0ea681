import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from vsc_jax.figures import _score_strips, plot_score_strips

SCORE = "disentanglement.factor_vae_score"


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved."""
    saved: list[Figure] = []

    def save(figure, path):
        saved.append(figure)
        return path

    monkeypatch.setattr(_score_strips, "save", save)
    return saved


def marks(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker]


def test_a_row_per_setting_with_every_run_mean_and_error(figures, tmp_path):
    values = {"vae: beta=1": [1.0, 2.0, 6.0], "vae: beta=4": [4.0]}
    plot_score_strips(
        {SCORE: values, "elbo": {"vae: beta=4": [-3.0]}}, tmp_path / "s.png"
    )
    (figure,) = figures
    first, second = figure.axes
    names = [label.get_text() for label in first.get_yticklabels()]
    assert names == ["vae: beta=1", "vae: beta=4"]
    runs = marks(first, "o")
    np.testing.assert_array_equal(runs[0].get_xdata(), [1.0, 2.0, 6.0])
    np.testing.assert_array_equal(runs[1].get_xdata(), [4.0])
    # Runs stay in the row of their setting, and the first row is above.
    assert np.abs(runs[0].get_ydata()).max() < 0.3
    assert np.abs(runs[1].get_ydata() - 1.0).max() < 0.3
    assert first.get_ylim()[0] > first.get_ylim()[1]
    (mean,) = marks(first, "D")  # one run has no error
    np.testing.assert_array_equal(mean.get_xdata(), [3.0])
    error = np.std([1.0, 2.0, 6.0], ddof=1) / np.sqrt(3)
    bar = first.containers[0].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(bar[:, 0], [3.0 - error, 3.0 + error])
    np.testing.assert_array_equal(marks(second, "o")[0].get_xdata(), [-3.0])
    assert first.get_xlabel() == "factor_vae_score"
    assert "points are runs, diamonds means" in figure.get_suptitle()


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        (np.arange(_score_strips.MIN_VIOLIN), True),
        (np.arange(_score_strips.MIN_VIOLIN - 1), False),
        (np.ones(20), False),
    ],
)
def test_many_runs_have_a_density(figures, tmp_path, values, drawn):
    plot_score_strips({"elbo": {"vae": values}}, tmp_path / "s.png")
    shapes = figures[0].axes[0].collections
    densities = [
        s
        for s in shapes
        if s.get_facecolor().size and s.get_paths()[0].vertices.shape[0] > 50
    ]
    assert len(densities) == drawn
    if drawn:
        x, y = densities[0].get_paths()[0].vertices.T
        assert (x.min(), x.max()) == (0.0, len(values) - 1.0)
        assert 0.3 < np.abs(y).max() < 0.5


def test_published_values_are_dashed_in_their_rows(figures, tmp_path):
    plot_score_strips(
        {SCORE: {"a": [0.5], "b": [0.6]}, "elbo": {"a": [1.0], "b": [2.0]}},
        tmp_path / "s.png",
        published={SCORE: {"Paper": 0.9}},
        beside={"Paper": ["b"]},
        better={SCORE: "higher"},
        title="two settings",
    )
    first, second = figures[0].axes
    names = [label.get_text() for label in first.get_yticklabels()]
    assert names == ["a", "b", "Paper (published)"]
    dashed = [s for c in first.collections for s in c.get_segments()]
    assert [segment[0, 0] for segment in dashed] == [0.9, 0.9]
    assert [segment[:, 1].mean() for segment in dashed] == [2.0, 1.0]
    assert first.collections[0].get_linestyle()[0][1] is not None
    assert not second.collections
    assert first.get_xlabel() == "factor_vae_score (higher is better)"
    assert figures[0].get_suptitle().startswith("two settings\n")
    assert "dashed lines published values" in figures[0].get_suptitle()


def test_any_name_is_shown_as_it_is_and_fits(tmp_path):
    names = ["cost in $ or $\\frac{$", "x" * 200, "a_b^c", "ä✓"]
    scores = {f"${i}_{{": {name: [1.0, 2.0] for name in names} for i in range(4)}
    path = plot_score_strips(scores, tmp_path / "s.png", title="$\\x")
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.std() > 5
    # Nothing is cut at the edges.
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 255).all()


def test_values_that_are_not_finite_are_left_out(figures, tmp_path):
    values = {"a": [np.nan, 1.0, None, np.inf], "b": [np.nan]}
    plot_score_strips({"elbo": values, "kl": {"a": [np.nan]}}, tmp_path / "s.png")
    (axes,) = figures[0].axes
    (runs,) = marks(axes, "o")
    np.testing.assert_array_equal(runs.get_xdata(), [1.0])
    for scores in ({}, {"kl": {}}, {"kl": {"a": [np.nan]}}):
        with pytest.raises(ValueError, match="at least one finite value"):
            plot_score_strips(scores, tmp_path / "s.png")
