import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import (
    _category_confusion,
    plot_category_confusion,
    plot_category_samples,
)
from vsc_jax.metrics import unsupervised_accuracy

SIDE = 80  # of an enlarged 16x16 panel


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved."""
    saved = []

    def save(figure, path):
        saved.append(figure)
        return path

    monkeypatch.setattr(_category_confusion, "save", save)
    return saved


def labels_of(ticks):
    return [tick.get_text() for tick in ticks]


def framed(axes):
    """Row and column of each cell with a frame."""
    return sorted((round(p.get_y()), round(p.get_x())) for p in axes.patches)


def cells(axes):
    """Texts in the cells, row by row."""
    shape = axes.images[0].get_array().shape
    found = np.empty(shape, object)
    for text in axes.texts:
        column, row = text.get_position()
        found[int(row), int(column)] = text.get_text()
    return found.tolist()


def test_rows_are_in_matched_order(figures, tmp_path):
    # Category 2 is the squares, 0 the hearts; 3 is split; no image has 1.
    categories = [2] * 6 + [0] * 4 + [3] * 3
    shapes = [0] * 6 + [2, 2, 2, 1] + [1, 1, 0]
    plot_category_confusion(
        [unsupervised_accuracy(categories, shapes)],
        tmp_path / "c.png",
        category_sizes=(4,),
        factor_name="shape",
        value_names=["square", "ellipse", "heart"],
    )
    (axes,) = figures[0].axes
    assert labels_of(axes.get_yticklabels()) == ["d0 = 2", "d0 = 3", "d0 = 0", "d0 = 1"]
    assert labels_of(axes.get_xticklabels()) == ["square", "ellipse", "heart"]
    assert cells(axes) == [
        ["6\n100%", "0\n0%", "0\n0%"],
        ["1\n33%", "2\n67%", "0\n0%"],
        ["0\n0%", "1\n25%", "3\n75%"],
        ["0\n0%", "0\n0%", "0\n0%"],
    ]
    title = axes.get_title(loc="left").replace("\n", " ")
    assert title.startswith("13 test images by category of d0 and shape")
    assert "84.6% right, majority 84.6%, one category for all 53.8%" in title
    np.testing.assert_allclose(
        axes.images[0].get_array().diagonal(), [1.0, 2 / 3, 0.75]
    )
    assert framed(axes) == [(0, 0), (1, 1), (2, 2)]


def test_categories_without_images_fill_the_rows(figures, tmp_path):
    # 0 and 2 are used, for the second and the third class.
    score = unsupervised_accuracy([0, 0, 2, 2, 2], [1, 1, 0, 2, 2])
    plot_category_confusion(
        [score], tmp_path / "c.png", category_sizes=(3,), factor_name="label"
    )
    # Fewer categories than classes, and none of the first.
    plot_category_confusion(
        [score | {"categories": [0, 1]}],
        tmp_path / "c.png",
        category_sizes=(2,),
        factor_name="label",
    )
    (three,), (two,) = (figure.axes for figure in figures)
    assert labels_of(three.get_yticklabels()) == ["d0 = 1", "d0 = 0", "d0 = 2"]
    assert framed(three) == [(1, 1), (2, 2)]
    assert labels_of(two.get_yticklabels()) == ["d0 = 0", "d0 = 1"]
    assert framed(two) == [(0, 1), (1, 2)]


def test_a_panel_per_variable_and_numbers_as_names(figures, tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=300)
    scores = [
        unsupervised_accuracy((labels + 3) % 10, labels),
        unsupervised_accuracy(rng.integers(2, size=300), labels),
    ]
    plot_category_confusion(
        scores, tmp_path / "c.png", category_sizes=(10, 2), factor_name="label"
    )
    first, second = figures[0].axes
    assert labels_of(first.get_xticklabels()) == [str(k) for k in range(10)]
    assert labels_of(first.get_yticklabels()) == [
        f"d0 = {(k + 3) % 10}" for k in range(10)
    ]
    np.testing.assert_array_equal(first.images[0].get_array(), np.eye(10))
    assert len(second.get_yticklabels()) == 2


def test_a_file_is_written(tmp_path):
    score = unsupervised_accuracy([0, 1, 2], [1, 0, 1])
    path = plot_category_confusion(
        [score], tmp_path / "new" / "c.png", category_sizes=(3,), factor_name="label"
    )
    with Image.open(path) as image:
        assert min(image.size) > 200
        assert np.asarray(image.convert("L")).std() > 10


def test_samples_are_a_grid_with_blocks(tmp_path):
    frames = np.full((5, 3, 16, 16, 1), 0.5)
    path = plot_category_samples(
        frames, tmp_path / "s.png", row_labels=list("abcde"), block_sizes=(3, 2)
    )
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L")).astype(int)
    panel = np.abs(grey - 127) <= 1
    rows = np.flatnonzero(panel.sum(axis=1) >= 3 * SIDE)
    tops = rows[np.flatnonzero(np.diff(rows, prepend=-2) > 1)]
    assert np.diff(tops).tolist() == [SIDE + 4, SIDE + 4, SIDE + 20, SIDE + 4]


def test_bad_input(tmp_path):
    frames = np.zeros((4, 3, 16, 16, 1))
    with pytest.raises(ValueError, match="one row per label, 3, and 3 columns"):
        plot_category_samples(frames, tmp_path / "x.png", row_labels=list("abc"))
    with pytest.raises(ValueError, match=r"add up to the number of rows, 4, got \[3\]"):
        plot_category_samples(
            frames, tmp_path / "x.png", row_labels=list("abcd"), block_sizes=[3]
        )
    with pytest.raises(ValueError, match="one per categorical variable, got 0 for 1"):
        plot_category_confusion(
            [], tmp_path / "x.png", category_sizes=(3,), factor_name="label"
        )
    assert not list(tmp_path.iterdir())
