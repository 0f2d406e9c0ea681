"""Runs that differ in their seed alone are compared; others are not pooled."""

import json
import re
import shutil

import pytest
from ml_collections import ConfigDict

from experiments import _config, _udr
from experiments._errors import UserError
from experiments._workdir import read_config
from experiments.configs import vsc_mlp
from experiments.run import run


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Two seeds at each of two values of beta, of which one has a third, longer run."""
    folder = tmp_path_factory.mktemp("sweep")
    config: ConfigDict = vsc_mlp.get_config("vae,digits,quick")
    config.model.hidden = (8,)
    config.model.latent_dim = 3
    config.evaluation.figures = False
    config.train.num_steps = 2
    for beta, seed, steps in [
        (1.0, 0, 2), (1.0, 1, 2), (4.0, 0, 2), (4.0, 1, 2), (4.0, 2, 3)
    ]:  # fmt: skip
        config.weights.beta, config.seed, config.train.num_steps = beta, seed, steps
        run(config, folder / f"beta={beta},seed={seed}", show_progress=False)
    return folder


def compare(folder):
    loads = []

    def dataset_of(workdir, loaded):
        loads.append(workdir)
        return _config.make_dataset(read_config(workdir, loaded.meta))

    result = _udr.compare_runs(folder, dataset_of, 20, 3)
    assert len(loads) == len(result["groups"])  # one for all of a group
    return result


def test_seeds_are_compared_and_hyperparameters_are_not_pooled(sweep, capsys):
    result = compare(sweep)
    assert json.loads((sweep / "udr.json").read_text()) == result
    first, second = sorted(result["groups"], key=lambda g: g["fields"]["weights.beta"])
    assert first["fields"] == {"weights.beta": 1.0, "train.num_steps": 2}
    assert first["runs"].keys() == {"beta=1.0,seed=0", "beta=1.0,seed=1"}
    assert second["fields"] == {"weights.beta": 4.0, "train.num_steps": 2}
    assert second["runs"].keys() == {"beta=4.0,seed=0", "beta=4.0,seed=1"}
    assert first["num_samples"] == 20
    assert first["udr"] == pytest.approx(sum(first["runs"].values()) / 2)
    assert result["left_out"] == ["beta=4.0,seed=2"]
    _udr.print_udr(result)
    printed = capsys.readouterr().out
    assert "weights.beta=4.0" in printed
    assert "differs in the seed alone: beta=4.0,seed=2" in printed


@pytest.mark.parametrize(
    ("name", "num_groups"), [("digits", 1), ("npz", 0), ("image_folder", 0)]
)
def test_the_path_of_own_images_tells_runs_apart(
    name, num_groups, sweep, tmp_path, monkeypatch
):
    for run_name in ("beta=1.0,seed=0", "beta=1.0,seed=1"):
        shutil.copytree(sweep / run_name, tmp_path / run_name)

    def read_meta(folder):
        return {"config": {"data": {"name": name, "path": f"{folder}.npz"}}}

    monkeypatch.setattr(_udr, "read_meta", read_meta)
    if num_groups:
        assert len(compare(tmp_path)["groups"]) == num_groups
    else:
        with pytest.raises(UserError, match="2, and no such two"):
            compare(tmp_path)


def test_too_few_images_are_told_with_the_flag_that_gives_more(sweep):
    def compare_on(num_test, num_samples):
        def dataset_of(workdir, loaded):
            config = read_config(workdir, loaded.meta)
            config.data.num_test = num_test
            return _config.make_dataset(config)

        return _udr.compare_runs(sweep, dataset_of, num_samples, 3)

    message = "--udr needs at least 3 images, as many as the runs have latents, got 2; "
    with pytest.raises(UserError, match=f"{message}the test split .* --num_test="):
        compare_on(2, 100)
    with pytest.raises(UserError, match=rf"{message}raise --udr_samples=2\."):
        compare_on(20, 2)


def test_runs_that_cannot_be_compared(sweep, tmp_path):
    with pytest.raises(UserError, match=r"number of runs in .*: 0, and no such two"):
        compare(tmp_path)
    for name in ("beta=1.0,seed=0", "beta=4.0,seed=0"):
        shutil.copytree(sweep / name, tmp_path / name)
    with pytest.raises(UserError, match=r"of --sweep=seed=0,1,2; .*: 2, and no"):
        compare(tmp_path)
    shutil.copytree(sweep / "beta=1.0,seed=1", tmp_path / "other")
    for content, message in (
        ("{", f"{tmp_path}/other/results.json is not readable"),
        ("{}", "has none in its results.json"),
    ):
        (tmp_path / "other" / "results.json").write_text(content)
        with pytest.raises(UserError, match=re.escape(message)):
            compare(tmp_path)
