"""What the losses of all models share."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.models import LossOutput, Weight, mean_output


class Terms(NamedTuple):
    loss: jax.Array
    kl_per_latent: jax.Array
    divergence: jax.Array


def test_terms_are_averaged_over_the_batch_and_the_loss_is_taken_out():
    terms = Terms(
        jnp.array([1.0, 3.0]), jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array(7.0)
    )
    output = mean_output(
        terms, model_state={"encoder": 1}, support=jnp.array([2.0, 4.0])
    )
    assert isinstance(output, LossOutput)
    assert output.loss == 2.0
    assert set(output.metrics) == {"kl_per_latent", "divergence", "support"}
    np.testing.assert_array_equal(output.metrics["kl_per_latent"], [2.0, 3.0])
    assert output.metrics["divergence"] == 7.0  # of the whole batch already
    assert output.metrics["support"] == 3.0
    assert output.model_state == {"encoder": 1}
    assert mean_output(terms).model_state == {}


def test_a_weight_is_not_negative_unless_it_says_so():
    with pytest.raises(ValueError, match="beta must be at least 0, got -1"):
        Weight(1.0).range.check("beta", -1.0)
