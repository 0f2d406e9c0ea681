"""What classifiers learn from: real images, some of them replaced by generated ones."""

import dataclasses
import shutil
from collections import Counter

import numpy as np
import pytest
from n_vae_runs import train

from experiments import _artificial_experiment, _generated_images
from experiments._artificial_experiment import Options, prepare_experiment
from experiments._classifier_store import Setting
from experiments._errors import UserError
from experiments._generated_images import load_sources
from vsc_jax.datasets import Dataset, ImageFormat

SMALL = Options(fractions=(0.0, 0.5, 1.0), stddevs=(1.4,), seeds=(0,), epochs=1)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    train(folder / "shared")
    train(folder / "conditional", ",conditional")
    return folder


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
