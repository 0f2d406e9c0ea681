import io
import sys

import pytest

from vsc_jax.training import _progress
from vsc_jax.training._progress import Progress


def test_a_line_every_ten_seconds_and_at_the_end(capsys, monkeypatch):
    now = 100.0
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now)
    progress = Progress(100, show=True)
    progress.start(0)
    for step in range(10, 101, 10):
        progress.update(step, 123.456, 78.9)
        now += 4.0
    progress.close()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [
        "10/100",
        "40/100",
        "70/100",
        "100/100",
    ]
    assert lines[0] == "step 10/100  loss 123.5, 78.9 steps/s"


@pytest.mark.parametrize("show", [True, False])
def test_a_bar_on_a_terminal(show, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    progress = Progress(100, show=show)
    progress.note("hello")
    progress.start(40)
    progress.update(50, 1.5, 20.0)
    progress.close()
    captured = capsys.readouterr()
    if show:
        assert captured.out == "hello\n"
        assert "50/100" in captured.err
        assert "loss 1.5, 20 steps/s" in captured.err
    else:
        assert captured.out == captured.err == ""


class Closed(io.StringIO):
    """What a terminal is after it was closed, or a pipe that nobody reads."""

    def __init__(self, error):
        super().__init__()
        self.error = error
        self.broken = False

    def write(self, text):
        if self.broken:
            raise self.error
        return super().write(text)

    def isatty(self):
        return True


@pytest.mark.parametrize(
    "error", [OSError(5, "I/O error"), BrokenPipeError(32, "pipe")]
)
@pytest.mark.parametrize("terminal", [True, False])
def test_a_closed_terminal_does_not_end_the_run(error, terminal, monkeypatch):
    out = Closed(error)
    monkeypatch.setattr(sys, "stdout", out)
    if terminal:
        monkeypatch.setattr(sys, "stderr", out)
    progress = Progress(100, show=True)
    progress.start(0)
    if terminal:
        progress._bar.mininterval = 0.0
    progress.update(10, 1.5, 20.0)
    assert "loss 1.5" in out.getvalue()
    out.broken = True
    for step in (50, 100):
        progress.update(step, 1.5, 1e-3)
        progress.note("a line")
    progress.close()
