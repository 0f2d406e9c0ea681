import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from linear_model import make_dataset

from vsc_jax.evaluation import Context, evaluate
from vsc_jax.models import FoundObjects


@dataclasses.dataclass(frozen=True)
class BrightRows:
    """A slot per row of the image, which holds an object if the row is bright."""

    @property
    def default_weights(self):
        return {}

    @property
    def num_slots(self):
        return 4

    def find_objects(self, params, x):
        brightness = x.mean(axis=(2, 3))
        presence = jnp.where(brightness > params, 0.6, 0.4)
        return FoundObjects(
            presence,
            boxes=jnp.zeros((*presence.shape, 4)),
            masks=jnp.zeros((*presence.shape, *x.shape[1:3])),
            codes=jnp.zeros((*presence.shape, 1)),
        )


def test_slots_that_more_likely_hold_an_object_are_counted():
    dataset = make_dataset()
    context = Context(BrightRows(), jnp.float32(0.4), dataset, batch_size=20)
    results = evaluate(context, only=("objects",))
    assert results["failed"] == results["skipped"] == {}
    x = dataset.decode(dataset.test_indices)
    counts = (x.mean(axis=(2, 3)) > 0.4).sum(axis=1)
    # Every image has a stripe of two bright rows, and noise.
    assert 1.5 < counts.mean() < 2.5
    assert results["objects"]["num_objects"] == pytest.approx(counts.mean())
    assert results["objects"]["num_objects_standard_error"] == pytest.approx(
        counts.std(ddof=1) / np.sqrt(len(counts))
    )


def test_a_model_that_finds_none_is_skipped(model, params, dataset):
    results = evaluate(Context(model, params, dataset), only=("object_count",))
    assert results["skipped"] == {"object_count": "this model finds no objects"}
    assert "objects" not in results
