import json

from tiny_runs import read_log

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
    for rest in (
        *(
            b"",
            b'{"step": 20, "lo',
            b'{"step": 1',
            b"\x00\x00",
            b"\xff\xfe",
            b"3",
            b"[]",
        ),
        *(b'{"loss": 1}', b'{"step": null}', b'{"step": "a"}', b'{"step": [2]}'),
    ):
        path.write_bytes("\n".join(whole).encode() + b"\n" + rest)
        MetricsLog(path, from_step=10).close()
        assert path.read_text().splitlines() == whole[:2]


def test_a_line_before_its_checkpoint_is_neither_lost_nor_doubled(tmp_path):
    """Wherever the process dies: before the line, in it, after it, after saving."""
    path = tmp_path / "metrics.jsonl"
    line = '{"step": 10, "loss": 1.5}\n'
    for written, saved_step in (("", 5), (line[:9], 5), (line, 5), (line, 10)):
        path.write_text('{"step": 5, "loss": 2.0}\n' + written)
        log = MetricsLog(path, from_step=saved_step)
        for step in range(saved_step + 5, 16, 5):
            log.write(step, {"loss": 1.5})
            log.sync()
        log.close()
        assert [line["step"] for line in read_log(tmp_path)] == [5, 10, 15]
