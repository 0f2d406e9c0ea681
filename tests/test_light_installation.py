"""`pip install jax scipy` is enough for one loss, one prior or one score."""

import json
import subprocess
import sys

import light_installation
import pytest

NEEDS_SCIKIT_LEARN = {
    "beta_vae_score",
    "dci",
    "downstream",
    "explicitness",
    "few_label_probe",
    "info_mec",
    "need_scikit_learn",
    "neighbour_probe",
    "one_blas_thread",
}


@pytest.mark.slow
def test_the_examples_run_without_other_packages():
    # Without isolation a package that a test has imported before would be there.
    done = subprocess.run(
        [sys.executable, "-W", "error", light_installation.__file__],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    failed = {
        name.rpartition(".")[2]: text for name, text in json.loads(done.stdout).items()
    }
    solver = failed.pop("assign_categories_on_host")
    assert "needs OR-Tools: install it with `pip install ortools`" in solver
    assert set(failed) == NEEDS_SCIKIT_LEARN
    for name, text in failed.items():
        assert "which is not installed; do `pip install scikit-learn`." in text, name
