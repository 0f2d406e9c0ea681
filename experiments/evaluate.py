"""Scores a trained run against the ground-truth factors of its data set.

    python -m experiments.evaluate --workdir=runs/mine
    python -m experiments.evaluate --workdir=runs/mine --metrics=mig,dci --repeats=5
    python -m experiments.evaluate --workdir=runs/sweep --udr

The scores go into the run's `results.json` under `metrics`, each with its value, the
numbers of codes, the seed, the time it took and all that the function of
`vsc_jax.metrics` returned. Another run of this command replaces the scores that it
computes and leaves the others. With `--repeats` the codes are drawn again for each, and
the value is a mean with its standard error.

`--dataset` scores on other images than the run's own. They are held in memory, so take
a part of a large data set: `--num_train=20000 --num_test=2000`.

`--udr` compares the runs in the folders of a sweep with one another, without labels:
its score per run goes into `udr.json` there.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags
from ml_collections import ConfigDict

from experiments import _config, _flags, _workdir
from experiments._flags import UserError, fail
from experiments._results import failures
from experiments.run import EXIT_FAILED, WORKDIR, enable_compile_cache, end_with
from vsc_jax import Run, load_run, metrics
from vsc_jax.datasets import Dataset, load_dataset
from vsc_jax.evaluation import SCORES, Context, metric_scores
from vsc_jax.training import CheckpointError

METRICS = flags.DEFINE_list("metrics", [], "Names of scores; all without it.")
DATASET = flags.DEFINE_string(
    "dataset", None, "Score on this data set in place of the run's own."
)
DATA_PATH = flags.DEFINE_string("data_path", None, "Where the files of the data are.")
NUM_TRAIN = flags.DEFINE_integer("num_train", None, "Only so many train images.", 1)
NUM_TEST = flags.DEFINE_integer("num_test", None, "Only so many test images.", 1)
STEP = flags.DEFINE_string("step", "newest", '"newest", "best", or a kept step.')
UDR = flags.DEFINE_bool("udr", False, "Compare the runs below --workdir.")
UDR_SAMPLES = flags.DEFINE_integer("udr_samples", 1_000, "Images they encode.", 10)
SAMPLES = flags.DEFINE_integer("num_samples", 10_000, "Codes that are scored.", 10)
TEST_SAMPLES = flags.DEFINE_integer("num_test_samples", 5_000, "Codes to test on.", 10)
REPEATS = flags.DEFINE_integer("repeats", 1, "Draws of codes.", 1)
SEED = flags.DEFINE_integer("seed", 0, "Of the draws of codes and of the scores.", 0)


def main(argv: Sequence[str]) -> None:
    """The command."""
    # What reading a checkpoint makes them say is not for our users.
    for library in ("absl", "jax"):
        logging.getLogger(library).setLevel(logging.ERROR)
    try:
        if len(argv) > 1:
            raise UserError(
                f"unexpected words {' '.join(argv[1:])}; every flag begins with --."
            )
        if not WORKDIR.value:
            raise UserError("--workdir is missing: the folder of a run.")
        enable_compile_cache()
        workdir = Path(WORKDIR.value).expanduser().absolute()
        if UDR.value:
            print_udr(compare_runs(workdir))
        else:
            scores = score_run(workdir, METRICS.value)
            print_scores(scores)
            end_with(failures({"metrics": scores}))
    except (UserError, ValueError, ImportError, FileNotFoundError) as error:
        # The library's errors name the flag of experiments.run.
        fail(_flags.one_line(error).replace("--config.data.path=", "--data_path="))
    except (CheckpointError, OSError) as error:
        fail(_flags.one_line(error), EXIT_FAILED)


def score_run(workdir: Path, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Computes scores of a run and adds them to its `results.json`.

    Raises:
      UserError: if a name is not known, or the data have no factors.
      FileNotFoundError, CheckpointError: as `load_run`.
    """
    names = list(names) or list(SCORES)
    if unknown := [name for name in names if name not in SCORES]:
        raise UserError(
            f"--metrics must be of {', '.join(SCORES)}, got {', '.join(unknown)}."
        )
    step: int | str = STEP.value
    run = load_run(workdir, step=int(step) if step.isdecimal() else step)
    file = workdir / "results.json"
    read_results(file)  # if it cannot be read, say so before the work
    dataset = choose_dataset(run)
    if dataset.factors is None:
        raise UserError(
            f"the data set {dataset.name} has no ground-truth factors to score "
            "against; choose another one with --dataset."
        )
    scores = metric_scores(
        Context(run.model, run.params, dataset, run.weights, seed=SEED.value),
        names,
        num_samples=SAMPLES.value,
        num_test_samples=TEST_SAMPLES.value,
        repeats=REPEATS.value,
        progress=progress_bar,
    )
    for score in scores.values():
        score["protocol"]["step"] = run.step
    results = read_results(file)
    results["metrics"] = {**results.get("metrics", {}), **scores}
    _workdir.write_json(file, results)
    return scores


def compare_runs(workdir: Path) -> dict[str, Any]:
    """UDR of the runs in the folders below, which must share their images.

    Latents whose mean KL in a run's `results.json` is small do not take part, see
    `vsc_jax.metrics.udr`.

    Raises:
      UserError: if there are fewer than two runs, or their images differ in shape.
    """
    names = sorted(
        folder.name for folder in workdir.glob("*") if (folder / "checkpoints").is_dir()
    )
    if len(names) < 2:
        raise UserError(
            f"--udr needs a folder with two runs or more in it; {workdir} has "
            f"{len(names)}."
        )
    codes, kls, dataset = [], [], None
    for name in progress_bar(names):
        run = load_run(workdir / name)
        dataset = dataset or choose_dataset(run)
        if run.model.image_shape != dataset.image_shape:
            raise UserError(
                f"--udr needs runs on the same images, {dataset.image_shape}; {name} "
                f"has {run.model.image_shape}."
            )
        rows = np.random.default_rng(SEED.value).permutation(dataset.test_indices)
        x = dataset.decode(rows[: UDR_SAMPLES.value])
        codes.append(run.encode(x)[:, : run.model.latent_dim])
        results = read_results(workdir / name / "results.json")
        if "scores" not in results:
            raise UserError(
                f"--udr needs the scores of each run, but {workdir / name} has none in "
                "its results.json; finish it with the command that started it."
            )
        kl = results["scores"].get("kl_per_latent", {}).get("total")
        kls.append(None if kl is None else kl[: run.model.latent_dim])
    known = None if any(kl is None for kl in kls) else kls
    detail = metrics.udr(codes, kl_per_latent=known)
    result = {
        "udr": detail["udr"],
        "runs": dict(zip(names, detail["udr_per_model"], strict=True)),
        "num_samples": len(codes[0]),
        "seed": SEED.value,
        "detail": detail,
    }
    _workdir.write_json(workdir / "udr.json", result)
    return result


def print_udr(result: dict[str, Any]) -> None:
    """A line per run, the best first, and the mean."""
    for name, score in sorted(result["runs"].items(), key=lambda item: -item[1]):
        print(f"  {name:40s} {score:8.4f}")
    print(f"  {'mean':40s} {result['udr']:8.4f}")


def choose_dataset(run: Run) -> Dataset:
    """The run's own data set, or the one that is asked for, as images of the run.

    Raises:
      UserError: if the run does not say which, or the images cannot be like its own.
      DatasetNotFoundError: if the files are not there.
    """
    config = run.meta.get("config")
    given = {
        "path": DATA_PATH.value,
        "num_train": NUM_TRAIN.value,
        "num_test": NUM_TEST.value,
    }
    if DATASET.value:
        shape = run.model.image_shape
        try:
            return load_dataset(
                DATASET.value,
                image_size=shape[0],
                channels=shape[2],
                normalization=config["data"]["normalization"] if config else "none",
                **given,
            )
        except ValueError as error:
            raise UserError(
                f"--dataset={DATASET.value} for a run on images of {shape}: {error}"
            ) from error
    if config is None:
        raise UserError("the run does not say on which data; give --dataset=.")
    config = ConfigDict(config)
    for name, value in given.items():
        if value is not None:
            config.data[name] = value
    return _config.make_dataset(config)


def read_results(file: Path) -> dict[str, Any]:
    """What `results.json` holds; nothing if there is none.

    Raises:
      UserError: if it is not JSON.
    """
    if not file.exists():
        return {}
    try:
        return dict(json.loads(file.read_text()))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{file} is not readable: {error}; remove it, or finish the run anew."
        ) from error


def progress_bar(names: Sequence[str]) -> Any:
    """The names, with a bar that says which one is being computed."""
    from tqdm import tqdm

    bar = tqdm(names, disable=None, leave=False)

    def steps():
        for name in bar:
            bar.set_description(name)
            yield name

    return steps()


def print_scores(scores: dict[str, dict[str, Any]]) -> None:
    """A line per score."""
    for name, score in scores.items():
        if "value" not in score:
            kind = "failed" if "failed" in score else "skipped"
            print(f"  {name:24s} {kind}: {score[kind]}")
            continue
        error = score.get("standard_error")
        shown = f"{score['value']:8.4f}" + (f" +- {error:.4f}" if error else "")
        print(f"  {name:24s} {shown:20s} {score['headline']}, {score['seconds']:.1f} s")


if __name__ == "__main__":
    _flags.run(main)
