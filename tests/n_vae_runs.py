"""Runs of N-VAE and its baselines, trained for a moment."""

from pathlib import Path
from typing import Any

from experiments import _job, _workdir
from experiments.configs import n_vae


def train(folder: Path, argument: str = "", **fields: Any) -> Path:
    """Three steps of a tiny network on 256 digits, without scores.

    `argument` is further words of the config, such as ",conditional".
    """
    config = n_vae.get_config(f"digits,quick{argument}")
    config.model.hidden = (16,)
    config.train.num_steps = 3
    config.update_from_flattened_dict(fields)
    job = _job.build(config)
    _workdir.prepare_workdir(folder, config, job.dataset)
    _job.train(job, config, folder, show_progress=False)
    return folder
