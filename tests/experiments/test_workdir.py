import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from digit_files import write_digits

from experiments import _workdir
from experiments._errors import UserError
from experiments.configs import base
from vsc_jax.datasets import Dataset, ImageFormat, load_dataset
from vsc_jax.training._checksums import write_checksums


@pytest.fixture
def config():
    return base.get_config("vsc")


def save_meta(workdir, config, step=10, **more):
    """What a checkpoint leaves for the comparison."""
    folder = workdir / "checkpoints" / str(step) / "meta"
    folder.mkdir(parents=True)
    meta = {"config": config.to_dict(), **more}
    (folder / "metadata").write_text(json.dumps(meta))
    write_checksums(folder.parent)


def images_of(fingerprint):
    """A data set that is known by this."""
    return Dataset(
        name="npz",
        images=np.zeros((4, 2, 2, 1), np.uint8),
        format=ImageFormat((2, 2, 1)),
        train_indices=np.arange(2),
        test_indices=np.arange(2, 4),
        fingerprint=fingerprint,
    )


def test_a_new_folder_gets_the_config(tmp_path, config):
    workdir = tmp_path / "runs" / "one"
    _workdir.prepare_workdir(workdir, config)
    assert [path.name for path in workdir.iterdir()] == ["config.json"]
    content = json.loads((workdir / "config.json").read_text())
    assert content["model"]["hidden"] == [400]
    assert content["weights"]["beta"] == 1.0


def test_another_config_is_refused_with_the_differing_fields(tmp_path, config):
    save_meta(tmp_path, config)
    config.weights.beta = 4.0
    config.model.hidden = (8, 8)
    with pytest.raises(UserError) as caught:
        _workdir.prepare_workdir(tmp_path, config)
    message = str(caught.value)
    assert f"workdir {tmp_path} holds a run with another config" in message
    assert (
        "model.hidden (there [400], given [8, 8]); weights.beta (there 1.0, given 4.0)"
        in message
    )
    assert "another --workdir" in message
    assert not (tmp_path / "config.json").exists()


def test_a_config_of_another_model_is_refused(tmp_path, config):
    save_meta(tmp_path, base.get_config("vae"))
    with pytest.raises(UserError, match=r"model.gate \(there absent, given relu\)"):
        _workdir.prepare_workdir(tmp_path, config)


def test_what_does_not_change_the_parameters_may_differ(tmp_path, config):
    save_meta(tmp_path, config)
    config.train.num_steps *= 2
    config.train.log_every = 7
    config.train.checkpoint_every = 9
    config.train.keep_checkpoints = 3
    config.train.num_test_images = 10
    config.evaluation.figures = False
    config.data.path = "/elsewhere"
    _workdir.prepare_workdir(tmp_path, config)
    content = json.loads((tmp_path / "config.json").read_text())
    assert content["train"]["log_every"] == 7
    config.train.batch_size = 32
    with pytest.raises(
        UserError, match=r"fields: train.batch_size \(there 64, given 32\)\."
    ):
        _workdir.prepare_workdir(tmp_path, config)


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        ({"number": 4, "images": "a", "factors": "b"}, None),
        ({"number": 4, "images": "a", "factors": "b", "more": "c"}, None),
        (
            {"number": 5, "images": "b", "factors": "b"},
            "their number (before 4, now 5), im",
        ),
        ({"number": 4, "images": "b", "factors": "b"}, "images. Training"),
        ({"number": 4, "images": "a"}, "factors. Training"),
        ({}, "their number (before 4, now unknown), images, factors. Training"),
    ],
)
def test_a_run_does_not_go_on_with_other_images(tmp_path, config, now, changed):
    before = {"number": 4, "images": "a", "factors": "b"}
    save_meta(tmp_path, config, fingerprint=before)
    if changed is None:
        _workdir.prepare_workdir(tmp_path, config, images_of(now))
        return
    with pytest.raises(UserError) as caught:
        _workdir.prepare_workdir(tmp_path, config, images_of(now))
    assert f"in {tmp_path} was trained on; changed: {changed}" in str(caught.value)
    assert not (tmp_path / "config.json").exists()


def test_runs_without_a_fingerprint_go_on(tmp_path, config):
    save_meta(tmp_path, config)
    _workdir.prepare_workdir(tmp_path, config, images_of({"number": 4}))


@pytest.mark.parametrize("name", ["multi_mnist", "mnist"])
def test_a_run_does_not_go_on_with_other_digits(tmp_path, config, name):
    def digits(folder, train=None):
        path = write_digits(tmp_path / folder, train=train)
        return load_dataset(name, path=path, num_train=4, num_test=2)

    save_meta(tmp_path, config, fingerprint=dict(digits("a").fingerprint))
    _workdir.check_workdir(tmp_path, config, digits("moved"))
    noise = np.random.default_rng(0).integers(1, 256, (40, 28, 28), dtype=np.uint8)
    with pytest.raises(UserError) as caught:
        _workdir.check_workdir(tmp_path, config, digits("noise", noise))
    message = str(caught.value)
    assert f"the images of {name} are not those that the run in {tmp_path} " in message
    assert "changed: source images. Training images might" in message


@pytest.mark.parametrize(
    "there", ["table.json", "seed=0/checkpoints/3/state", "mine/checkpoints/3"]
)
def test_a_new_run_is_not_put_among_others(tmp_path, config, there):
    workdir = tmp_path / "betas"
    path = workdir / there
    path.parent.mkdir(parents=True)
    path.write_text("") if path.suffix else path.mkdir()
    with pytest.raises(UserError) as caught:
        _workdir.prepare_workdir(workdir, config)
    message = str(caught.value)
    assert f"workdir {workdir} must be of this run alone, but it has other" in message
    assert f"({'/'.join(there.split('/')[:2])}), which compare" in message
    assert message.endswith("choose another --workdir.")
    assert "\n" not in message
    assert not (workdir / "config.json").exists()
    # One that is among them from before goes on.
    save_meta(workdir, config)
    _workdir.prepare_workdir(workdir, config)


@pytest.mark.parametrize("path", ["pictures", "/data/pictures", "~/pictures", ""])
def test_the_data_are_found_from_any_folder(tmp_path, config, path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config.data.path = path
    _workdir.prepare_workdir(tmp_path / "run", config)
    content = json.loads((tmp_path / "run" / "config.json").read_text())
    assert content["data"]["path"] == config.data.path
    expected = str(tmp_path / "pictures") if path == "pictures" else path
    assert config.data.path == expected


def test_a_run_that_never_saved_leaves_nothing_to_differ_from(tmp_path, config):
    _workdir.prepare_workdir(tmp_path, config)
    config.weights.beta = 4.0
    _workdir.prepare_workdir(tmp_path, config)
    assert json.loads((tmp_path / "config.json").read_text())["weights"]["beta"] == 4.0


@pytest.mark.parametrize("text", ['{"name": "my web app"}', "[]", "not json"])
def test_a_config_of_something_else_is_not_overwritten(tmp_path, config, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match="not of a run with this command"):
        _workdir.prepare_workdir(tmp_path, config)
    assert (tmp_path / "config.json").read_text() == text


def test_a_folder_that_cannot_be_made(tmp_path, config):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to workdir .*: Not a directory"):
        _workdir.prepare_workdir(tmp_path / "file" / "run", config)
    with pytest.raises(UserError, match=r"cannot write to workdir .*: File exists"):
        _workdir.prepare_workdir(tmp_path / "file", config)


def test_the_config_of_a_run_is_read_with_what_may_have_changed(tmp_path, config):
    save_meta(tmp_path, config)
    meta = _workdir.read_meta(tmp_path)
    assert _workdir.read_config(tmp_path, meta).to_dict() == config.to_dict()
    config.data.path = "/elsewhere"
    config.evaluation.metrics = ("mig",)
    _workdir.prepare_workdir(tmp_path, config)
    read = _workdir.read_config(tmp_path, meta)
    assert read.to_dict() == config.to_dict()
    assert read.model.hidden == (400,)
    file = tmp_path / "config.json"
    config.weights.beta = 4.0
    _workdir.write_json(file, config.to_dict())
    with pytest.raises(UserError, match="holds a run with another config"):
        _workdir.read_config(tmp_path, meta)
    for content in ("{", "[]", "{}"):
        file.write_text(content)
        with pytest.raises(UserError, match="is not the config of this run; remove it"):
            _workdir.read_config(tmp_path, meta)
    with pytest.raises(UserError, match="do not say on which data"):
        _workdir.read_config(tmp_path, {})


def test_an_older_run_goes_on_as_it_was(tmp_path):
    config = base.get_config("vae")
    older = config.copy_and_resolve_references()
    del older.model.prior.smallest_of, older.data.download
    save_meta(tmp_path, older)
    _workdir.prepare_workdir(tmp_path, config)
    _workdir.write_json(tmp_path / "config.json", older.to_dict())
    read = _workdir.read_config(tmp_path, _workdir.read_meta(tmp_path))
    assert read.to_dict() == config.to_dict()
    config.model.prior.smallest_of = 20
    with pytest.raises(UserError, match=r"smallest_of \(there 0, given 20\)"):
        _workdir.prepare_workdir(tmp_path, config)


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "results.json"
    _workdir.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        _workdir.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def test_the_machine_is_described():
    described = _workdir.describe_machine()
    assert set(described["packages"]) == {"vsc_jax", *_workdir.PACKAGES}
    assert described["num_processes"] == 1
    assert len(described["devices"]) == 2
    json.dumps(described)


def test_a_full_disk_leaves_what_was_there_and_no_other_file(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    _workdir.write_json(path, {"a": 1})

    def full(self, text):
        self.write_bytes(text.encode()[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*results.json'"):
        _workdir.write_json(path, {"a": 2})
    assert list(tmp_path.iterdir()) == [path]
    assert json.loads(path.read_text()) == {"a": 1}


def test_what_is_saved(tmp_path, config):
    said = _workdir.what_is_saved(tmp_path / "nowhere")
    assert said == "no step is saved yet; the same command begins anew."
    assert not (tmp_path / "nowhere").exists()
    save_meta(tmp_path / "a", config, step=10)
    save_meta(tmp_path / "a", config, step=20)
    for step, part in itertools.product(("10", "20"), ("state", "metrics")):
        (tmp_path / "a" / "checkpoints" / step / part).mkdir()
    (tmp_path / "b" / "checkpoints").mkdir(parents=True)
    again = "the same command with --workdir={0} goes on from there."
    assert _workdir.what_is_saved(tmp_path / "a") == (
        f"step 20 is saved in {tmp_path / 'a'}; {again.format(tmp_path / 'a')}"
    )
    assert _workdir.what_is_saved(tmp_path) == (
        f"1 of the runs in {tmp_path} are saved; {again.format(tmp_path)}"
    )
