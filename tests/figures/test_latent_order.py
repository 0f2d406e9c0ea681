"""When latents enter the code, and what they tell."""

import json

import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import _latent_order, plot_latent_order
from vsc_jax.figures._latent_order import entry_steps, told_factors

STEPS = np.array([100.0, 200.0, 300.0])


def write_kl(path, rows):
    lines = [
        json.dumps({"step": step, "kl_per_latent": row})
        for step, row in zip(STEPS.tolist(), rows, strict=True)
    ]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("kl", "step"),
    [
        ((0.0, 0.2, 0.5), 200.0),
        ((0.0, 0.0, 0.1), 300.0),
        ((0.5, 0.4, 0.3), 100.0),
        ((0.5, 0.0, 0.3), 300.0),  # what was there at first does not count
        ((0.0, 0.5, 0.0), np.inf),
        ((0.0, np.nan, 0.3), 300.0),
        ((0.0, 0.3, np.nan), np.inf),
    ],
)
def test_entry_is_after_the_last_line_below(kl, step):
    np.testing.assert_array_equal(entry_steps(STEPS, np.array([kl]).T, 0.1), [step])


def test_bars_are_in_the_order_of_entry(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(_latent_order, "save", lambda f, path: saved.append(f) or path)
    log = write_kl(
        tmp_path / "metrics.jsonl",
        [[0.0, 0.0, 0.9, 0.0], [0.2, 0.0, 0.9, 0.0], [1.0, 0.05, 0.9, 0.4]],
    )
    path = plot_latent_order(log, tmp_path / "o.png", told={2: "scale 0.83"})
    assert path == tmp_path / "o.png"
    (axes,) = saved[0].axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["z2 scale 0.83", "z0", "z3"]
    assert [bar.get_x() for bar in axes.patches] == [100.0, 200.0, 300.0]
    assert [text.get_text() for text in axes.texts] == ["100", "200", "300"]
    assert "3 of 4 latents" in axes.get_title(loc="left")
    # The first ones alone are Gaussian latents.
    plot_latent_order(log, path, num_latents=2)
    assert [bar.get_x() for bar in saved[1].axes[0].patches] == [200.0]


def test_a_log_without_any_draws_nothing(tmp_path):
    log = write_kl(tmp_path / "metrics.jsonl", np.zeros((3, 2)).tolist())
    path = tmp_path / "o.png"
    assert plot_latent_order(log, path) is None
    assert not path.exists()
    log.write_text('{"step": 1, "loss": 2.0}')
    assert plot_latent_order(log, path) is None
    assert plot_latent_order(write_kl(log, [[1.0]] * 3), path) == path
    with Image.open(path) as image:
        assert np.asarray(image.convert("L")).std() > 5


def test_each_latent_is_named_after_the_factor_that_it_tells_most_of():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [3, 1, 8], size=(2_000, 3))
    codes = np.stack(
        [factors[:, 2] + 0.1 * rng.normal(size=2_000), -factors[:, 0]], axis=1
    )
    told = told_factors(codes, factors, ("shape", "colour", "scale"))
    assert told == {0: "scale 1.00", 1: "shape 1.00"}
    # Of a code that is half noise: less than all.
    codes[::2, 0] = codes[::2, 0][::-1]
    name, share = told_factors(codes, factors, ("a", "b", "c"))[0].split()
    assert name == "c"
    assert 0.1 < float(share) < 0.6
