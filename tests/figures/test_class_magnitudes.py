import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import plot_class_magnitudes

INK = (0x1F, 0x3B, 0x5C)
SECOND_INK = (0xD9, 0x82, 0x2B)


def read(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def has(picture, colour):
    return (np.abs(picture - np.array(colour)) <= 2).all(axis=-1)


def rows_of_bars(picture, num):
    """Heights of the bars `[columns of pixels]` of each row, and their colour."""
    black = (picture == 0).all(axis=-1)
    lines = np.flatnonzero(black.sum(axis=1) > 0.6 * picture.shape[1])
    lines = lines[np.r_[True, np.diff(lines) > 2]]
    assert len(lines) == num
    height = lines[1] - lines[0] if num > 1 else lines[0]
    for line in lines:
        row = picture[max(0, line - height + 12) : line]
        yield has(row, INK).sum(axis=0), has(row, SECOND_INK).sum(axis=0)


def runs(heights):
    """Height of each bar, from left to right."""
    columns = np.flatnonzero(heights)
    bars = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    return [heights[bar].max() for bar in bars if len(bar) > 3]


def test_bars_have_one_scale_and_the_largest_are_marked(tmp_path):
    magnitudes = np.array(
        [[0.8, 0.1, 0.4, 0.2, 0.6, 0.2], [0.1, 0.4, 0.2, 0.3, 0.1, 0.1]]
    )
    path = tmp_path / "deep" / "class_magnitudes.png"
    assert plot_class_magnitudes(magnitudes, path, class_names=["a", "b"]) == path
    (ink, marked), (second_ink, second_marked) = rows_of_bars(read(path), 2)
    unit = runs(marked)[0] / 0.8
    np.testing.assert_allclose(
        np.array(runs(marked)) / unit, [0.8, 0.4, 0.6], atol=0.04
    )
    np.testing.assert_allclose(np.array(runs(ink)) / unit, [0.1, 0.2, 0.2], atol=0.04)
    np.testing.assert_allclose(
        np.array(runs(second_marked)) / unit, [0.4, 0.2, 0.3], atol=0.04
    )
    np.testing.assert_allclose(
        np.array(runs(second_ink)) / unit, [0.1, 0.1, 0.1], atol=0.04
    )


def test_fifty_latents_all_have_a_bar(tmp_path):
    rng = np.random.default_rng(0)
    magnitudes = rng.uniform(0.3, 0.7, size=(3, 50))
    names = [f"class {k}" for k in range(3)]
    picture = read(
        plot_class_magnitudes(magnitudes, tmp_path / "m.png", class_names=names)
    )
    assert picture.shape[1] <= 1400
    for ink, marked in rows_of_bars(picture, 3):
        assert len(runs(marked)) == 3
        assert len(runs(ink + marked)) == 50


def test_more_classes_than_rows_are_left_out(tmp_path):
    magnitudes = np.full((12, 5), 0.5)
    names = [str(k) for k in range(12)]
    picture = read(
        plot_class_magnitudes(magnitudes, tmp_path / "m.png", class_names=names)
    )
    assert len(list(rows_of_bars(picture, 10))) == 10
    picture = read(
        plot_class_magnitudes(
            magnitudes, tmp_path / "m.png", class_names=names, max_classes=3
        )
    )
    assert len(list(rows_of_bars(picture, 3))) == 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 150)])
def test_few_and_many_latents_and_zeros(tmp_path, shape):
    names = [str(k) for k in range(shape[0])]
    for magnitudes in (np.zeros(shape), np.ones(shape)):
        picture = read(
            plot_class_magnitudes(magnitudes, tmp_path / "m.png", class_names=names)
        )
        drawn = has(picture, INK) | has(picture, SECOND_INK)
        assert drawn.any() == magnitudes.any()


def test_bad_magnitudes_are_refused(tmp_path):
    path = tmp_path / "x.png"
    with pytest.raises(ValueError, match=r"non-empty matrix, got shape \(4,\)"):
        plot_class_magnitudes(np.zeros(4), path, class_names=["a"])
    with pytest.raises(ValueError, match="not negative, got values from -1 to 0"):
        plot_class_magnitudes(np.array([[0.0, -1.0]]), path, class_names=["a"])
    with pytest.raises(ValueError, match="finite and not negative"):
        plot_class_magnitudes(np.array([[0.0, np.nan]]), path, class_names=["a"])
    with pytest.raises(ValueError, match="one per class, 2, got 1"):
        plot_class_magnitudes(np.zeros((2, 3)), path, class_names=["a"])
