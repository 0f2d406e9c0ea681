"""Folders of runs, made of their small files alone, and how they are compared."""

import json

from absl.testing import flagsaver

from experiments import _flags, compare


def make_run(folder, scores=None, *, steps=10, metrics=None, **fields):
    """A run with these scores, finished; of `fields`, `__` stands for a dot.

    Without scores it has a config alone, as one that was interrupted.
    """
    folder.mkdir(parents=True)
    config = {
        "seed": 0,
        "model": {"name": "vae", "latent_dim": 10, "hidden": [8, 8]},
        "weights": {"beta": 1.0},
        "data": {"name": "sprites", "path": ""},
        "train": {"num_steps": 10, "log_every": 5},
        "evaluation": {"num_test": 64, "figures": False},
    }
    for name, value in fields.items():
        group = config
        *words, last = name.split("__")
        for word in words:
            group = group.setdefault(word, {})
        group[last] = value
    (folder / "config.json").write_text(json.dumps(config))
    if scores is not None:
        results = {"config": "vae", "scores": scores, "run": {"num_steps": steps}}
        results["metrics"] = {
            name: {"value": value, "headline": name}
            for name, value in (metrics or {}).items()
        }
        (folder / "results.json").write_text(json.dumps(results))
    return folder


def make_sweep(folder, values=None):
    """Runs over seeds and `weights.beta`, named as a sweep names them.

    `values` are the losses of each beta; the ELBO is its negative less 1.
    """
    values = values or {1.0: (3.0, 1.0, 2.0), 4.0: (8.0, 6.0, 7.0)}
    rows = []
    for beta, losses in values.items():
        for seed, loss in enumerate(losses):
            scores = {"loss": loss, "elbo": -loss - 1.0, "kl": 2.0}
            point = {"seed": seed, "weights.beta": beta}
            make_run(
                folder / f"seed={seed},beta={beta}",
                scores,
                seed=seed,
                weights__beta=beta,
            )
            rows.append(point | scores)
    table = {"fields": ["seed", "weights.beta"], "rows": rows}
    (folder / "table.json").write_text(json.dumps(table))
    return folder


def command(*words):
    """`python -m experiments.compare` with these words."""
    with flagsaver.flagsaver():
        argv = sorted(map(str, words), key=lambda word: not word.startswith("--"))
        compare.main(_flags.parse_flags(["compare.py", *argv]))


def read(folder):
    """What it wrote."""
    return json.loads((folder / "comparison.json").read_text())


def setting(content, name):
    (found,) = (s for s in content["settings"] if s["name"] == name)
    return found
