import json

import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import (
    _counts_over_steps,
    _kl_over_steps,
    plot_counts_over_steps,
    plot_kl_over_steps,
    plot_training_curves,
)

INK = (0x1F, 0x3B, 0x5C)
SECOND_INK = (0xD9, 0x82, 0x2B)


def read(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def has(picture, colour):
    return (np.abs(picture - np.array(colour)) <= 2).all(axis=-1)


def write_log(path, num=40, **last):
    lines = [
        {"step": 10 * i, "loss": 100.0 + 50 / (i + 1), "kl": float(i), "seconds": i}
        | ({"test_loss": 110.0} if i % 8 == 0 else {})
        for i in range(num)
    ]
    path.write_text("".join(json.dumps(line | last) + "\n" for line in lines))


def test_training_curves_have_a_panel_per_scalar(tmp_path):
    log = tmp_path / "metrics.jsonl"
    write_log(log)
    picture = read(plot_training_curves(log, tmp_path / "c.png"))
    line = has(picture, INK)
    half = picture.shape[1] // 2
    assert line[:, :half].any()  # loss
    assert line[:, half:].any()  # kl
    test = has(picture, SECOND_INK)
    assert test[:, :half].any()  # test loss joins loss, which comes first
    assert not test[:, half:].any()
    write_log(log, gradient_norm=1.0)
    assert read(plot_training_curves(log, tmp_path / "d.png")).shape[1] > half * 2


def test_a_log_cut_short_and_values_that_are_not_finite(tmp_path):
    log = tmp_path / "metrics.jsonl"
    write_log(log)
    log.write_text(log.read_text() + '{"step": 400, "loss": NaN}\n{"step": 410, "lo')
    assert has(read(plot_training_curves(log, tmp_path / "c.png")), INK).any()
    log.write_text('{"step": 1, "seconds": 3.0}\n')
    with pytest.raises(ValueError, match=r"metrics\.jsonl has no scalar to draw"):
        plot_training_curves(log, tmp_path / "c.png")


def test_lists_are_no_curves(tmp_path):
    log = tmp_path / "metrics.jsonl"
    write_log(log)
    plain = read(plot_training_curves(log, tmp_path / "a.png"))
    write_log(log, kl_per_latent=[1.0, 2.0], category_shares=[0.5, 0.5])
    np.testing.assert_array_equal(
        read(plot_training_curves(log, tmp_path / "b.png")), plain
    )


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved."""
    saved = []

    def save(figure, path):
        saved.append(figure)
        return path

    for module in (_kl_over_steps, _counts_over_steps):
        monkeypatch.setattr(module, "save", save)
    return saved


def write_kl(path, rows):
    lines = [
        json.dumps({"step": 100 * i, "kl_per_latent": row}) for i, row in rows.items()
    ]
    # Other lines are passed over, as is one cut short.
    path.write_text("\n".join(['{"step": 5, "loss": 1.0}', *lines, '{"step": 9']))


def test_kl_has_a_line_per_latent_and_marks(figures, tmp_path):
    log = tmp_path / "metrics.jsonl"
    write_kl(log, {1: [0.0, 3.0, 0.1], 2: [1.0, 2.0, 0.2]})
    marks = [(150, "z0 relieved"), (180, "categories")]
    path = plot_kl_over_steps(log, tmp_path / "kl.png", marks)
    assert path == tmp_path / "kl.png"
    (axes,) = figures[0].axes
    curves, verticals = axes.lines[:3], axes.lines[3:]
    np.testing.assert_array_equal(
        [line.get_ydata() for line in curves], [[0.0, 1.0], [3.0, 2.0], [0.1, 0.2]]
    )
    assert all(list(line.get_xdata()) == [100.0, 200.0] for line in curves)
    assert [line.get_xdata()[0] for line in verticals] == [150, 180]
    assert [text.get_text() for text in axes.texts] == ["z0 relieved", "categories"]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["z0: 1.00", "z1: 2.00", "z2: 0.20"]
    assert len({line.get_color() for line in curves}) == 3


def test_only_the_largest_of_many_latents_are_named(figures, tmp_path):
    log = tmp_path / "metrics.jsonl"
    kl = np.zeros((2, 50))
    kl[0, 7], kl[1, 40], kl[1, 3] = 5.0, 4.0, float("nan")
    write_kl(log, {1: kl[0].tolist(), 2: kl[1].tolist()})
    plot_kl_over_steps(log, tmp_path / "kl.png", max_latents=2)
    (axes,) = figures[0].axes
    assert len(axes.lines) == 50
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["z7: 0.00", "z40: 4.00"]


def test_a_log_without_kl_draws_nothing(tmp_path):
    log = tmp_path / "metrics.jsonl"
    write_log(log)
    assert plot_kl_over_steps(log, tmp_path / "kl.png", [(3, "relieved")]) is None
    assert not (tmp_path / "kl.png").exists()
    write_kl(log, {1: [0.5, 0.25]})
    assert read(plot_kl_over_steps(log, tmp_path / "kl.png")).std() > 5


def test_found_objects_have_a_line_per_number_and_where_it_belongs(figures, tmp_path):
    log = tmp_path / "metrics.jsonl"
    rows = {
        100: ([0.5, 0.5, 0.0], [0.0, 0.75, 0.0]),
        200: ([0.25, 0.0, 0.75], [0.5, 0.0, 1.5]),
    }
    log.write_text(
        "".join(
            json.dumps({"step": step, "true_counts": there, "found_per_count": found})
            + "\n"
            for step, (there, found) in rows.items()
        )
        + '{"step": 300, "true_counts": [1.0]}\n'
    )
    plot_counts_over_steps(log, tmp_path / "c.png")
    (axes,) = figures[0].axes
    goals, lines = axes.lines[::2], axes.lines[1::2]
    assert [line.get_ydata()[0] for line in goals] == [0, 1, 2]
    found = [(list(line.get_xdata()), list(line.get_ydata())) for line in lines]
    assert found == [
        ([100.0, 200.0], [0.0, 2.0]),
        ([100.0], [1.5]),
        ([200.0], [2.0]),
    ]
    assert [a.get_color() for a in goals] == [b.get_color() for b in lines]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["0: 2.00", "1: 1.50", "2: 2.00"]


def test_a_log_without_numbers_of_objects_draws_nothing(tmp_path):
    log = tmp_path / "metrics.jsonl"
    write_log(log)
    assert plot_counts_over_steps(log, tmp_path / "c.png") is None
    assert not (tmp_path / "c.png").exists()
    write_log(log, true_counts=[0.5, 0.5], found_per_count=[0.0, 0.5])
    assert read(plot_counts_over_steps(log, tmp_path / "c.png")).std() > 5
