import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import (
    plot_author_traversals,
    plot_traversals,
    save_traversal_gif,
)

SIDE = 80  # of an enlarged 16x16 panel


def read(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def brightness_steps(rows, columns):
    """Frames whose red is the row and whose green is the column."""
    frames = np.zeros((rows, columns, 16, 16, 3))
    frames[..., 0] = (np.arange(rows)[:, None, None, None] + 1) / 10
    frames[..., 1] = (np.arange(columns)[:, None, None] + 1) / 10
    return frames


def colour_at(picture, row, column):
    """Whether a panel-sized area of this frame's colour exists, and where."""
    colour = np.round([25.5 * (row + 1), 25.5 * (column + 1), 0.0])
    inside = (np.abs(picture - colour) <= 1).all(axis=-1)
    return inside.sum(), np.argwhere(inside).mean(axis=0)


def test_traversals_have_a_row_per_latent_and_the_input_first(tmp_path):
    frames = brightness_steps(3, 5)
    x = np.zeros((16, 16, 3))
    x[..., 2] = 1.0
    picture = read(
        plot_traversals(x, frames, tmp_path / "t.png", row_labels=["z1", "z2", "z3"])
    )
    blue = (picture == (0, 0, 255)).all(axis=-1)
    assert blue.sum() == 3 * SIDE**2
    input_column = np.argwhere(blue)[:, 1].mean()
    centres = np.empty((3, 5, 2))
    for i in range(3):
        for j in range(5):
            area, centres[i, j] = colour_at(picture, i, j)
            assert area == SIDE**2
    np.testing.assert_allclose(np.diff(centres[..., 1], axis=1), SIDE + 4)
    np.testing.assert_allclose(np.diff(centres[..., 0], axis=0), SIDE + 4)
    assert centres[0, 0, 1] - input_column > SIDE + 10


def test_author_traversals_have_white_borders(tmp_path):
    frames = brightness_steps(2, 8)
    picture = read(
        plot_author_traversals(frames, tmp_path / "a.png", row_labels=["z0", "z7"])
    )
    for i in range(2):
        for j in range(8):
            area, _ = colour_at(picture, i, j)
            assert area == (SIDE - 10) ** 2  # one of 16 pixels on each side is white


def test_gif_goes_there_and_back(tmp_path):
    frames = brightness_steps(7, 4)
    path = save_traversal_gif(
        frames,
        tmp_path / "t.gif",
        row_labels=[f"z{i} a long label that needs room" for i in range(7)],
        milliseconds=100,
    )
    with Image.open(path) as gif:
        assert gif.format == "GIF"
        assert gif.n_frames == 6
        assert gif.info["loop"] == 0
        greens = []
        for moment in range(gif.n_frames):
            gif.seek(moment)
            assert gif.info["duration"] == 100
            picture = np.asarray(gif.convert("RGB")).astype(int)
            first_tile = picture[8 + 64, 8 + 64]
            greens.append(round(first_tile[1] / 25.5))
            assert abs(first_tile[0] - 25.5) < 6
    assert greens == [1, 2, 3, 4, 3, 2]
    # Two lines of tiles, 5 and 2.
    assert picture.shape[0] == 2 * (128 + 20 + 8) + 8
    assert picture.shape[1] > 5 * 180


def test_a_single_tile_and_moment(tmp_path):
    frames = brightness_steps(1, 1)
    save_traversal_gif(frames, tmp_path / "t.gif", row_labels=["z"])
    plot_traversals(frames[0, 0], frames, tmp_path / "t.png", row_labels=["z"])
    plot_author_traversals(frames, tmp_path / "a.png", row_labels=["z"])
    assert len(list(tmp_path.iterdir())) == 3


def test_bad_input(tmp_path):
    frames = brightness_steps(2, 3)
    with pytest.raises(ValueError, match="one entry per row of frames, 2, got 1"):
        plot_author_traversals(frames, tmp_path / "x.png", row_labels=["z"])
    with pytest.raises(ValueError, match="frames must have 5 axes"):
        save_traversal_gif(frames[0], tmp_path / "x.gif", row_labels=["z", "z"])
    with pytest.raises(ValueError, match=r"x must have the shape of a frame, \(16, 16"):
        plot_traversals(
            frames[0, 0, :8], frames, tmp_path / "x.png", row_labels=["z", "z"]
        )
