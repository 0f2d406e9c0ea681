"""The same seeds give the same parameters and scores as in earlier versions.

`stored_runs.json` holds what tiny runs of some methods gave: the mean and the root mean
square of every array of the state, and every number of `results.json`. After a change
that is meant to alter numbers, `python tests/experiments/test_same_numbers.py` writes
it anew.
"""

import importlib
import json
import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
import pytest

import vsc_jax
from experiments._config_files import flatten
from experiments.run import run

STORED = Path(__file__).with_name("stored_runs.json")
# Config, its argument and what is changed of it: one of each kind of method.
RUNS = {
    "vsc": ("vsc", "conv,quick", {"network": "mlp", "hidden": (16,)}),
    "vae_labels": ("vsc_mlp", "vae,digits,quick", {"hidden": (16,)}),
    "cascade_vae": ("cascade_vae", "sprites,laptop,quick", {"hidden": (16, 8)}),
    "factor_vae": ("factor_vae", "sprites,laptop,quick", {"hidden": (16, 8)}),
    "decomposition_vae": ("pinwheel", "quick", {"hidden": (16,)}),
}
# What depends on the machine and the time.
NOT_COMPARED = ("seconds", "skipped", "per_second")


def numbers_of(name, workdir):
    config_name, argument, fields = RUNS[name]
    module = importlib.import_module(f"experiments.configs.{config_name}")
    config = module.get_config(argument)
    config.model.update(fields)
    config.evaluation.figures = False
    results = run(config, workdir, show_progress=False)
    numbers = {
        f"params{jax.tree_util.keystr(path)}": summary(leaf)
        for path, leaf in jax.tree.leaves_with_path(vsc_jax.load_run(workdir).params)
    }
    wanted = {"scores": results["scores"]}
    if "metrics" in results:
        wanted["metrics"] = {k: v["value"] for k, v in results["metrics"].items()}
    for field, value in flatten(wanted).items():
        if not any(word in field for word in NOT_COMPARED) and is_number(value):
            numbers[field] = np.ravel(np.asarray(value, float)).tolist()
    return numbers


def summary(leaf):
    leaf = np.asarray(leaf, np.float64)
    return [leaf.mean(), np.sqrt(np.square(leaf).mean())]


def is_number(value):
    return np.asarray(value).dtype.kind in "fiub"


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_the_numbers_are_those_of_earlier_versions(name, tmp_path):
    stored = json.loads(STORED.read_text())[name]
    now = numbers_of(name, tmp_path)
    assert not sorted(stored.keys() - now.keys())
    for field, value in stored.items():
        np.testing.assert_allclose(
            now[field], value, rtol=2e-3, atol=2e-4, err_msg=field
        )


if __name__ == "__main__":
    stored = {}
    for run_name in RUNS:
        with tempfile.TemporaryDirectory() as folder:
            stored[run_name] = numbers_of(run_name, Path(folder))
    STORED.write_text(json.dumps(stored, indent=1) + "\n")
    sys.stdout.write(f"{STORED}\n")
