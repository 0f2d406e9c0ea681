"""Trains, scores and shows one model: config in, run folder out.

    python -m experiments.run --config=configs/vsc.py
    python -m experiments.run --config=configs/vsc.py --config.weights.beta=4
    python -m experiments.run --config=configs/vsc.py --workdir=runs/mine

The folder gets `config.json`, `metrics.jsonl`, `checkpoints/`, `results.json`,
`figures/` and `report.html`. With a `--workdir` that holds a checkpoint the run goes on
from there, bit for bit as if it had not been interrupted.
"""

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags
from ml_collections import ConfigDict, config_flags

from experiments import _config, _flags, _workdir
from experiments._cascade import marked_steps
from experiments._flags import UserError, fail
from experiments._metrics import metric_scores
from experiments._results import best_of_run, describe, print_results, shown_scores
from vsc_jax import training
from vsc_jax.datasets import Dataset, DatasetNotFoundError
from vsc_jax.evaluation import (
    disentanglement_scores,
    encode_dataset,
    evaluate,
    score_scalars,
)
from vsc_jax.figures import (
    make_figures,
    plot_kl_over_steps,
    plot_training_curves,
    write_report,
)
from vsc_jax.models import Model

CONFIG = config_flags.DEFINE_config_file(
    "config", None, "A file of configs/ or your own; `file.py:quick` for a trial."
)
WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run; a new one under runs/ if not given."
)
COORDINATOR = flags.DEFINE_string(
    "coordinator",
    None,
    "host:port of process 0, for a run over several processes; `auto` where JAX finds "
    "them by itself (TPU pods, Slurm). Give every process the same --workdir.",
)
NUM_PROCESSES = flags.DEFINE_integer("num_processes", None, "With --coordinator.")
PROCESS_ID = flags.DEFINE_integer("process_id", None, "With --coordinator, from 0.")

# Encodings of so many latents can be drawn: they are kept for `plot_sweep --density`.
ENCODED_DIM = 2
NUM_ENCODED = 5_000

EXIT_FAILED = 1
EXIT_INTERRUPTED = 128 + 2
EXIT_TERMINATED = 128 + 15


def main(argv: Sequence[str]) -> None:
    """The command."""
    with guard(argv):
        enable_compile_cache()
        connect_processes()
        run(CONFIG.value, choose_workdir(WORKDIR.value))


@contextlib.contextmanager
def guard(argv: Sequence[str]) -> Iterator[None]:
    """Ends the process with one line where the user can help."""
    # What they say at INFO is not for our users.
    for library in ("absl", "jax", "matplotlib"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # It repeats what the checkpoints' many threads met, after it has been reported.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    if len(argv) > 1:
        fail(f"unexpected words {' '.join(argv[1:])}; every flag begins with --.")
    if CONFIG.value is None:
        fail("--config is missing; try --config=configs/vsc.py.")
    try:
        yield
    except UserError as error:
        fail(str(error))
    except (
        training.NonFiniteLossError,
        training.UncertifiedError,
        training.CheckpointError,
    ) as error:
        fail(str(error), EXIT_FAILED)
    except training.Terminated as stop:
        print(f"{stop}; run the same command with --workdir to continue.", flush=True)
        sys.exit(EXIT_TERMINATED)
    except OSError as error:
        fail(_flags.one_line(error), EXIT_FAILED)
    except KeyboardInterrupt:
        print(
            "\ninterrupted; the run goes on from its newest checkpoint with the same "
            "command and its folder as --workdir.",
            flush=True,
        )
        sys.exit(EXIT_INTERRUPTED)


def run(config: ConfigDict, workdir: Path, *, show_progress: bool = True) -> dict:
    """Trains (or goes on), evaluates, draws and writes the report.

    Args:
      config: see `configs/base.py`.
      workdir: folder of the run; created if it does not exist.
      show_progress: whether to print.

    Returns:
      What `results.json` holds.

    Raises:
      UserError: for what the user can put right, before anything is trained.
      NonFiniteLossError, CheckpointError, Terminated: as `training.train`.
    """
    dataset, fields, model, options = build(config)
    _workdir.prepare_workdir(workdir, config)
    if show_progress:
        print(f"workdir {workdir}", flush=True)
        if "prior" in fields:
            print(f"prior {describe(fields['prior'])}", flush=True)

    weights = options.weights_at(options.num_steps)
    meta = {
        "config": config.to_dict(),
        "model": fields,
        "optimizer": _config.optimizer_fields(config),
        "weights": {name: float(value) for name, value in weights.items()},
    }
    evaluation = config.evaluation
    is_main = jax.process_index() == 0

    def score(params: Any) -> dict[str, float]:
        """Disentanglement while training, of the weights at its end."""
        scores = disentanglement_scores(
            model,
            params,
            dataset,
            weights=weights,
            num_images=evaluation.score_images,
            protocols=("cascade",),
            seed=config.seed,
        )
        return score_scalars(scores)

    try:
        trained = training.train(
            model,
            dataset,
            options,
            workdir=workdir,
            meta=meta,
            score=score if evaluation.score_every else None,
            show_progress=show_progress,
        )
    except ValueError as error:  # the options do not fit the data or the devices
        raise UserError(_flags.one_line(error)) from error
    show_progress = show_progress and is_main
    began = time.perf_counter()
    params = jax.device_get(trained.state.variables)
    if show_progress:
        print("evaluating ...", flush=True)
    scores = all_scores(config, model, params, dataset, weights)
    num_steps = int(trained.state.step)
    # Every process evaluates, since one that left early would end the others.
    if not is_main:
        return {}
    results: dict[str, Any] = {
        "config": workdir.name,
        "scores": scores,
        "run": {
            "num_steps": num_steps,
            "images_seen": num_steps * options.batch_size,
            "seed": config.seed,
            "train_seconds": trained.seconds,
            "evaluation_seconds": time.perf_counter() - began,
            "best_step": trained.best_step,
            "num_parameters": count(trained.state.params),
            **_workdir.describe_machine(),
        },
    }
    if evaluation.metrics:
        results["metrics"] = metric_scores(
            evaluation.metrics, model, params, dataset, seed=config.seed
        )
    if best := best_of_run(workdir / "metrics.jsonl"):
        results["best_of_run"] = best
    _workdir.write_json(workdir / "results.json", results)
    if model.latent_dim == ENCODED_DIM:
        save_encodings(model, params, dataset, workdir / "aggregate_posterior.npz")
    if evaluation.figures:
        if show_progress:
            print("drawing ...", flush=True)
        draw(config, model, params, dataset, weights, workdir, results)
    if show_progress:
        print_results(workdir, results)
    return results


def build(
    config: ConfigDict,
) -> tuple[Dataset, dict[str, Any], Model, training.TrainOptions]:
    """The data set, the model's fields, the model, and how to train it.

    Raises:
      UserError: for a value that does not fit, or data that is not there.
    """
    _config.check_config(config)
    try:
        dataset = _config.make_dataset(config)
        fields = _config.model_fields(config, dataset)
        return (
            dataset,
            fields,
            _config.make_model(fields, dataset),
            _config.train_options(config),
        )
    except DatasetNotFoundError as error:
        raise UserError(str(error)) from error  # its lines are a list of what to do
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise UserError(_flags.one_line(error)) from error


def all_scores(
    config: ConfigDict,
    model: Model,
    params: Any,
    dataset: Dataset,
    weights: Mapping[str, Any],
) -> dict[str, Any]:
    """What `evaluate` gives.

    With a Student-t prior also `disentanglement_of_normal_codes`, the scores after the
    transport of the codes to a normal distribution, for both are published.
    """
    evaluation = config.evaluation
    scores = evaluate(
        model,
        params,
        dataset,
        weights=weights,
        seed=config.seed,
        num_test=evaluation.num_test or None,
        iwae_samples=evaluation.iwae_samples,
        iwae_images=evaluation.iwae_images,
        num_probe_labels=evaluation.num_labels,
        aggregate_images=evaluation.aggregate_images,
        disentanglement_images=evaluation.disentanglement_images,
    )
    to_normal = getattr(getattr(model, "prior", None), "to_normal", None)
    if to_normal and evaluation.disentanglement_images:
        scores["disentanglement_of_normal_codes"] = disentanglement_scores(
            model,
            params,
            dataset,
            weights=weights,
            num_images=evaluation.disentanglement_images,
            seed=config.seed,
            transform=to_normal,
        )
    return scores


def count(params: Any) -> int:
    """Number of parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def save_encodings(model: Model, params: Any, dataset: Dataset, file: Path) -> None:
    """Writes mean and log-variance of q(z|x) of test images, if it is Gaussian."""
    rows = dataset.test_indices[:NUM_ENCODED]
    encoded = encode_dataset(model, params, dataset, rows)
    if encoded.log_var is not None and not encoded.has_spike:
        np.savez(file, mean=encoded.mean, log_var=encoded.log_var)


def draw(
    config: ConfigDict,
    model: Model,
    params: Any,
    dataset: Dataset,
    weights: Mapping[str, Any],
    workdir: Path,
    results: Mapping[str, Any],
) -> None:
    """Draws the figures of a run and writes its report."""
    evaluation = config.evaluation
    figures = make_figures(
        model,
        params,
        dataset,
        weights,
        workdir / "figures",
        seed=config.seed,
        delta=evaluation.traversal_delta,
        threshold=evaluation.traversal_threshold,
        sources=dataset.sources,
        source_names=dataset.source_names or None,
    )
    curves = plot_training_curves(
        workdir / "metrics.jsonl", workdir / "figures" / "training_curves.png"
    )
    kl_over_steps = plot_kl_over_steps(
        workdir / "metrics.jsonl",
        workdir / "figures" / "kl_over_steps.png",
        marked_steps=marked_steps(config),
    )
    paths = [*figures.paths, curves, *([kl_over_steps] if kl_over_steps else [])]
    write_report(workdir, shown_scores(results) | {"run": results["run"]}, paths)


def choose_workdir(given: str | None) -> Path:
    """The folder given, or a new one named after the config and the time."""
    if given:
        return Path(given).expanduser().absolute()
    file = config_flags.get_config_filename(flags.FLAGS["config"])
    name = Path(file.partition(":")[0]).stem
    return (
        Path("runs").absolute() / f"{name}-{datetime.now().strftime('%Y%m%d-%H%M%S')}"
    )


def connect_processes() -> None:
    """Joins the processes of one run, if --coordinator says that there are several."""
    address = COORDINATOR.value
    if address is None:
        return
    if WORKDIR.value is None:
        raise UserError("--coordinator needs --workdir, the same for every process.")
    if address == "auto":
        jax.distributed.initialize()
        return
    if NUM_PROCESSES.value is None or PROCESS_ID.value is None:
        raise UserError("--coordinator needs --num_processes and --process_id.")
    jax.distributed.initialize(address, NUM_PROCESSES.value, PROCESS_ID.value)


def enable_compile_cache() -> None:
    """Keeps compiled programs between runs, unless JAX_COMPILATION_CACHE_DIR says."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        jax.config.update("jax_compilation_cache_dir", str(cache / "vsc_jax" / "xla"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


if __name__ == "__main__":
    _flags.run(main)
