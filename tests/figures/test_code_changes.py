import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import (
    plot_conditional_samples,
    plot_interpolation,
    plot_interpretation,
)

RED, GREEN, BLUE = np.eye(3)


def solid(colour, *shape):
    return np.broadcast_to(colour, (*shape, 16, 16, 3))


def colours_along_first_row(path):
    """R, G and B in the order in which panels of the top row show them."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        picture = np.asarray(image.convert("RGB"))
    names = {(255, 0, 0): "R", (0, 255, 0): "G", (0, 0, 255): "B"}
    for line in picture:
        named = [names.get(tuple(pixel), " ") for pixel in line]
        if "R" in named:
            return "".join(
                a for a, b in zip(named, [" ", *named], strict=False) if a != b
            ).replace(" ", "")
    return ""


def test_interpretation(tmp_path):
    path = plot_interpretation(
        solid(RED, 2),
        solid(GREEN, 2),
        solid(BLUE, 2, 2),
        tmp_path / "sub" / "i.png",
        row_labels=["z1 = +1.00", "z2 = -1.00"],
    )
    assert colours_along_first_row(path) == "RGBB"


def test_conditional_samples(tmp_path):
    path = plot_conditional_samples(
        solid(RED, 2),
        solid(GREEN, 2),
        solid(BLUE, 2, 6),
        tmp_path / "c.png",
        row_labels=["8 of 200", "1 of 200"],
    )
    assert colours_along_first_row(path) == "RG" + 6 * "B"


def test_interpolation_is_between_its_inputs(tmp_path):
    path = plot_interpolation(
        solid(RED, 1),
        solid(GREEN, 1),
        solid(BLUE, 1, 8),
        tmp_path / "i.png",
        row_labels=["continuous"],
    )
    assert colours_along_first_row(path) == "R" + 8 * "B" + "G"


def test_bad_input(tmp_path):
    x, frames = solid(RED, 2), solid(BLUE, 2, 2)
    path = tmp_path / "x.png"
    with pytest.raises(ValueError, match="frames must have 5 axes"):
        plot_conditional_samples(x, x, x, path, row_labels=["a", "b"])
    with pytest.raises(ValueError, match="one row per label, 1, and 2 columns"):
        plot_interpretation(x, x, frames, path, row_labels=["a"])
    with pytest.raises(ValueError, match="one row per label, 2, and 3 columns"):
        plot_interpretation(x, x, frames, path, row_labels=["a", "b"], scales=(1, 2, 3))
    with pytest.raises(ValueError, match=r"x_last must have shape \(2, 16, 16, 3\)"):
        plot_interpolation(x, x[:1], frames, path, row_labels=["a", "b"])
    assert not path.exists()
