import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import (
    plot_kl_per_latent,
)

INK = (0x1F, 0x3B, 0x5C)
SECOND_INK = (0xD9, 0x82, 0x2B)


def read(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def has(picture, colour):
    return (np.abs(picture - np.array(colour)) <= 2).all(axis=-1)


def test_kl_bars_fall_from_left_to_right(tmp_path):
    kl = np.array([0.5, 4.0, 0.0, 2.0])
    picture = read(plot_kl_per_latent({"gaussian_kl": kl}, tmp_path / "kl.png"))
    # The legend has a patch of the same colour: bars are what touches the lower part.
    heights = has(picture, INK)[60:].sum(axis=0)
    columns = np.flatnonzero(heights)
    bars = np.split(columns, np.flatnonzero(np.diff(columns) > 3) + 1)
    tops = [heights[bar].max() for bar in bars if len(bar) > 30]
    assert len(tops) == 3
    assert tops[1] / tops[0] == pytest.approx(0.5, abs=0.05)
    assert tops[2] / tops[0] == pytest.approx(0.125, abs=0.05)


def test_kl_terms_are_stacked(tmp_path):
    terms = {"slab_kl": np.ones(5), "spike_kl": np.full(5, 3.0)}
    picture = read(plot_kl_per_latent(terms, tmp_path / "kl.png"))
    slab, spike = has(picture, INK), has(picture, SECOND_INK)
    assert np.argwhere(slab)[:, 0].mean() > np.argwhere(spike)[:, 0].mean()
    with pytest.raises(ValueError, match=r"one length, got shapes \[\(5,\), \(4,\)\]"):
        plot_kl_per_latent({"a": np.ones(5), "b": np.ones(4)}, tmp_path / "x.png")
    with pytest.raises(ValueError, match="one or more vectors"):
        plot_kl_per_latent({}, tmp_path / "x.png")
