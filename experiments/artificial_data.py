r"""Trains classifiers on images that a run generates, and tests them on real ones.

    python -m experiments.artificial_data --workdir=runs/n_vae
    python -m experiments.artificial_data --workdir=runs/n_vae \
        --baseline=runs/conditional --num_images=1000 --seeds=0..9

The run is of a model that generates images of a class, such as N-VAE. So many training
images (`--num_images`) are taken, shares of them (`--fractions`) are replaced by
generated ones with the same labels, whose latents have the standard deviations
`--stddevs`, and a small convolutional network learns the labels from them, anew for
each of `--seeds` (0..4). Its error is measured on the test images as they are, turned
by 15 to 60 degrees, with Gaussian noise of 0.1 to 0.5, and, of runs on MNIST, on those
of MNIST-C where its files are there (`--mnist_corrupted`). `--baseline` adds another
run on the same data that generates; give it once for each.

`artificial_data/` in the folder of the run gets `table.md`, `table.csv` and
`errors.png`, and a file for each classifier below `classifiers/`: the same command goes
on where it was stopped, and trains anew those of which the run or the data has changed.
`--quick` is a trial: few images, an epoch and 2 seeds.

The slides of N-VAE name the experiment (40 % and 100 % artificial data) without its
settings: the network, how it is trained, the corruptions and their levels are our own
choice.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from experiments import _flags
from experiments._artificial_experiment import (
    Experiment,
    Options,
    prepare_experiment,
)
from experiments._artificial_table import Errors, rows_of, summary, write_tables
from experiments._classifier_store import FOLDER, Setting, read_errors, write_errors
from experiments._corrupted_tests import CLEAN
from experiments._ends import one_line_ends
from experiments._environment import be_quiet_about_checkpoints, prepare
from experiments._errors import UserError
from experiments._quick import QUICK
from experiments.evaluate import DATA_PATH, STEP
from experiments.reproduce import SEEDS, parse_seeds
from experiments.run import WORKDIR, choose_workdir, refuse_processes
from vsc_jax._memory import TooLargeError
from vsc_jax.figures import plot_artificial_data
from vsc_jax.training import RunLock

BASELINE = flags.DEFINE_multi_string(
    "baseline", [], "Folder of another run on the same data; once for each."
)
NUM_IMAGES = flags.DEFINE_integer(
    "num_images", None, "Images that a classifier learns from; all if not given."
)
FRACTIONS = flags.DEFINE_list(
    "fractions", ["0", "0.4", "1"], "Shares of them that are generated."
)
STDDEVS = flags.DEFINE_list(
    "stddevs", ["1", "1.4"], "Of the latents of generated images."
)
EPOCHS = flags.DEFINE_integer(
    "epochs", None, "How often a classifier sees its images; 12 if not given."
)
MNIST_CORRUPTED = flags.DEFINE_string(
    "mnist_corrupted", None, "Folder of MNIST-C; that of tensorflow-datasets if none."
)

OUT = "artificial_data"
# Images of each split in a trial.
_QUICK_TRAIN, _QUICK_TEST = 256, 100


def main(argv: Sequence[str]) -> None:
    """The command."""
    saved = "what is finished stays, and the same command goes on."
    with one_line_ends(
        saved=lambda: saved, folder=lambda: choose_workdir(WORKDIR.value)
    ):
        _flags.refuse_words(argv)
        options = read_options()
        workdir = choose_workdir(WORKDIR.value)
        prepare()
        be_quiet_about_checkpoints()
        try:
            experiment = prepare_experiment(
                workdir,
                [choose_workdir(word) for word in BASELINE.value],
                options,
                step=STEP.value,
                data_path=DATA_PATH.value,
                most_images=_QUICK_TRAIN if QUICK.value else None,
            )
        except (UserError, TooLargeError) as error:
            # The errors of data name the flag of experiments.run.
            message = str(error).replace("--config.data.path=", "--data_path=")
            raise UserError(message) from error
        with RunLock(workdir):
            compare_classifiers(experiment, workdir / OUT)


def read_options() -> Options:
    """What the flags say.

    Raises:
      UserError: for one that is missing, of no use here or out of its range.
    """
    if not WORKDIR.value:
        raise UserError("--workdir is missing: the folder of a run.")
    if flags.FLAGS.config is not None:
        raise UserError("--config is that of the run in --workdir; leave it out.")
    refuse_processes()
    given = {
        "num_images": NUM_IMAGES.value,
        "fractions": _numbers("fractions", FRACTIONS.value),
        "stddevs": _numbers("stddevs", STDDEVS.value),
        "mnist_corrupted": MNIST_CORRUPTED.value,
    }
    if QUICK.value:
        given |= {"seeds": (0, 1), "epochs": 1, "num_test": _QUICK_TEST}
    if SEEDS.value is not None:
        given["seeds"] = tuple(parse_seeds(SEEDS.value))
    if EPOCHS.value is not None:
        given["epochs"] = EPOCHS.value
    try:
        return Options(**given)
    except ValueError as error:
        raise UserError(f"--{error}") from error


def compare_classifiers(experiment: Experiment, folder: Path) -> Errors:
    """Trains and tests the classifiers that are not stored; writes tables and figure.

    Args:
      experiment: what is compared.
      folder: where the files go.

    Returns:
      The error rates of all.
    """
    settings, seeds = experiment.settings, experiment.options.seeds
    levels, notes = list(experiment.tests), experiment.notes
    for note in notes:
        print(note)
    classifiers = folder / FOLDER / experiment.name
    errors = _stored(experiment, classifiers)
    num_done, total = sum(map(len, errors.values())), len(settings) * len(seeds)
    print(f"{total} classifiers, {num_done} of them are there already", flush=True)
    began, num_before = time.monotonic(), num_done
    for setting, group in experiment.waiting(errors):
        started = time.monotonic()
        measured = experiment.measure(setting, group)
        seconds = (time.monotonic() - started) / len(group)
        for seed, rates in zip(group, measured, strict=True):
            file = classifiers / setting.file_name(seed)
            write_errors(file, experiment.identity(setting, seed), rates, seconds)
            errors[setting][seed] = rates
            num_done += 1
            spent = (time.monotonic() - began) / (num_done - num_before)
            left = spent * (total - num_done) / 60
            print(
                f"  {num_done}/{total} {setting.name}, seed {seed}: "
                f"{100 * rates[CLEAN]:.2f} % wrong, {seconds:.1f} s, "
                f"{left:.0f} min left",
                flush=True,
            )
        write_tables(folder, _in_order(errors, seeds), levels, notes)
    errors = _in_order(errors, seeds)
    write_tables(folder, errors, levels, notes)
    print(summary(errors, levels), end="")
    plot_artificial_data(
        rows_of(errors, levels),
        folder / "errors.png",
        title=f"Classifiers that learned from real and generated images of "
        f"{experiment.dataset.name}, {len(seeds)} seeds",
    )
    for name in ("table.md", "table.csv", "errors.png"):
        print(f"  {folder / name}")
    return errors


def _stored(
    experiment: Experiment, classifiers: Path
) -> dict[Setting, dict[int, dict[str, float]]]:
    """The error rates that are there already; says if others are of something else."""
    errors: dict[Setting, dict[int, dict[str, float]]] = {}
    num_others = 0
    for setting in experiment.settings:
        errors[setting] = {}
        for seed in experiment.options.seeds:
            file = classifiers / setting.file_name(seed)
            found = read_errors(file, experiment.identity(setting, seed))
            if found is not None:
                errors[setting][seed] = found
            elif file.exists():
                num_others += 1
    if num_others:
        print(
            f"note {num_others} classifiers that are there are of another run, step, "
            "data or tests, or damaged; they are trained anew."
        )
    return errors


def _in_order(
    errors: Mapping[Setting, Mapping[int, Any]], seeds: Sequence[int]
) -> dict[Setting, dict[int, Any]]:
    """Without settings of which there is nothing, and seeds in their order."""
    return {
        setting: {seed: found[seed] for seed in seeds if seed in found}
        for setting, found in errors.items()
        if found
    }


def _numbers(flag: str, words: Sequence[str]) -> tuple[float, ...]:
    """The numbers of a list.

    Raises:
      UserError: if one is none or is there twice, or there are none.
    """
    got = f"got {','.join(words)!r}"
    try:
        numbers = tuple(float(word) for word in words)
    except ValueError as error:
        raise UserError(f"--{flag} must be numbers, such as 0.4,1, {got}.") from error
    if not numbers or len({f"{number:g}" for number in numbers}) < len(numbers):
        raise UserError(f"--{flag} must be one number or more, none twice, {got}.")
    return numbers


if __name__ == "__main__":
    _flags.run(main)
