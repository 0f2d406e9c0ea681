"""Runs of a sweep in one program are what they are alone."""

import json

import jax
import numpy as np
import pytest

from experiments import _groups, _table
from experiments import run as command
from experiments._groups import run_points, use_cores
from experiments._points import points_of
from experiments.configs import vsc_mlp
from vsc_jax import load_run, training
from vsc_jax.training import NonFiniteLossError, RunLock, WorkdirInUseError


@pytest.fixture
def config():
    config = vsc_mlp.get_config("digits,quick")
    config.evaluation.figures = False
    config.train.batch_size = 16
    # With it, gradients that are no more than rounding move nothing.
    config.optimizer.eps = 1e-3
    return config.lock()


@pytest.fixture
def groups(monkeypatch):
    """The names of the runs of each group that was trained."""
    found = []

    def train_group(model, runs, **options):
        found.append([run.workdir.name for run in runs])
        return training.train_group(model, runs, show_progress=False, **options)

    monkeypatch.setattr(_groups, "train_group", train_group)
    return found


def outcomes(points, **options):
    return {point.name: outcome for point, outcome in run_points(points, **options)}


def test_folders_are_those_of_runs_alone(config, tmp_path, groups, capsys):
    values = {"seed": (0, 3), "weights.beta": (1.0, 4.0)}
    points = points_of(config, values, tmp_path)
    found = outcomes(points)
    assert groups == [[point.name for point in points]]
    out = capsys.readouterr().out
    assert out.startswith(f"4 runs at once, in {tmp_path}:\n  seed=0,beta=1.0\n")
    assert (
        f"seed=3,beta=4.0: loss {found['seed=3,beta=4.0']['scores']['loss']:.4g}" in out
    )
    for point in points:
        alone = tmp_path / "alone" / point.name
        expected = command.run(
            point.config, alone, source="vsc_mlp", show_progress=False
        )
        files = {path.name for path in point.folder.iterdir()}
        assert files == {path.name for path in alone.iterdir()}
        assert (point.folder / "config.json").read_text() == (
            alone / "config.json"
        ).read_text()
        results = json.loads((point.folder / "results.json").read_text())
        assert results == json.loads(json.dumps(found[point.name]))
        assert results["run"].pop("runs_at_once") == 4
        assert results["run"].keys() == expected["run"].keys()
        row = _table.row_of({}, results)
        for name, value in _table.row_of({}, expected).items():
            assert row[name] == pytest.approx(value, rel=1e-2, abs=1e-2), name
        run, single = load_run(point.folder), load_run(alone)
        assert run.step == single.step
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4),
            run.params,
            single.params,
        )


def test_runs_of_other_shapes_are_other_groups(config, tmp_path, groups):
    values = {"model.latent_dim": (2, 3), "optimizer.learning_rate": (1e-3, 1e-2)}
    found = outcomes(points_of(config, values, tmp_path))
    assert groups == [
        [f"latent_dim={dim},learning_rate={rate}" for rate in (0.001, 0.01)]
        for dim in (2, 3)
    ]
    assert len(found) == 4
    # At most so many at once.
    groups.clear()
    points = points_of(config, {"seed": range(5)}, tmp_path / "more")
    outcomes(points, group_size=2)
    assert groups == [["seed=0", "seed=1"], ["seed=2", "seed=3"], ["seed=4"]]


def test_a_group_that_is_too_large_is_halved(config, tmp_path, monkeypatch, capsys):
    sizes = []

    def train_group(model, runs, **options):
        sizes.append(len(runs))
        if len(runs) > 2:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return training.train_group(model, runs, show_progress=False, **options)

    monkeypatch.setattr(_groups, "train_group", train_group)
    found = outcomes(points_of(config, {"seed": range(5)}, tmp_path))
    assert sizes == [5, 2, 3, 1, 2]
    assert "5 runs do not fit; 2 at once" in capsys.readouterr().out
    assert all(outcome["scores"]["loss"] > 0 for outcome in found.values())


def test_a_run_that_does_not_fit_alone_is_an_error_of_its_own(
    config, tmp_path, monkeypatch
):
    def train_group(model, runs, **options):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(_groups, "train_group", train_group)
    found = outcomes(points_of(config, {"seed": range(2)}, tmp_path))
    assert all("RESOURCE_EXHAUSTED" in str(error) for error in found.values())


def test_a_run_that_fails_ends_alone(config, tmp_path):
    points = points_of(config, {"optimizer.learning_rate": (1e-3, 1e30)}, tmp_path)
    good, bad = outcomes(points).values()
    assert good["scores"]["loss"] > 0
    assert isinstance(bad, NonFiniteLossError)
    assert not (points[1].folder / "results.json").exists()


def test_a_folder_in_use_does_not_hold_up_the_others(config, tmp_path, monkeypatch):
    points = points_of(config, {"seed": range(2)}, tmp_path)

    class Busy(RunLock):
        def __enter__(self):
            if self._workdir == points[0].folder:
                raise WorkdirInUseError("in use by process 1")
            return super().__enter__()

    monkeypatch.setattr(_groups, "RunLock", Busy)
    found = outcomes(points)
    assert isinstance(found["seed=0"], WorkdirInUseError)
    assert found["seed=1"]["scores"]["loss"] > 0


def test_when_time_is_over_runs_are_scored_as_they_are(config, tmp_path, groups):
    for workdir, seeds in ((tmp_path, range(2)), (tmp_path / "one", range(1))):
        points = points_of(config, {"seed": seeds}, workdir)
        for results in outcomes(points, time_limit=0.0).values():
            assert results["run"]["num_steps"] == 3 < config.train.num_steps
        for results in outcomes(points).values():
            assert results["run"]["num_steps"] == config.train.num_steps
    assert groups == [["seed=0", "seed=1"]] * 2 + [["seed=0"]]


@pytest.mark.parametrize(
    ("batches", "cores"),
    [((16, 16), 2), ((16, 6), 0), ((16,), 0), ((24, 24, 24, 24), 4)],
)
def test_cores_are_devices_where_they_divide_the_batches(
    config, tmp_path, monkeypatch, batches, cores
):
    points = points_of(config, {"seed": range(len(batches))}, tmp_path)
    for point, batch in zip(points, batches, strict=True):
        point.config.train.batch_size = batch
    given = []
    monkeypatch.setattr(
        _groups.os, "sched_getaffinity", lambda _: set(range(4)), raising=False
    )
    monkeypatch.setattr(_groups.jax.config, "update", lambda *args: given.append(args))
    use_cores(points)
    assert not given  # the tests set JAX_NUM_CPU_DEVICES
    monkeypatch.delenv("JAX_NUM_CPU_DEVICES")
    use_cores(points)
    assert given == ([("jax_num_cpu_devices", cores)] if cores else [])
