"""What can be read off each layer of a model: the label, and what does not matter."""

from typing import Any

import numpy as np

from vsc_jax import metrics
from vsc_jax.datasets import Dataset
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._layers import layer_facts
from vsc_jax.evaluation._rows import choose_rows
from vsc_jax.metrics import NotApplicable

# Images that probes learn from, and those that they are tested on, at most.
MAX_PROBE_IMAGES = 1_000
# A factor with more values is cut into so many groups of them.
MAX_VALUES, NUM_GROUPS = 12, 5


def read_off_layers(context: Context) -> dict[str, Any]:
    """How well a linear classifier reads each factor off each layer, without noise.

    It learns from at most 1,000 random training images and is tested on at most 1,000
    test images, see `vsc_jax.metrics.few_label_probe`. A layer of maps is averaged over
    3 x 3 cells, an image over 8 x 8, and of more than 128 features as many random
    combinations are taken; a factor of more than 12 values is cut into 5 groups of
    them, and one with a single value left out. These sizes are our own choice.

    Args:
      context: of a model that shows its layers.

    Returns:
      `layers`: their names, first of them the image itself.
      `accuracy`: dict of each factor's accuracies on test images, one per layer.
      `majority`: dict of what always answering the most frequent value gives.
      `num_labels`, `num_test_images`: how many images.

    Raises:
      NotApplicable: if the model shows no layers, or there are no factors.
    """
    dataset = context.dataset
    if dataset.factors is None:
        raise NotApplicable("this data set has no ground-truth factors")
    rng = np.random.default_rng([context.seed, 4])
    train = choose_rows(rng, dataset.untested_indices, MAX_PROBE_IMAGES)
    test = choose_rows(rng, dataset.test_indices, MAX_PROBE_IMAGES)
    learned, tested = layer_facts(context, train), layer_facts(context, test)
    accuracy, majority = {}, {}
    for column, name in enumerate(dataset.factor_names):
        values = _groups(dataset, column)
        if len(np.unique(values[train])) < 2:
            continue
        found = [
            metrics.few_label_probe(
                learned[layer].features,
                values[train],
                tested[layer].features,
                values[test],
            )
            for layer in learned
        ]
        accuracy[name] = [result["accuracy"] for result in found]
        majority[name] = found[0]["majority_accuracy"]
    if not accuracy:
        raise NotApplicable("each factor has one value alone")
    return {
        "layers": list(learned),
        "accuracy": accuracy,
        "majority": majority,
        "num_labels": len(train),
        "num_test_images": len(test),
    }


def _groups(dataset: Dataset, column: int) -> np.ndarray:
    """A factor, or which of equal groups of its values it has."""
    values = dataset.factor(dataset.factor_names[column])
    size = dataset.factor_sizes[column]
    return values if size <= MAX_VALUES else values * NUM_GROUPS // size
