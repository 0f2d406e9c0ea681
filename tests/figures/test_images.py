import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from vsc_jax.figures import (
    plot_latent_bars,
    plot_prior_samples,
    plot_reconstructions,
)


def read(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def solid(*colours):
    """One 16x16 image of each colour."""
    return np.ones((len(colours), 16, 16, 1)) * np.array(colours)[:, None, None]


def regions(picture, colour, least=200):
    """Areas of one colour, as (row, column) centres in reading order."""
    labels, num = ndimage.label((picture == np.array(colour)).all(axis=-1))
    index = [k for k in range(1, num + 1) if (labels == k).sum() >= least]
    return sorted(
        (round(y), round(x))
        for y, x in ndimage.center_of_mass(labels > 0, labels, index)
    )


def test_reconstructions_are_below_their_inputs(tmp_path):
    red, green = [1.0, 0, 0], [0, 1.0, 0]
    x, decoded = solid(*[red] * 11), solid(*[green] * 11)
    picture = read(plot_reconstructions(x, decoded, tmp_path / "r.png"))
    inputs, outputs = regions(picture, (255, 0, 0)), regions(picture, (0, 255, 0))
    assert len(inputs) == len(outputs) == 11
    # Rows of 8 and 3, each input straight above its reconstruction.
    assert len({y for y, _ in inputs}) == len({y for y, _ in outputs}) == 2
    assert {out[0] - y for (y, _), out in zip(inputs, outputs, strict=True)} == {84}
    assert [x for _, x in inputs] == [x for _, x in outputs]


def test_prior_samples_with_grey_images_and_their_scale(tmp_path):
    x = np.full((9, 16, 16, 1), 0.1)
    picture = read(plot_prior_samples(x, tmp_path / "p.png", columns=3, max_value=0.2))
    found = regions(picture, (127, 127, 127))
    assert len(found) == 9
    assert len({y for y, _ in found}) == len({x for _, x in found}) == 3


def test_latent_bars_show_the_code(tmp_path):
    x, decoded = solid([1.0, 0, 0], [1.0, 0, 0]), solid([0, 1.0, 0], [0, 1.0, 0])
    few = np.zeros((2, 50))
    few[:, 10], few[:, 40] = 2.0, -1.0
    picture = read(plot_latent_bars(x, few, decoded, tmp_path / "few.png"))
    inputs, outputs = regions(picture, (255, 0, 0)), regions(picture, (0, 255, 0))
    assert len(inputs) == len(outputs) == 2
    for (y_in, x_in), (y_out, x_out) in zip(inputs, outputs, strict=True):
        assert y_in == y_out
        assert x_in < 200
        assert x_out > 800
    ink = (picture == (0x1F, 0x3B, 0x5C)).all(axis=-1)
    # Two bars per row: the positive one left and above, the negative one right, below.
    bars = ink[: picture.shape[0] // 2]
    columns = np.flatnonzero(bars.any(axis=0))
    left, right = columns[columns < 500], columns[columns > 500]
    assert len(left) > 0 < len(right)
    middle = inputs[0][0]
    assert np.flatnonzero(bars[:, left].any(axis=1)).mean() < middle
    assert np.flatnonzero(bars[:, right].any(axis=1)).mean() > middle
    dense = read(
        plot_latent_bars(x, np.full((2, 50), 1.0), decoded, tmp_path / "dense.png")
    )
    assert (dense == (0x1F, 0x3B, 0x5C)).all(axis=-1).sum() > 5 * ink.sum()


def test_a_code_of_zeros_can_be_drawn(tmp_path):
    x = solid([1.0, 0, 0])
    read(plot_latent_bars(x, np.zeros((1, 3)), x, tmp_path / "zeros.png"))


def test_bad_input(tmp_path):
    x = solid([1.0, 0, 0])
    with pytest.raises(ValueError, match="x_decoded must have the shape of x"):
        plot_reconstructions(x, x[:, :8], tmp_path / "x.png")
    with pytest.raises(ValueError, match=r"codes must have shape \(1, latent_dim\)"):
        plot_latent_bars(x, np.zeros((2, 3)), x, tmp_path / "x.png")
    with pytest.raises(ValueError, match="x_decoded must have 4 axes"):
        plot_prior_samples(x[0], tmp_path / "x.png")
    assert not list(tmp_path.iterdir())
