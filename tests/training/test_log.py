import json

from vsc_jax.training import MetricsLog


def test_lines_are_written_at_once(tmp_path):
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path, from_step=0)
    log.write(5, {"loss": 2.5})
    assert path.read_text() == '{"step": 5, "loss": 2.5}\n'
    log.write(10, {"loss": float("nan")})
    log.close()
    assert len(path.read_text().splitlines()) == 2


def test_reopening_keeps_whole_lines_up_to_the_step(tmp_path):
    path = tmp_path / "metrics.jsonl"
    whole = [json.dumps({"step": step, "loss": 1.0}) for step in (5, 10, 15)]
    for rest in ("", '{"step": 20, "lo', "\x00\x00", "3", "[]", '{"loss": 1}'):
        path.write_text("\n".join([*whole, rest]))
        MetricsLog(path, from_step=10).close()
        assert path.read_text().splitlines() == whole[:2]
