"""Errors of classifiers over the share of generated images and over levels."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from vsc_jax.figures import _artificial_data, plot_artificial_data

SETTINGS = [("real", 0.0, None)] + [
    (source, fraction, stddev)
    for source in ("ours", "theirs")
    for fraction in (0.4, 1.0)
    for stddev in (1.0, 1.4)
]
LEVELS = [("clean", 0), ("rotation", 15), ("rotation", 60), ("fog and such", "fog")]


def error_of(setting, seed, level):
    return 0.01 * (1 + SETTINGS.index(setting) + 3 * seed + 10 * LEVELS.index(level))


def rows(settings=SETTINGS, seeds=(0, 1, 2)):
    return [
        {
            **dict(zip(("source", "fraction", "stddev"), setting, strict=True)),
            "seed": seed,
            **dict(zip(("group", "level"), level, strict=True)),
            "error": error_of(setting, seed, level),
        }
        for setting in settings
        for seed in seeds
        for level in LEVELS
    ]


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved."""
    saved: list[Figure] = []

    def save(figure, path):
        saved.append(figure)
        return path

    monkeypatch.setattr(_artificial_data, "save", save)
    return saved


def curves(axes):
    """x and y of each line, without the bars of its errors."""
    lines = [container.lines[0] for container in axes.containers]
    return [np.asarray(line.get_xydata(), float).T for line in lines]


def test_error_against_the_share_and_against_the_level(figures, tmp_path):
    plot_artificial_data(rows(), tmp_path / "e.png", title="T")
    (figure,) = figures
    shown = [axes for axes in figure.axes if axes.get_visible()]
    titles = [axes.get_title(loc="left") for axes in shown]
    assert titles == ["clean", "rotation, mean over levels", "fog and such", "",
                      "rotation", "fog and such"]  # fmt: skip
    clean, rotation, _, _, by_angle, by_name = shown
    # A line per source and standard deviation, which begin at the real images.
    lines = curves(clean)
    assert len(lines) == 5
    ours = [("real", 0.0, None), ("ours", 0.4, 1.0), ("ours", 1.0, 1.0)]
    expected = [100 * error_of(s, 1, ("clean", 0)) for s in ours]
    np.testing.assert_allclose(lines[0][1], expected)
    np.testing.assert_allclose(lines[0][0], [0.0, 0.4, 1.0], atol=0.03)
    bar = clean.containers[0].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(np.ptp(bar[:, 1]), 2 * 3 / np.sqrt(3))
    # Of several levels the mean.
    mean = 50 * sum(error_of(ours[1], 1, level) for level in LEVELS[1:3])
    np.testing.assert_allclose(curves(rotation)[0][1][1], mean)
    # Level by level there is a line per setting, which begins at the clean images.
    lines = curves(by_angle)
    assert len(lines) == len(SETTINGS)
    np.testing.assert_array_equal(lines[0][0], [0, 15, 60])
    expected = [100 * error_of(SETTINGS[3], 1, level) for level in LEVELS[:3]]
    np.testing.assert_allclose(lines[3][1], expected)
    # Names are no levels, which could be joined.
    assert [label.get_text() for label in by_name.get_xticklabels()] == ["fog"]
    names = [text.get_text() for text in shown[3].get_legend().get_texts()]
    assert names == ["real images alone", "ours, st. dev. 1", "ours, st. dev. 1.4",
                     "theirs, st. dev. 1", "theirs, st. dev. 1.4",
                     "40 % generated (below)", "100 % generated (below)"]  # fmt: skip


@pytest.mark.parametrize("settings", [SETTINGS, SETTINGS[:1], SETTINGS[1:2]])
def test_the_picture_is_not_blank(settings, tmp_path):
    path = plot_artificial_data(rows(settings, seeds=(3,)), tmp_path / "a" / "e.png")
    pixels = np.asarray(Image.open(path).convert("L"))
    assert pixels.shape[0] > 500
    assert (pixels < 128).mean() > 0.002


def test_nothing_to_draw(tmp_path):
    with pytest.raises(ValueError, match="rows must have at least one entry"):
        plot_artificial_data([], tmp_path / "e.png")
