"""Labels that say nothing of their images."""

import dataclasses

import numpy as np

from vsc_jax.datasets._base import Dataset

# In front of the name of a label, for the factor that keeps what it was.
TRUE = "true_"


def with_random_labels(dataset: Dataset, seed: int) -> Dataset:
    """The same images, with the labels of each split in random order.

    The experiment of Zhang, Bengio, Hardt, Recht and Vinyals, "Understanding deep
    learning requires rethinking generalization", https://arxiv.org/abs/1611.03530: a
    network that learns such labels has memorised its images, and on others does no
    better than chance. Each label is as frequent as it was. What it was is kept as one
    more factor, "true_<label>". Only the split and the seed decide the order.

    Raises:
      ValueError: if the data set has no label.

    >>> from vsc_jax.datasets import load_dataset
    >>> digits = load_dataset("digits", num_train=100, num_test=50)
    >>> random = with_random_labels(digits, 0)
    >>> random.factor_names, sorted(random.labels) == sorted(digits.labels)
    (('label', 'true_label'), True)
    """
    labels = dataset.labels
    if labels is None or dataset.factors is None:
        raise ValueError(
            f"random_labels must be False for {dataset.name!r}, which has no labels; "
            "take data with labels."
        )
    column = dataset.factor_names.index(str(dataset.label_factor))
    factors = np.concatenate([dataset.factors, labels[:, None]], axis=1)
    for part, rows in enumerate((dataset.train_indices, dataset.test_indices)):
        order = np.random.default_rng([seed, part]).permutation(len(rows))
        factors[rows, column] = labels[rows[order]]
    return dataclasses.replace(
        dataset,
        factors=factors,
        factor_names=(*dataset.factor_names, f"{TRUE}{dataset.label_factor}"),
        factor_sizes=(*dataset.factor_sizes, dataset.factor_sizes[column]),
    )
