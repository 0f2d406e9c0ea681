"""Runs on a few images of a user: whatever folder it is, they come to their end."""

import json

import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from experiments import evaluate
from experiments import run as command
from experiments._errors import UserError
from experiments._job import build
from experiments._results import failures
from experiments.configs import vsc
from vsc_jax import load_run

NUM = 10


def save_pictures(folder, num=NUM, start=0):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(start)
    for i in range(num):
        picture = rng.integers(0, 256, (10, 10, 3)).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{start + i}.png")


def save_images(path, **arrays):
    images = np.random.default_rng(0).integers(0, 256, (NUM, 10, 10, 3))
    np.savez(path, images=images.astype(np.uint8), **arrays)


def config_of(path, *, figures=False) -> ConfigDict:
    """That for images of any kind, quick, with a network that compiles fast."""
    config: ConfigDict = vsc.get_config("conv,quick")
    config.data.name = "npz" if path.suffix else "image_folder"
    config.data.path = str(path)
    config.data.image_size = 8
    config.model.network = "mlp"
    config.model.hidden = (8,)
    config.model.latent_dim = 3
    config.evaluation.figures = figures
    return config


def make_images(kind, path):
    """Ten images of a kind; the name of the file or folder."""
    if kind == "npz":
        save_images(path / "images.npz")
        return path / "images.npz"
    if kind == "npz of two labels":
        save_images(path / "images.npz", labels=np.arange(NUM) % 2)
        return path / "images.npz"
    if kind == "npz of one label":
        save_images(path / "images.npz", labels=np.full(NUM, 3))
        return path / "images.npz"
    folder = path / "pictures"
    if kind == "no subfolder":
        save_pictures(folder)
    elif kind == "one subfolder":
        save_pictures(folder / "cats")
    else:
        few = 1 if kind == "a class of one" else NUM // 2
        save_pictures(folder / "cats", NUM - few)
        save_pictures(folder / "dogs", few, start=NUM)
    return folder


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("no subfolder", "this data set has no labels"),
        ("one subfolder", "this data set has no labels"),
        ("npz", "this data set has no labels"),
        ("npz of one label", "this data set has no labels"),
        ("two subfolders", None),
        ("npz of two labels", None),
    ],
)
def test_ten_images_are_enough(kind, reason, tmp_path):
    config = config_of(make_images(kind, tmp_path))
    results = command.run(config, tmp_path / "run", show_progress=False)
    assert json.loads((tmp_path / "run" / "results.json").read_text()) == results
    assert failures(results) == {}
    assert results["scores"]["num_test_images"] == 2
    assert results["run"]["images_seen"] == 6 * 8  # not the 16 of the config
    assert results["metrics"]["unsupervised_scores"]["value"] >= 0.0
    if reason:
        assert results["scores"]["skipped"]["probe"] == reason
        skipped = {results["metrics"][name]["skipped"] for name in ("mig", "mcc")}
        if kind != "npz of one label":  # a factor, though of a single value
            assert skipped == {"this data set has no ground-truth factors"}
    else:
        assert 0.0 <= results["scores"]["probe"]["accuracy"] <= 1.0
        assert results["metrics"]["mig"]["value"] >= 0.0
        note = f"the only factor of {config.data.name} is the class of an image"
        assert results["metrics"]["mig"]["note"].startswith(note)


def test_figures_and_report_of_ten_pictures(tmp_path):
    config = config_of(make_images("two subfolders", tmp_path), figures=True)
    results = command.run(config, tmp_path / "run", show_progress=False)
    assert results["figures"]["failed"] == {}
    report = (tmp_path / "run" / "report.html").read_text()
    # The page moves the latents itself, in place of the animation.
    shown = set(results["figures"]["files"]) - {"explorer.json", "traversals.gif"}
    assert report.count("<img") == len(shown) >= 10
    assert 'id="explorer"' in report


def test_a_batch_that_ten_images_cannot_fill_is_noted(tmp_path):
    job = build(config_of(make_images("no subfolder", tmp_path)))
    assert job.training.batch_size == 8
    note = "train.batch_size is 8, not 16: there are 8 training images."
    assert note in job.dataset.notes


def test_labels_of_which_the_probe_sees_one_are_no_failure(tmp_path):
    config = config_of(make_images("a class of one", tmp_path))
    # Of this seed the only dog is among the test images.
    for config.seed in range(50):
        dataset = build(config).dataset
        labels = dataset.labels
        assert labels is not None
        if len(set(labels[dataset.train_indices])) == 1:
            break
    results = command.run(config, tmp_path / "run", show_progress=False)
    assert results["scores"]["failed"] == {}
    assert "probe" in results["scores"]["skipped"]


def test_too_few_images_are_refused_before_training(tmp_path):
    save_pictures(tmp_path / "pictures", 3)
    with pytest.raises(
        UserError, match=r"at least 2 images .* 4 pictures .*--config\.data\.num_test"
    ):
        command.run(config_of(tmp_path / "pictures"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("parsed_flags")
@pytest.mark.parametrize("kind", ["no subfolder", "npz"])
def test_a_run_refuses_images_that_have_changed(kind, tmp_path):
    config = config_of(make_images(kind, tmp_path))
    config.evaluation.num_test_images = 2
    folder = tmp_path / "run"
    command.run(config, folder, show_progress=False)
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    if kind == "npz":
        images = np.random.default_rng(0).integers(0, 256, (NUM + 1, 10, 10, 3))
        np.savez(config.data.path, images=images.astype(np.uint8))
    else:
        save_pictures(tmp_path / "pictures", 1, start=NUM)
    trained = load_run(folder)
    for again in (
        lambda: command.run(config, folder, show_progress=False),
        lambda: evaluate.finish_again(folder, trained, scores=True),
        lambda: evaluate.choose_dataset(folder, trained),
    ):
        with pytest.raises(
            UserError, match=r"changed: their number \(before 10, now 11\)"
        ):
            again()
    assert kept == {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
