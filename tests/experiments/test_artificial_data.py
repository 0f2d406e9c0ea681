"""`experiments.artificial_data` on tiny runs: table, figure, going on, clear errors."""

import dataclasses
import json
import re
import shutil
from collections import Counter

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from PIL import Image

from experiments import (
    _artificial_experiment,
    _generated_images,
    _job,
    _workdir,
    artificial_data,
)
from experiments._artificial_experiment import Options, prepare_experiment
from experiments._classifier_store import Setting
from experiments._errors import UserError
from experiments._generated_images import load_sources
from experiments._stops import Stopped
from experiments.configs import n_vae
from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.training import RunLock

TRIAL = "images=40,epochs=1,tests=30/*.json"
FILES = ("errors.png", "table.csv", "table.md")
SMALL = Options(fractions=(0.0, 0.5, 1.0), stddevs=(1.4,), seeds=(0,), epochs=1)


@pytest.fixture(autouse=True)
def parsed(monkeypatch):
    flags.FLAGS.mark_as_parsed()
    monkeypatch.setattr(artificial_data, "_QUICK_TRAIN", 40)
    monkeypatch.setattr(artificial_data, "_QUICK_TEST", 30)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folder of the runs that this is about, and of some that it is not for."""
    folder = tmp_path_factory.mktemp("runs")

    def train(name, argument="", **fields):
        config = n_vae.get_config(f"digits,quick{argument}")
        config.model.hidden = (16,)
        config.train.num_steps = 3
        config.update_from_flattened_dict(fields)
        job = _job.build(config)
        _workdir.prepare_workdir(folder / name, config, job.dataset)
        _job.train(job, config, folder / name, show_progress=False)

    train("shared")
    train("conditional", ",conditional")
    train("other_split", ",conditional", seed=1)
    train("vae", ",vae")
    train("normed", ",conditional", **{"data.normalization": "unit_norm"})
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
    flags.FLAGS.mark_as_parsed()
    folder = tmp_path_factory.mktemp("finished") / "shared"
    shutil.copytree(runs / "shared", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artificial_data, "_QUICK_TRAIN", 40)
        patch.setattr(artificial_data, "_QUICK_TEST", 30)
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


def test_as_many_seeds_at_once_as_fit_into_memory(runs, monkeypatch):
    options = dataclasses.replace(SMALL, seeds=tuple(range(5)))
    experiment = prepare_experiment(runs / "shared", [], options, most_images=10)
    real, *others = experiment.settings
    done = {real: {1: {}}, **{setting: dict.fromkeys(range(5)) for setting in others}}
    monkeypatch.setattr(
        _artificial_experiment.jax, "default_backend", lambda: "another"
    )
    for free, groups in (
        (None, [[0, 2, 3, 4]]),
        (30_000_000, [[0, 2], [3, 4]]),
        (1, [[0], [2], [3], [4]]),
    ):
        monkeypatch.setattr(
            _artificial_experiment, "device_free_bytes", lambda free=free: free
        )
        assert list(experiment.waiting(done)) == [(real, group) for group in groups]


def test_labels_keep_their_histogram_and_few_images_change(runs):
    experiment = prepare_experiment(runs / "shared", [], SMALL, most_images=41)
    real, half, whole = (
        experiment.training_images(setting, 7) for setting in experiment.settings
    )
    assert len(real.labels) == 41
    assert Counter(half.labels) == Counter(real.labels) == Counter(whole.labels)
    np.testing.assert_array_equal(half.labels, real.labels)
    changed = (half.x != real.x).any(axis=(1, 2, 3))
    assert changed.sum() == round(0.5 * 41)
    assert (whole.x != real.x).any(axis=(1, 2, 3)).all()
    # Those of a larger share include those of a smaller one.
    np.testing.assert_array_equal(half.x[changed], whole.x[changed])
    other = experiment.training_images(experiment.settings[0], 8)
    assert (other.labels != real.labels).any()


def test_real_images_alone_ask_no_model(runs, monkeypatch):
    def generates(*arguments, **options):
        raise AssertionError("an image was generated")

    monkeypatch.setattr(_generated_images, "generate", generates)
    experiment = prepare_experiment(runs / "shared", [], SMALL)
    images = experiment.training_images(Setting(), 0)
    dataset = experiment.dataset
    rows = np.random.default_rng([0, 2]).permutation(dataset.train_indices)
    np.testing.assert_array_equal(images.x, dataset.decode(rows))
    np.testing.assert_array_equal(images.labels, dataset.labels[rows])
    with pytest.raises(AssertionError, match="an image was generated"):
        experiment.training_images(Setting("shared", 0.5, 1.4), 0)


def test_generated_images_have_the_class_and_the_deviation(runs):
    (source,), _ = load_sources(runs / "shared")
    labels = np.array([3, 3, 8, 0])
    codes = []

    def decode(z):
        codes.append(z)
        return np.zeros((len(z), 8, 8, 1))

    source.run.decode = decode
    for stddev, num in ((1.0, 4), (1.4, 3)):
        _generated_images.generate(source, labels, stddev=stddev, seed=0, num=num)
    dim = source.run.model.latent_dim
    np.testing.assert_allclose(1.4 * codes[0][:3, :dim], codes[1][:, :dim], rtol=1e-6)
    assert codes[0][:, :dim].std() == pytest.approx(1.0, abs=0.25)
    np.testing.assert_array_equal(codes[0][:, dim:].argmax(axis=1), labels)
    source.run.decode = lambda z: np.full((len(z), 8, 8, 1), np.nan)
    with pytest.raises(UserError, match="shared generates images that are not finite"):
        _generated_images.generate(source, labels, stddev=1.0, seed=0, num=4)


def test_names_of_sources_tell_them_apart(runs, tmp_path):
    same = shutil.copytree(runs / "conditional", tmp_path / "shared")
    sources, _ = load_sources(runs / "shared", [same])
    names = [source.name for source in sources]
    assert names == [f"{runs.name}-shared", f"{tmp_path.name}-shared"]


def test_mnist_corrupted_is_for_digits_of_mnist(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for name in ("fog", "zigzag"):
        (tmp_path / name).mkdir()
        images = rng.integers(0, 256, (20, 28, 28, 1), np.uint8)
        np.save(tmp_path / name / "test_images.npy", images)
        np.save(tmp_path / name / "test_labels.npy", np.arange(20) % 10)
    dataset = Dataset(
        "mnist_5k", images, ImageFormat((28, 28, 1)), np.arange(10), np.arange(10, 20)
    )
    tests, note = _artificial_experiment._mnist_corrupted(dataset, str(tmp_path), 10)
    assert note == "mnist_corrupted: fog, zigzag"
    assert [level.name for level in tests] == [
        "mnist_corrupted_fog",
        "mnist_corrupted_zigzag",
    ]
    for level, (x, labels) in tests.items():
        assert level.group == "mnist_corrupted"
        assert (x.shape, x.dtype) == ((10, 28, 28, 1), np.float32)
        assert 0.9 < x.max() <= 1.0
        np.testing.assert_array_equal(labels, np.arange(0, 20, 2) % 10)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing"))
    tests, note = _artificial_experiment._mnist_corrupted(dataset, None, 10)
    assert not tests
    assert note.startswith("without mnist_corrupted (--mnist_corrupted=FOLDER): ")
    assert "https://zenodo.org" in note


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


def test_labels_that_are_missing_or_others(runs, monkeypatch):
    make = _generated_images._config.make_dataset
    for changes, message in (
        ({"label_factor": None}, "the data set digits has no labels to learn"),
        ({"factor_sizes": (11,)}, r"must be the 11 labels \(label\) of digits, got 10"),
    ):
        monkeypatch.setattr(
            _generated_images._config,
            "make_dataset",
            lambda config, changes=changes: dataclasses.replace(
                make(config), **changes
            ),
        )
        with pytest.raises(UserError, match=message):
            load_sources(runs / "shared")


def test_words_and_a_folder_in_use(shared, capsys):
    with flagsaver.flagsaver(workdir=str(shared)), pytest.raises(SystemExit):
        artificial_data.main(["artificial_data", "word"])
    assert "unexpected words word" in capsys.readouterr().err
    with RunLock(shared):
        assert (shared / ".lock").exists()
