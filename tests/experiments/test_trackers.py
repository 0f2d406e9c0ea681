"""TensorBoard and W&B get what `metrics.jsonl` has, where they are asked for."""

import importlib.util
import struct
import sys
import types

import pytest
from tiny_runs import read_log

from experiments import run as command
from experiments._errors import UserError
from experiments._groups import FREE_PREFIXES
from experiments._settings import CANNOT_CHANGE_NUMBERS
from experiments._trackers import (
    PACKAGES,
    TensorBoard,
    WeightsAndBiases,
    closing_trackers,
    flat_scalars,
    make_trackers,
)
from experiments._workdir import FREE_PREFIXES as FREE_TO_CHANGE
from experiments.configs import vsc_mlp
from vsc_jax.training import GroupRun


def tiny_config(**log):
    config = vsc_mlp.get_config("digits,quick")
    config.model.hidden = (8,)
    config.model.latent_dim = 3
    config.evaluation.figures = False
    config.log.update(log)
    return config


def read_events(folder):
    """Step -> name -> number, of all event files; and the purges that they ask for."""
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    numbers, purged = {}, []
    for file in sorted(folder.glob("events.out.tfevents.*")):
        data = file.read_bytes()
        while data:
            (length,) = struct.unpack_from("<Q", data)
            event = Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]
            if event.session_log.status == SessionLog.START:
                purged.append(event.step)
            for value in event.summary.value:
                numbers.setdefault(event.step, {})[value.tag] = value.simple_value
    return numbers, purged


class FakeWandb(types.ModuleType):
    """Stands for the package, which writes 20 MB of programs to disk."""

    def __init__(self):
        super().__init__("wandb")
        self.__spec__ = importlib.util.spec_from_loader("wandb", loader=None)
        self.begun, self.logged, self.metrics, self.finished = [], [], [], 0

    def init(self, **options):
        self.begun.append(options)
        return self

    def define_metric(self, name, step_metric):
        self.metrics.append((name, step_metric))

    def log(self, scalars):
        self.logged.append(scalars)

    def finish(self):
        self.finished += 1


@pytest.fixture
def wandb(monkeypatch):
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    for name in ("WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    return fake


def test_nothing_is_written_unless_it_is_asked_for(tmp_path):
    assert not any(tiny_config().log.values())
    assert make_trackers(tiny_config(), tmp_path) == ()
    older = tiny_config()
    del older.log
    assert make_trackers(older, tmp_path) == ()


def test_a_run_writes_the_numbers_of_its_log(tmp_path, wandb):
    config = tiny_config(tensorboard=True, wandb=True)
    command.run(config, tmp_path, show_progress=False)
    lines = read_log(tmp_path)
    assert len(lines) == 2
    events, purged = read_events(tmp_path / "tensorboard")
    assert list(events) == [line["step"] for line in lines]
    for line in lines:
        expected = flat_scalars(line)
        step = expected.pop("step")
        assert events[step] == pytest.approx(expected, rel=1e-6)
    assert wandb.logged == [flat_scalars(line) for line in lines]
    assert wandb.finished == 1
    (begun,) = wandb.begun
    assert begun["mode"] == "offline"
    assert begun["config"] == config.to_dict()
    assert purged == [lines[0]["step"]]


def test_a_run_that_goes_on_stays_one_run(tmp_path, wandb):
    config = tiny_config(tensorboard=True, wandb=True)
    command.run(config, tmp_path, show_progress=False)
    config.train.num_steps *= 2
    command.run(config, tmp_path, show_progress=False)
    first, second = wandb.begun
    assert first["id"] == second["id"]
    assert second["resume"] == "allow"
    assert wandb.metrics == [("*", "step")] * 2
    steps = [line["step"] for line in read_log(tmp_path)]
    events, purged = read_events(tmp_path / "tensorboard")
    assert sorted(events) == steps
    # What an earlier process wrote of these steps is hidden.
    assert purged == [steps[0], steps[2]]


def test_the_environment_chooses_mode_and_project(tmp_path, wandb, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    tracker = WeightsAndBiases(tmp_path, {})
    tracker(1, {"loss": 2.0})
    (begun,) = wandb.begun
    assert (begun["mode"], begun["project"]) == ("disabled", "mine")


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_package_is_one_line_before_training(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGES[name], None)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda package, *rest: None if package == PACKAGES[name] else find(package),
    )
    with pytest.raises(UserError, match=rf"log.{name} needs .*\.\[{name}\]"):
        command.run(tiny_config(**{name: True}), tmp_path, show_progress=False)
    assert not (tmp_path / "metrics.jsonl").exists()


def test_trackers_are_closed_after_an_error(tmp_path, wandb):
    trackers = make_trackers(tiny_config(wandb=True), tmp_path)
    run = GroupRun(None, None, tmp_path, {}, callbacks=(*trackers, print))
    with pytest.raises(KeyError), closing_trackers([run]):
        trackers[0](1, {"loss": 0.5})
        raise KeyError("loss")
    assert wandb.finished == 1


def test_one_that_was_never_called_writes_nothing(tmp_path, wandb):
    for tracker in (TensorBoard(tmp_path / "a"), WeightsAndBiases(tmp_path, {})):
        tracker.close()
    assert not list(tmp_path.iterdir())
    assert not wandb.begun


def test_vectors_become_numbers():
    line = {"step": 3, "kl": [0.5, [1, 2]]}
    assert flat_scalars(line) == {"step": 3, "kl/0": 0.5, "kl/1/0": 1, "kl/1/1": 2}


@pytest.mark.parametrize("free", [FREE_PREFIXES, CANNOT_CHANGE_NUMBERS, FREE_TO_CHANGE])
def test_they_change_nothing_of_a_run(free):
    assert "log." in free
