"""Classifiers of real and of generated images: what they learn from, which wait."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments import _errors
from experiments._classifier_store import VERSION, Setting
from experiments._corrupted_tests import Level, corrupt
from experiments._errors import UserError
from experiments._generated_images import (
    Source,
    choose_images,
    data_digest,
    digest,
    images_of,
    load_sources,
    replace_images,
)
from experiments._small_classifiers import (
    BATCH_SIZE,
    LEARNING_RATE,
    Images,
    error_rates,
    train_classifiers,
)
from vsc_jax._memory import check_memory, device_free_bytes
from vsc_jax._ranges import above, between, check_ranges, ranged, whole
from vsc_jax.datasets import Dataset, DatasetNotFoundError, load_mnist_corrupted

_IS_MNIST = ("mnist", "mnist_5k")
# Floats of the layers of a training step, for each value of its images.
_LAYERS = 400


@dataclasses.dataclass(frozen=True)
class Options:
    """What is compared; fields have the names of flags.

    Attributes:
      num_images: that each classifier learns from; None for all training images.
      fractions: shares of them that are generated.
      stddevs: of the latents of generated images.
      seeds: of the classifiers of each setting.
      epochs: how often each goes through its images.
      num_test: test images, of which there may be fewer; None for all.
      mnist_corrupted: folder of MNIST-C; None for that of tensorflow-datasets.
    """

    num_images: int | None = ranged(None, whole(1))
    fractions: tuple[float, ...] = ranged((0.0, 0.4, 1.0), between(0, 1))
    stddevs: tuple[float, ...] = ranged((1.0, 1.4), above(0))
    seeds: tuple[int, ...] = ranged((0, 1, 2, 3, 4), whole(0, 2**31 - 1))
    epochs: int = ranged(12, whole(1))
    num_test: int | None = ranged(None, whole(1))
    mnist_corrupted: str | None = None

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """All that the numbers follow from.

    Attributes:
      sources: what generates images.
      dataset: the real ones.
      options: what is compared.
      num_images: that a classifier learns from.
      tests: images that all classifiers are tested on.
      facts: what is stored beside the numbers, to know them by again.
      notes: lines that say what is compared.
    """

    sources: Sequence[Source]
    dataset: Dataset
    options: Options
    num_images: int
    tests: Mapping[Level, Images]
    facts: Mapping[str, Any]
    notes: Sequence[str]

    @property
    def name(self) -> str:
        """Of the folder of its classifiers: a trial leaves those of others there."""
        names = {"images": "num_images", "epochs": "epochs", "tests": "num_test"}
        return ",".join(f"{word}={self.facts[name]}" for word, name in names.items())

    @property
    def settings(self) -> list[Setting]:
        """The rows of the table: real images alone belong to all sources."""
        fractions = self.options.fractions
        real = [Setting()] if 0.0 in fractions else []
        return real + [
            Setting(source.name, fraction, stddev)
            for source in self.sources
            for fraction in fractions
            if fraction > 0.0
            for stddev in self.options.stddevs
        ]

    def identity(self, setting: Setting, seed: int) -> dict[str, Any]:
        """What the numbers of a classifier are known by again."""
        source = self._source(setting)
        return {
            **self.facts,
            "fraction": setting.fraction,
            "stddev": setting.stddev,
            "source": source and {"step": source.run.step, "params": source.digest},
            "seed": seed,
        }

    def training_images(self, setting: Setting, seed: int) -> Images:
        """Real ones, with a share of them replaced by generated ones."""
        real = choose_images(self.dataset, self.num_images, seed)
        source = self._source(setting)
        if source is None or setting.stddev is None:
            return real
        return replace_images(
            real, source, fraction=setting.fraction, stddev=setting.stddev, seed=seed
        )

    def measure(self, setting: Setting, seeds: Sequence[int]) -> list[dict[str, float]]:
        """Trains classifiers: name of a test -> share of wrong answers, of each."""
        num_classes = self.sources[0].run.model.num_classes
        params = train_classifiers(
            [self.training_images(setting, seed) for seed in seeds],
            seeds,
            num_classes=num_classes,
            num_epochs=self.options.epochs,
        )
        tests = {level.name: images for level, images in self.tests.items()}
        return error_rates(params, tests, num_classes=num_classes)

    def waiting(
        self, done: Mapping[Setting, Mapping[int, Any]]
    ) -> Iterator[tuple[Setting, list[int]]]:
        """Settings and seeds that are not done, those that are trained together.

        On a CPU one at a time, and all settings at a seed before the next, so that a
        table of fewer seeds comes first. Elsewhere as many seeds as fit into memory.
        """
        missing = {
            setting: [seed for seed in self.options.seeds if seed not in found]
            for setting, found in done.items()
        }
        if jax.default_backend() == "cpu":
            for seed in self.options.seeds:
                yield from ((s, [seed]) for s in missing if seed in missing[s])
            return
        size = 4 * int(np.prod(self.dataset.image_shape))
        needed = (2 * self.num_images + _LAYERS * BATCH_SIZE) * size
        free = device_free_bytes()
        at_once = len(self.options.seeds) if free is None else max(free // needed, 1)
        for setting, seeds in missing.items():
            for i in range(0, len(seeds), at_once):
                yield setting, seeds[i : i + at_once]

    def _source(self, setting: Setting) -> Source | None:
        """What generates images for it; None for real images alone."""
        named = (source for source in self.sources if source.name == setting.source)
        return None if setting.stddev is None else next(named)


def prepare_experiment(
    workdir: Path,
    baselines: Sequence[Path],
    options: Options,
    *,
    step: str = "newest",
    data_path: str | None = None,
    most_images: int | None = None,
) -> Experiment:
    """Loads the runs, the data and the tests.

    Args:
      workdir: folder of the run.
      baselines: those of others on the same data.
      options: what is compared.
      step: of the runs, see `load_sources`.
      data_path: the same.
      most_images: that a classifier learns from where `num_images` does not say.

    Raises:
      UserError: if something does not fit.
      TooLargeError: if the images do not fit into memory.
    """
    sources, dataset = load_sources(workdir, baselines, step=step, data_path=data_path)
    num_train = len(dataset.untested_indices)
    num_images = options.num_images or min(most_images or num_train, num_train)
    if num_images > num_train:
        raise UserError(
            f"--num_images must be at most {num_train}, the training images of "
            f"{dataset.name}, got {num_images}."
        )
    height, width, channels = dataset.image_shape
    if height % 2 or width % 2:
        raise UserError(
            "the classifier needs images of even height and width, those of "
            f"{workdir} have {height}x{width} pixels."
        )
    rows = dataset.test_indices[: options.num_test]
    # The levels and what they are made of, and copies of the training images.
    num_rows = 16 * len(rows) + 4 * num_images
    check_memory(4 * height * width * channels * num_rows, "training and test images")
    corrupted, note = _mnist_corrupted(dataset, options.mnist_corrupted, len(rows))
    tests = {**corrupt(images_of(dataset, rows)), **corrupted}
    facts = {
        "version": VERSION,
        "data": data_digest(dataset),
        "num_images": num_images,
        "epochs": options.epochs,
        "batch_size": BATCH_SIZE,
        "learning_rate": LEARNING_RATE,
        "num_test": len(rows),
        "tests": [level.name for level in tests],
        "mnist_corrupted": digest(list(corrupted.values())),
    }
    notes = [
        f"{num_images:,} training images of {dataset.name} for each classifier, "
        f"{options.epochs} epochs in batches of {min(BATCH_SIZE, num_images)}; tested "
        f"on {len(rows):,} images",
        *(f"{source.name}: {source.describe()}" for source in sources),
        note,
    ]
    return Experiment(sources, dataset, options, num_images, tests, facts, notes)


def _mnist_corrupted(
    dataset: Dataset, path: str | None, num: int
) -> tuple[dict[Level, Images], str]:
    """So many images of each corruption of MNIST-C, and a line that says what there is.

    Raises:
      UserError: if they were asked for, and are not there or of no use.
    """
    if dataset.name not in _IS_MNIST or dataset.image_shape != (28, 28, 1):
        if path is not None:
            raise UserError(
                "--mnist_corrupted is for runs on mnist and mnist_5k with 28x28 "
                f"pixels, got one on {dataset.name}; leave it out."
            )
        return {}, "without mnist_corrupted, which is for runs on mnist and mnist_5k"
    try:
        found = load_mnist_corrupted(path, num_images=num)
    except DatasetNotFoundError as error:
        if path is not None:
            raise UserError(f"--mnist_corrupted={path}: {error}") from error
        return {}, f"without mnist_corrupted (--mnist_corrupted=FOLDER): {error}"
    except (ValueError, OSError, ImportError) as error:
        raise UserError(_errors.one_line(error)) from error
    tests = {
        Level("mnist_corrupted", name): Images(images / np.float32(255.0), labels)
        for name, (images, labels) in found.items()
    }
    return tests, f"mnist_corrupted: {', '.join(found)}"
