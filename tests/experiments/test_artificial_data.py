"""`experiments.artificial_data` on tiny runs: table, figure, going on, clear errors."""

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from absl.testing import flagsaver
from n_vae_runs import train
from PIL import Image

from experiments import _artificial_experiment, artificial_data
from experiments._classifier_store import Setting
from experiments._stops import Stopped
from vsc_jax.training import RunLock

TRIAL = "images=40,epochs=1,tests=30/*.json"
FILES = ("errors.png", "table.csv", "table.md")


@pytest.fixture(autouse=True, scope="module")
def _few_images(parsed_flags):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artificial_data, "_QUICK_TRAIN", 40)
        patch.setattr(artificial_data, "_QUICK_TEST", 30)
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folder of the runs that this is about, and of some that it is not for."""
    folder = tmp_path_factory.mktemp("runs")
    train(folder / "shared")
    train(folder / "conditional", ",conditional")
    train(folder / "other_split", ",conditional", seed=1)
    train(folder / "vae", ",vae")
    train(folder / "normed", ",conditional", **{"data.normalization": "unit_norm"})
    return folder


@pytest.fixture
def shared(runs, tmp_path):
    """A copy, into which the command may write."""
    return shutil.copytree(runs / "shared", tmp_path / "shared")


def command(workdir, **given):
    """The command, with these flags."""
    words = {"quick": True, **given}
    with flagsaver.flagsaver(workdir=str(workdir), **words):
        artificial_data.main(["artificial_data"])


def stored(workdir):
    """Name of the file of each classifier -> its error rates."""
    folder = workdir / "artificial_data" / "classifiers"
    return {f.name: json.loads(f.read_text())["errors"] for f in folder.glob(TRIAL)}


def files(workdir):
    return {name: (workdir / "artificial_data" / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def finished(runs, tmp_path_factory):
    """The folder of a run after the whole command."""
    folder = tmp_path_factory.mktemp("finished") / "shared"
    shutil.copytree(runs / "shared", folder)
    command(folder, baseline=[str(runs / "conditional")])
    return folder


@pytest.fixture
def counted(monkeypatch):
    """Settings and seeds of the classifiers that are trained."""
    trained = []
    measure = _artificial_experiment.Experiment.measure

    def record(self, setting, seeds):
        trained.extend((setting, seed) for seed in seeds)
        return measure(self, setting, seeds)

    monkeypatch.setattr(_artificial_experiment.Experiment, "measure", record)
    return trained


def test_tables_and_figure(finished):
    # Two sources with two shares and two standard deviations, and real images alone.
    errors = stored(finished)
    assert len(errors) == 2 * (1 + 2 * 2 * 2)
    assert "real,seed=1.json" in errors
    assert "conditional,fraction=0.4,stddev=1.4,seed=0.json" in errors
    for rates in errors.values():
        assert set(rates) == {
            "clean",
            *(f"rotation_{angle}" for angle in (15, 30, 45, 60)),
            *(f"noise_{stddev}" for stddev in (0.1, 0.2, 0.3, 0.4, 0.5)),
        }
        assert all(0.0 <= rate <= 1.0 for rate in rates.values())
        assert any(rates.values())
    table = (finished / "artificial_data" / "table.md").read_text()
    (line,) = [s for s in table.splitlines() if s.startswith("| real images alone | 2")]
    clean = [100 * errors[f"real,seed={seed}.json"]["clean"] for seed in (0, 1)]
    error = abs(clean[0] - clean[1]) / 2
    assert f"| {np.mean(clean):.2f} ± {error:.2f} |" in line
    assert "- 40 training images of digits for each classifier, 1 epochs" in table
    assert "- shared: NVAE at step 3, 2 latents for each class" in table
    assert "- conditional: NVAE at step 3, no latents of a class" in table
    assert "without mnist_corrupted, which is for runs on mnist" in table
    rows = (finished / "artificial_data" / "table.csv").read_text().splitlines()
    # Clean; four angles, five noises, and the mean of either.
    assert len(rows) == 1 + 9 * (1 + 5 + 6)
    angles = [
        np.mean([errors[f"real,seed={seed}.json"][f"rotation_{a}"] for seed in (0, 1)])
        for a in (15, 30, 45, 60)
    ]
    (row,) = [r.split(",") for r in rows if r.startswith("real,0.0,,rotation,mean,2,")]
    assert float(row[6]) == pytest.approx(np.mean(angles))
    pixels = np.asarray(Image.open(finished / "artificial_data" / "errors.png"))
    assert (pixels[..., 0] < 128).mean() > 0.005


def test_what_is_there_is_not_trained_again(finished, runs, counted, capsys):
    before = files(finished)
    command(finished, baseline=[str(runs / "conditional")])
    assert not counted
    assert files(finished) == before
    assert "18 classifiers, 18 of them are there already" in capsys.readouterr().out


def test_it_goes_on_after_it_was_stopped(
    finished, runs, shared, counted, monkeypatch, capsys
):
    measure = _artificial_experiment.Experiment.measure

    def stop_at_the_third(self, setting, seeds):
        if len(counted) == 3:
            raise Stopped(15)
        return measure(self, setting, seeds)

    with monkeypatch.context() as patch:
        patch.setattr(_artificial_experiment.Experiment, "measure", stop_at_the_third)
        with pytest.raises(SystemExit) as end:
            command(shared, baseline=[str(runs / "conditional")])
    assert end.value.code == 143
    assert "what is finished stays, and the same" in capsys.readouterr().out
    # A table of what there is, all of it of the first seed.
    assert len(stored(shared)) == 3
    table = (shared / "artificial_data" / "table.md").read_text()
    assert table.count("st. dev.") == 2 * 3
    first = list(counted)
    assert [seed for _, seed in first] == [0, 0, 0]
    command(shared, baseline=[str(runs / "conditional")])
    assert len(counted) == 18
    assert len(set(counted)) == 18
    # Every number follows from the seeds.
    assert stored(shared) == stored(finished)
    assert files(shared)["table.md"] == files(finished)["table.md"]
    assert files(shared)["table.csv"] == files(finished)["table.csv"]


def test_what_is_of_something_else_is_trained_anew(finished, tmp_path, counted, capsys):
    copy = shutil.copytree(finished, tmp_path / "shared")
    folder = copy / "artificial_data" / "classifiers" / TRIAL.partition("/")[0]
    right = stored(copy)
    # Of another step, and cut off.
    other = folder / "shared,fraction=1,stddev=1,seed=0.json"
    content = json.loads(other.read_text())
    content["of"]["source"]["step"] += 1
    other.write_text(json.dumps({**content, "errors": {}}))
    (folder / "real,seed=1.json").write_text('{"of": ')
    command(copy)
    assert set(counted) == {(Setting("shared", 1.0, 1.0), 0), (Setting(), 1)}
    assert "note 2 classifiers that are there are of another run" in (
        capsys.readouterr().out
    )
    assert stored(copy) == right
    counted.clear()
    command(copy, epochs=2, seeds="0", fractions=["0", "1"], stddevs=["1"])
    assert counted == [(Setting(), 0), (Setting("shared", 1.0, 1.0), 0)]
    # What the other options gave stays.
    assert stored(copy) == right


def test_seeds_are_trained_together_where_that_is_faster(
    finished, shared, counted, monkeypatch
):
    """On a GPU; a CPU can do it as well."""
    monkeypatch.setattr(
        _artificial_experiment.jax, "default_backend", lambda: "another"
    )
    given = {"fractions": ["0", "1"], "stddevs": ["1"]}
    command(shared, **given)
    settings = [Setting(), Setting("shared", 1.0, 1.0)]
    assert counted == [(s, seed) for s in settings for seed in (0, 1)]
    alone = stored(finished)
    for name, rates in stored(shared).items():
        # Roundings may turn the answer to an image or two, out of 30.
        assert rates == pytest.approx(alone[name], abs=0.07)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"workdir": None}, "--workdir is missing: the folder of a run."),
        ({"workdir": "{}/nothing"}, "--workdir={}/nothing: .*no readable checkpoint"),
        ({"workdir": "{}/vae"}, "--workdir={}/vae must be a run of a model that gener"),
        ({"baseline": ["{}/vae"]}, "--baseline={}/vae must be a run of .*got a VAE"),
        ({"baseline": ["{}/shared"]}, "--baseline={}/shared is given already"),
        (
            {"baseline": ["{}/other_split"]},
            "--baseline={}/other_split was trained on other images than {}/shared, or ",
        ),
        ({"workdir": "{}/normed"}, "normed was trained with data.normalization=unit_"),
        ({"step": "77"}, "--workdir={}/shared: step must be"),
        ({"config": "any"}, "--config is that of the run in --workdir; leave it out"),
        ({"num_processes": 2}, "--num_processes: only experiments.run trains in"),
        ({"num_images": 0}, "--num_images must be a whole number of at least 1, got 0"),
        (
            {"num_images": 257},
            "--num_images must be at most 256, the training images of digits, got 257",
        ),
        ({"fractions": ["0", "1.2"]}, "--fractions must be at least 0 and at most 1"),
        ({"fractions": ["-0.1"]}, "--fractions must be at least 0 .*got -0.1"),
        ({"fractions": ["nan"]}, "--fractions must be at least 0 .*got nan"),
        ({"fractions": ["half"]}, "--fractions must be numbers, such as .*got 'half'"),
        ({"fractions": []}, "--fractions must be one number or more, none twice"),
        ({"fractions": ["1", "1.0"]}, "--fractions must be one number .*got '1,1.0'"),
        ({"stddevs": ["0"]}, "--stddevs must be above 0, got 0"),
        ({"stddevs": ["1", "-1"]}, "--stddevs must be above 0, got -1"),
        ({"stddevs": ["inf"]}, "--stddevs must be above 0, got inf"),
        ({"seeds": "0..1.5"}, "--seeds must be such as 0..9 or 0,1,5, got '0..1.5'"),
        ({"seeds": "0,0"}, "--seeds has a seed twice"),
        ({"epochs": 0}, "--epochs must be a whole number of at least 1, got 0"),
        (
            {"mnist_corrupted": "x"},
            "--mnist_corrupted is for runs on mnist and mnist_5k .*got one on digits",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(
    given, message, runs, counted, capsys
):
    def in_runs(value):
        return value.replace("{}", str(runs)) if isinstance(value, str) else value

    words = {"workdir": str(runs / "shared"), "quick": True}
    for name, value in given.items():
        is_list = isinstance(value, list)
        words[name] = [in_runs(v) for v in value] if is_list else in_runs(value)
    with flagsaver.flagsaver(**words), pytest.raises(SystemExit) as end:
        artificial_data.main(["artificial_data"])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    pattern = message.replace("{}", str(runs))
    assert re.search(pattern, line), line
    assert not counted
    assert not (runs / "shared" / "artificial_data").exists()


def test_words_are_no_flags(shared, capsys):
    with flagsaver.flagsaver(workdir=str(shared)), pytest.raises(SystemExit) as end:
        artificial_data.main(["artificial_data", "word"])
    assert end.value.code == 2
    assert "unexpected words word" in capsys.readouterr().err


def test_a_run_that_is_being_trained(shared, counted, capsys):
    lock = RunLock(shared)
    with ThreadPoolExecutor(1) as other:
        other.submit(lock.__enter__).result()
        with pytest.raises(SystemExit) as end:
            command(shared)
        other.submit(lock.__exit__).result()
    assert end.value.code == 1
    assert "is in use by process" in capsys.readouterr().err
    assert not counted
