import json
import math

from vsc_jax.figures._log_curves import HEIGHT, WIDTH, chart, log_charts


def write(path, entries):
    path.write_text("\n".join(map(json.dumps, entries)))
    return path


def test_a_chart_per_scalar_the_loss_first(tmp_path):
    entries = [
        {"step": 10, "b": 1.0, "kl": 2.0, "loss": 3.0, "seconds": 1.0},
        {"step": 20, "b": 1.5, "kl": 2.5, "loss": math.nan, "test_loss": 4.0},
        {"step": 30, "kl_per_latent": [2.0, 0.0, 0.5]},
    ]
    charts = log_charts(write(tmp_path / "metrics.jsonl", entries))
    titles = [one["title"] for one in charts]
    assert titles == ["Loss", "KL of the codes", "KL of each active latent", "b"]
    assert [one["first"] for one in charts] == [True, True, True, False]
    assert charts[0]["steps"] == [10, 20]
    assert charts[0]["values"] == {"training": [3.0, None], "test": [None, 4.0]}
    assert list(charts[2]["values"]) == ["z0", "z2"]


def test_values_stand_where_the_ticks_say():
    one = chart({"a": {0.0: 0.0, 50.0: 1.0, 100.0: 4.0}})
    ticks = {text: place for place, text in one["y_ticks"]}
    words = one["lines"][0]["points"].split()
    points = [tuple(map(float, word.split(","))) for word in words]
    assert points[0][1] == ticks["0"]
    assert points[1][1] == ticks["1"]
    assert points[2][1] == ticks["4"]
    steps = {text: place for place, text in one["x_ticks"]}
    assert [points[0][0], points[2][0]] == [steps["0"], steps["100"]]
    assert [x for x, _ in points] == one["places"]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)


def test_long_logs_are_thinned_and_extremes_cut():
    line = {float(i): 1.0 + i / 10_000 for i in range(5_000)}
    one = chart({"a": {**line, 0.0: 1e6}, "b": {77.0: 1.0, 4_999.0: 1.2}})
    assert one["cut"]
    assert len(one["steps"]) < 300
    assert {77.0, 4_999.0} <= set(one["steps"])
    assert not chart({"a": {0.0: 2.0}})["cut"]
