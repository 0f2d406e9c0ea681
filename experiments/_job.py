"""What a config stands for: the data, the model, and how to train and score it."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import jax
from ml_collections import ConfigDict

from experiments import _config, _errors
from experiments._errors import UserError
from experiments._fields import named_fields
from experiments._memory import check_memory, check_parameters
from experiments._trackers import closing_trackers, make_trackers
from vsc_jax import training
from vsc_jax.datasets import Dataset
from vsc_jax.evaluation import (
    Context,
    EvaluationOptions,
    check_evaluation,
    evaluate,
    score_scalars,
)
from vsc_jax.models import Model

# Data sets of a user, which may be small; their path says which they are.
OWN_IMAGES = ("image_folder", "npz")
# What is logged while training.
LOGGED_SCORES = ("factor_vae_score", "unsupervised_accuracy")


class Job(NamedTuple):
    """What a config stands for.

    Attributes:
      dataset: the images.
      fields: keyword arguments of `create_model`.
      model: the model.
      training: how to train it.
      evaluation: how to score it.
    """

    dataset: Dataset
    fields: dict[str, Any]
    model: Model
    training: training.TrainOptions
    evaluation: EvaluationOptions


def build(
    config: ConfigDict, dataset: Dataset | None = None, *, show_progress: bool = False
) -> Job:
    """What a config stands for, checked.

    Args:
      config: see `configs/base.py`.
      dataset: that of the config, if it is there already.
      show_progress: whether to say that the data are being loaded.

    Raises:
      UserError: for a value that does not fit, or data that is not there.
    """
    _config.check_config(config)
    check_parameters(_config.fields_without_data(config), _config.train_options(config))
    if dataset is None:
        if show_progress and jax.process_index() == 0:
            print(f"loading {config.data.name} ...", flush=True)
        dataset = _config.make_dataset(config)
    _check_own_split(dataset)
    options, notes = _fit_batch(_config.train_options(config), dataset)
    dataset = dataclasses.replace(dataset, notes=(*dataset.notes, *notes))
    fields = _config.model_fields(config, dataset)
    job = Job(
        dataset,
        fields,
        _config.make_model(fields, dataset),
        options,
        _config.evaluation_options(config),
    )
    with named_fields("evaluation", config.evaluation):
        check_evaluation(job.model, dataset, job.evaluation)
    with named_fields("train", config.train):
        training.prepare_training(job.model, dataset, job.training)
    check_memory(job.model, dataset, job.training, job.evaluation)
    return job


def _check_own_split(dataset: Dataset) -> None:
    """Raises UserError for own images of which fewer than two are for testing."""
    num = len(dataset.test_indices)
    if dataset.name in OWN_IMAGES and num < 2:
        raise UserError(
            f"the test split must have at least 2 images to be scored, {dataset.name} "
            f"gives {num}; give it 4 pictures or more (2 in a folder of the test "
            "split), and no --config.data.num_test below 2."
        )


def _fit_batch(
    options: training.TrainOptions, dataset: Dataset
) -> tuple[training.TrainOptions, tuple[str, ...]]:
    """Options whose batch a user's own images can fill, and a note where they changed.

    A folder of ten pictures is enough to try a config; of other data, a batch that is
    too large is an error.
    """
    num = len(dataset.train_indices)
    largest = num // jax.device_count() * jax.device_count()
    if dataset.name not in OWN_IMAGES or options.batch_size <= num or not largest:
        return options, ()
    note = (
        f"train.batch_size is {largest}, not {options.batch_size}: there are {num} "
        "training images."
    )
    return dataclasses.replace(options, batch_size=largest), (note,)


def group_run(job: Job, config: ConfigDict, workdir: Path) -> training.GroupRun:
    """What is trained, with what its checkpoints and its log get of the config."""
    meta = {
        "config": config.to_dict(),
        "model": job.fields,
        "optimizer": _config.optimizer_fields(config),
        "fingerprint": dict(job.dataset.fingerprint),
    }
    while_training = dataclasses.replace(
        job.evaluation, disentanglement_images=job.evaluation.score_images
    )

    def score(params: Any, step: int) -> dict[str, float]:
        """Disentanglement while training."""
        context = context_of(job, params, step)
        return score_scalars(evaluate(context, while_training, only=LOGGED_SCORES))

    return training.GroupRun(
        job.dataset,
        job.training,
        workdir,
        meta,
        score if job.training.score_every else None,
        make_trackers(config, workdir),
    )


def train(
    job: Job, config: ConfigDict, workdir: Path, *, show_progress: bool
) -> training.TrainResult:
    """Trains, or goes on.

    Raises:
      UserError: if the folder holds a run from which this one cannot go on.
    """
    run = group_run(job, config, workdir)
    try:
        with closing_trackers([run]):
            return training.train(
                job.model, **run._asdict(), show_progress=show_progress
            )
    except training.OtherRunError as error:
        raise UserError(_errors.one_line(error)) from error


def context_of(job: Job, params: Any, step: int) -> Context:
    """A model as the scores and figures take it, with the weights of its step."""
    weights = job.training.weights_at(step)
    return Context(job.model, params, job.dataset, weights, seed=job.training.seed)
