"""Runs that differ in their seed alone, compared with one another without labels."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import _config_files, _workdir
from experiments._errors import UserError
from experiments._results import read_results
from experiments._settings import identity
from vsc_jax import Run, load_run, metrics
from vsc_jax.datasets import Dataset
from vsc_jax.training import read_meta


def runs_below(workdir: Path) -> list[Path]:
    """The folders of trained runs in a folder that is of none itself, by name."""
    if (workdir / "checkpoints").exists():
        return []
    return sorted(path.parent for path in workdir.glob("*/checkpoints"))


def compare_runs(
    workdir: Path,
    dataset_of: Callable[[Path, Run], Dataset],
    num_samples: int,
    seed: int,
) -> dict[str, Any]:
    """UDR of the runs in the folders below that differ in nothing but their seed.

    Runs of other hyperparameters are not compared with one another, as in Duan et al.
    (see `vsc_jax.metrics.udr`, also for the latents that do not take part: those whose
    mean KL in a run's `results.json` is small).

    Args:
      workdir: the folder of a sweep.
      dataset_of: the data set of a run, from its folder and what was trained.
      num_samples: images that the runs encode, at most.
      seed: of the choice of images.

    Returns:
      What `udr.json` holds: `groups`, each with `fields` (what tells it from the
      others), `udr`, `runs` (name -> score), `num_samples` and `detail`; `left_out`,
      the runs that have none to be compared with; `seed`.

    Raises:
      UserError: if no two runs can be compared.
    """
    groups: dict[str, list[str]] = {}
    configs: dict[str, dict[str, Any]] = {}
    for folder in runs_below(workdir):
        config = (read_meta(folder) or {}).get("config", {})
        # All are encoded anew, in whatever way each was scored.
        config = identity(_config_files.flatten(config), "evaluation.")
        # A run without a config is like no other.
        key = json.dumps(config, sort_keys=True) if config else folder.name
        configs[key] = config
        groups.setdefault(key, []).append(folder.name)
    compared = {key: names for key, names in groups.items() if len(names) > 1}
    if not compared:
        raise UserError(
            "--udr needs a folder with two runs or more in it that differ in nothing "
            "but their seed, such as of --sweep=seed=0,1,2; number of runs in "
            f"{workdir}: {sum(map(len, groups.values()))}, and no such two."
        )
    differing = {
        name
        for config in configs.values()
        for name in config
        if len({repr(other.get(name)) for other in configs.values()}) > 1
    }
    result = {
        "groups": [
            {
                "fields": {k: v for k, v in configs[key].items() if k in differing},
                **_compare(workdir, names, dataset_of, num_samples, seed),
            }
            for key, names in compared.items()
        ],
        "left_out": [n for key in groups.keys() - compared for n in groups[key]],
        "seed": seed,
    }
    _workdir.write_json(workdir / "udr.json", result)
    return result


def _compare(
    workdir: Path,
    names: Sequence[str],
    dataset_of: Callable[[Path, Run], Dataset],
    num_samples: int,
    seed: int,
) -> dict[str, Any]:
    """UDR of runs that share their data."""
    codes, kls, dataset, x = [], [], None, np.zeros(0)
    for name in progress_bar(names):
        run = load_run(workdir / name)
        if dataset is None:
            dataset = dataset_of(workdir / name, run)
            rows = np.random.default_rng(seed).permutation(dataset.test_indices)
            x = dataset.decode(rows[:num_samples])
        if len(x) < run.model.latent_dim:
            raise UserError(
                f"--udr needs at least {run.model.latent_dim} images, as many as the "
                f"runs have latents, got {len(x)}; {_more_images(dataset, num_samples)}"
            )
        results = read_results(workdir / name / "results.json")
        if "scores" not in results:
            raise UserError(
                f"--udr needs the scores of each run, but {workdir / name} has none in "
                "its results.json; finish it with the command that started it."
            )
        codes.append(run.encode(x)[:, : run.model.latent_dim])
        kl = results["scores"].get("kl_per_latent", {}).get("total")
        kls.append(None if kl is None else kl[: run.model.latent_dim])
    known = None if any(kl is None for kl in kls) else kls
    detail = metrics.udr(codes, kl_per_latent=known)
    return {
        "udr": detail["udr"],
        "runs": dict(zip(names, detail["udr_per_model"], strict=True)),
        "num_samples": len(codes[0]),
        "detail": detail,
    }


def _more_images(dataset: Dataset, num_samples: int) -> str:
    if num_samples < len(dataset.test_indices):
        return f"raise --udr_samples={num_samples}."
    return (
        "the test split has no more, so give it more with --num_test=, or compare on "
        "other images with --dataset=."
    )


def print_udr(result: dict[str, Any]) -> None:
    """For each group a line per run, the best first, and the mean."""
    for group in sorted(result["groups"], key=lambda group: -group["udr"]):
        if group["fields"]:
            print(", ".join(f"{k}={v}" for k, v in group["fields"].items()))
        for name, score in sorted(group["runs"].items(), key=lambda item: -item[1]):
            print(f"  {name:40s} {score:8.4f}")
        print(f"  {'mean':40s} {group['udr']:8.4f}")
    if left_out := result["left_out"]:
        print(f"without a run that differs in the seed alone: {', '.join(left_out)}")


def progress_bar(names: Sequence[str]) -> Any:
    """The names, with a bar that says which one is being computed."""
    from tqdm import tqdm

    bar = tqdm(names, disable=None, leave=False)

    def steps():
        for name in bar:
            bar.set_description(name)
            yield name

    return steps()
