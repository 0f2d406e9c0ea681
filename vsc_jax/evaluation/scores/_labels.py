"""The labels of a data set, or why there are none."""

import numpy as np

from vsc_jax.datasets import Dataset
from vsc_jax.metrics import NotApplicable


def labels_of(dataset: Dataset) -> np.ndarray:
    """The class of each image, int32 `[n]`.

    Raises:
      NotApplicable: if the data set names no factor as the label.
    """
    labels = dataset.labels
    if labels is None:
        raise NotApplicable("this data set has no labels")
    return labels
