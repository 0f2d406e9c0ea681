import os
import signal
import threading

import pytest

from vsc_jax.training import _signals
from vsc_jax.training._signals import NAMES, StopSignals

NUMBERS = [getattr(signal, name) for name in NAMES]


def send(number):
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def handlers():
    """Those before, which a test may replace; none is ignored, as nohup has it."""
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.signal(signal.SIGHUP, hangup)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_is_noted_by_its_name(number, handlers):
    with StopSignals() as signals:
        assert signals.received() is None
        send(number)
        assert signals.received() == signal.Signals(number).name
        assert signals.received() == signal.Signals(number).name
    assert {n: signal.getsignal(n) for n in NUMBERS} == handlers
    with StopSignals() as signals:
        assert signals.received() is None


def test_the_first_of_many_is_the_one_that_is_named():
    with StopSignals() as signals:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            send(number)
            assert signals.received() == "SIGHUP"


def test_a_second_interrupt_is_one(handlers):
    with pytest.raises(KeyboardInterrupt), StopSignals() as signals:
        send(signal.SIGTERM)
        send(signal.SIGINT)
        assert signals.received() == "SIGTERM"
        send(signal.SIGINT)
    assert {n: signal.getsignal(n) for n in NUMBERS} == handlers


def test_handlers_come_back_after_an_error():
    seen = []
    signal.signal(signal.SIGHUP, lambda *_: seen.append("mine"))
    with pytest.raises(KeyError), StopSignals():
        send(signal.SIGHUP)
        raise KeyError
    assert seen == []
    send(signal.SIGHUP)
    assert seen == ["mine"]


def test_what_the_process_ignores_stays_ignored():
    """As under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with StopSignals() as signals:
        send(signal.SIGHUP)
        assert signals.received() is None
        send(signal.SIGTERM)
        assert signals.received() == "SIGTERM"
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_in_another_thread_nothing_is_changed(handlers):
    found = []

    def enter():
        with StopSignals() as signals:
            found.append({n: signal.getsignal(n) for n in NUMBERS})
            found.append(signals.received())

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [handlers, None]


def test_an_interrupt_is_answered_at_once_where_it_is_seen(capfd):
    for announce, text in (
        (True, "\nsaving and stopping; Ctrl-C again stops at once\n"),
        (False, ""),
    ):
        with StopSignals(announce=announce):
            send(signal.SIGTERM)
            assert capfd.readouterr().err == ""
            send(signal.SIGINT)
            assert capfd.readouterr().err == text


def test_a_terminal_that_is_gone_is_not_written_to(monkeypatch):
    def fail(*_):
        raise OSError(5, "I/O error")

    monkeypatch.setattr(_signals.os, "write", fail)
    with StopSignals(announce=True) as signals:
        send(signal.SIGINT)
        assert signals.received() == "SIGINT"


def test_a_signal_to_any_process_stops_all(monkeypatch):
    monkeypatch.setattr(_signals, "largest", lambda own: max(own, signal.SIGTERM))
    with StopSignals() as signals:
        assert signals.received() == "SIGTERM"
