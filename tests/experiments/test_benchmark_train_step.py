import importlib.util
import os
import re
import subprocess
import sys

import pytest

from experiments.benchmark import train_step

HAS_TORCH = importlib.util.find_spec("torch") is not None


def run(*flags):
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "1"}
    return subprocess.run(
        [sys.executable, "-m", "experiments.benchmark.train_step", *flags],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    ).stdout


@pytest.mark.slow
def test_command_prints_our_times_and_the_ratio_where_torch_is():
    output = run("--batch_size=2", "--steps=4", "--image_size=28")
    number = r"\d+\.\d"
    assert re.search(rf"batch 2: ours {number} ms per step", output)
    assert bool(re.search(rf"PyTorch {number} ms; ratio {number}", output)) == HAS_TORCH
    assert ("PyTorch is not installed" in output) != HAS_TORCH


def test_without_torch_only_our_times(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    line = train_step.compare(batch_size=8, num_steps=4, image_size=28)
    assert line.startswith("batch 8: ours ")
    assert "PyTorch" not in line


@pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed")
def test_torch_network_has_as_many_parameters():
    networks = train_step._torch_networks(64)
    sizes = [p.numel() for network in networks for p in network.parameters()]
    assert sum(sizes) == 764_245
