"""The capacity penalty: known values, its derivative, a property of the batch."""

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.losses import capacity_penalty


def test_known_values():
    kl = np.array([[0.0, 20.0], [40.0, 50.5]])
    penalty = capacity_penalty(kl, capacity=40.0, capacity_weight=150.0)
    np.testing.assert_array_equal(penalty, [[6000.0, 3000.0], [0.0, 1575.0]])


def test_its_derivative_is_the_weight_with_the_sign_of_the_gap():
    def total(kl):
        return capacity_penalty(kl, capacity=5.0, capacity_weight=30.0).sum()

    kl = jnp.array([4.9, 5.1, 1e30, 0.0])
    np.testing.assert_array_equal(jax.grad(total)(kl), [-30.0, 30.0, 30.0, -30.0])


def test_the_penalty_of_the_mean_is_less_than_the_mean_of_penalties():
    kl = np.array([0.0, 10.0])
    options = {"capacity": 5.0, "capacity_weight": 2.0}
    assert capacity_penalty(kl.mean(), **options) == 0.0
    assert capacity_penalty(kl, **options).mean() == 10.0
