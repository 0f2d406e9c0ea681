"""Every model: the same value and gradient however many devices share the batch."""

import functools

import jax
import numpy as np
from model_cases import all_models, model_of, weights_of
from trainer_steps import FORGOTTEN, ForgetfulModel, Stepper, count_gathers

# As shares of the largest value of the log, and of the largest gradient; bfloat16 has
# three digits.
TOLERANCE = {"vae-bfloat16": 5e-2}
# Capacities between the KLs of the single devices, for the penalty of a mean is the
# mean of penalties where all of them are on one side.
CAPACITIES = {
    "annealed_vae": {"capacity": 0.068},
    "joint_vae": {"capacity": 0.068, "category_capacity": 0.0256},
    "joint_vae-concrete": {"capacity": 0.0445, "category_capacity": 0.0216},
}


def weights_here(case):
    return weights_of(case) | CAPACITIES.get(case, {})


@functools.cache
def on_one_device(case):
    return Stepper(model_of(case), 1).step(weights_here(case))


@functools.cache
def stepper_on_eight(case):
    return Stepper(ForgetfulModel(model_of(case)), 8)


def difference_on_eight(case, forgotten):
    """Of log, gradient and statistics from those on one device, as shares."""
    weights = weights_here(case) | {FORGOTTEN: forgotten}
    shares = []
    for one, eight in zip(
        on_one_device(case), stepper_on_eight(case).step(weights), strict=True
    ):
        assert jax.tree.structure(one) == jax.tree.structure(eight)
        scale = max([np.abs(leaf).max() for leaf in jax.tree.leaves(one)], default=1.0)
        differences = jax.tree.map(
            lambda a, b, s=scale: np.abs(np.subtract(a, b)).max() / s, one, eight
        )
        shares += jax.tree.leaves(differences)
    return max(shares)


@all_models
def test_value_and_gradient_do_not_depend_on_the_number_of_devices(case):
    assert difference_on_eight(case, -1) < TOLERANCE.get(case, 1e-4)


@all_models
def test_a_forgotten_gather_is_noticed(case):
    """The comparison above can fail: each gather of each loss is left out in turn."""
    for number in range(sum(count_gathers(model_of(case)))):
        assert difference_on_eight(case, number) > 1e-3, f"gather {number}"
