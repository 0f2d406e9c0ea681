import re
import subprocess
import sys

import pytest

from experiments.benchmark import sweep

NUMBER = r"[\d.,]+"


def run(*flags):
    return subprocess.run(
        [sys.executable, "-m", "experiments.benchmark.sweep", *flags],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_command_prints_times_and_their_ratios():
    output = run(
        "--runs=3",
        "--num_steps=16",
        "--images=4",
        "--cases=beta_vae:laptop",
        "--evaluation=sprites,laptop,quick",
    ).stdout
    times = rf" +{NUMBER} ms per step  ratio +{NUMBER}  {NUMBER} run-steps/s"
    assert re.search(rf"one run{times}", output)
    assert re.search(rf"3 runs group{times}", output)
    assert re.search(
        rf"one run {NUMBER} s, a further one {NUMBER} s, so 3 runs {NUMBER} times",
        output,
    )


def test_a_row_that_is_not_there():
    end = run("--cases=foo")
    assert end.returncode == 2
    assert end.stderr.startswith("error: --cases must be of beta_vae:laptop, ")


def test_a_group_is_timed_in_all_forms_where_it_is_not_known_which_is_best():
    assert list(sweep.forms("cpu").values()) == [{}]
    assert len({str(form) for form in sweep.forms("gpu").values()}) == 4


def test_lines_of_a_row():
    model = sweep.VAE((4, 4, 1), latent_dim=2, network="mlp", hidden=(3,))
    lines = sweep.compare(model, 3, 16, 4, "gpu")
    assert len(lines) == 5
    assert all(re.search(rf"ratio +{NUMBER}", line) for line in lines)
