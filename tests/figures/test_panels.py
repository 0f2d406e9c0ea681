import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures._panels import (
    as_panels,
    enlarge,
    mosaic,
    save_grid,
    to_rgb,
)


def test_enlarge_repeats_pixels():
    images = np.arange(28 * 28 * 3).reshape(1, 28, 28, 3)
    large = enlarge(images)
    assert large.shape == (1, 84, 84, 3)
    assert (large[:, ::3, ::3] == images).all()
    assert (large[:, 2::3, 1::3] == images).all()
    assert enlarge(np.zeros((300, 200, 1))).shape == (300, 200, 1)


def test_to_rgb_clips_and_scales():
    grey = np.array([-1.0, 0.0, 0.1, 0.5]).reshape(1, 1, 4, 1)
    rgb = to_rgb(grey, 0.2)
    assert rgb.shape == (1, 1, 4, 3)
    np.testing.assert_allclose(rgb[0, 0, :, 2], [0, 0, 0.5, 1])


def test_mosaic_places_panels_and_leaves_holes_white():
    panels = np.linspace(0.1, 0.6, 6)[:, None, None, None] * np.ones((6, 5, 4, 3))
    panels = panels.reshape(2, 3, 5, 4, 3)
    panels[1, 2] = np.nan
    image, rows, columns = mosaic(panels, gap=2)
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            expected = 1.0 if (i, j) == (1, 2) else panels[i, j, 0, 0, 0]
            area = image[int(y) - 1 : int(y) + 2, int(x) : int(x) + 2]
            np.testing.assert_allclose(area, expected)
    assert image.shape == (2 + 2 * 7, 2 + 3 * 6, 3)
    assert (image[0, :18] == 0.8).all()  # the frame around panels


def test_saved_pixels_are_the_pixels_given(tmp_path):
    rng = np.random.default_rng(0)
    panels = rng.integers(0, 256, size=(3, 9, 64, 64, 3)) / 255
    path = save_grid(
        panels, tmp_path / "sub" / "grid.png", title="a title " * 30,
        row_labels=["one", "two\nlines", "three"], column_labels=list("abcdefghi"),
    )  # fmt: skip
    picture = np.asarray(Image.open(path).convert("RGB"))
    # Find the first panel by its frame, then compare every panel exactly.
    mosaic_image, _, _ = mosaic(panels)
    expected = (255 * mosaic_image).round().astype(np.uint8)
    height, width = expected.shape[:2]
    assert picture.shape[0] > height
    assert picture.shape[1] > width
    offsets = [
        (y, x)
        for y in range(picture.shape[0] - height + 1)
        for x in range(picture.shape[1] - width + 1)
        if (picture[y, x] == 204).all()
        and (picture[y + 4, x + 4 : x + 68] == expected[4, 4:68]).all()
    ]
    assert len(offsets) == 1
    y, x = offsets[0]
    assert (picture[y : y + height, x : x + width] == expected).all()
    assert (picture[:y].min(axis=(1, 2)) < 100).any()  # ink of title and labels above
    assert (picture[:, : x - 1].min(axis=(1, 2)) < 100).any()  # and of rows, left
    assert (picture[:, -8:] == 255).all()  # nothing is cut off at the right


@pytest.mark.parametrize("shape", [(3, 4, 4), (3, 4, 4, 2), (0, 4, 4, 1)])
def test_images_are_checked(shape):
    with pytest.raises(ValueError, match="x must have 4 axes, the last one of 1 or 3"):
        as_panels("x", np.zeros(shape), 4)
