"""JointVAE: known values, capacities, the batch's KL, errors."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.losses import capacity_penalty, joint_vae_objective

LOG_LIKELIHOOD = np.array([-3.0, -4.0], np.float32)
KL = np.array([[1.0, 2.0, 4.0], [0.5, 0.0, 8.0]], np.float32)
CATEGORY_KL = np.array([[1.0, 0.5], [0.25, 0.25]], np.float32)
BATCH_KL, BATCH_CATEGORY_KL = KL.sum(-1).mean(), CATEGORY_KL.sum(-1).mean()
WEIGHTS = {
    "capacity": 5.0,
    "capacity_weight": 30.0,
    "category_capacity": 0.5,
    "category_capacity_weight": 20.0,
    "category_sizes": (10, 3),
}


def objective(**changes):
    return joint_vae_objective(
        LOG_LIKELIHOOD,
        KL,
        CATEGORY_KL,
        changes.pop("batch_kl", BATCH_KL),
        changes.pop("batch_category_kl", BATCH_CATEGORY_KL),
        **WEIGHTS | changes,
    )


def test_known_values():
    terms = objective()
    # |7.75 - 5| and |1 - 0.5|.
    np.testing.assert_array_equal(terms.loss, [3.0 + 92.5, 4.0 + 92.5])
    np.testing.assert_array_equal(terms.elbo, [-3.0 - 8.5, -4.0 - 9.0])
    np.testing.assert_array_equal(terms.kl, [8.5, 9.0])
    np.testing.assert_array_equal(terms.gaussian_kl, [7.0, 8.5])
    np.testing.assert_array_equal(terms.category_kl, [1.5, 0.5])
    np.testing.assert_array_equal(terms.kl_per_latent, KL)
    np.testing.assert_array_equal(terms.log_likelihood, LOG_LIKELIHOOD)
    assert terms.capacity_gap == 2.75
    assert terms.category_capacity_gap == 0.5


def test_the_penalty_is_that_of_the_batch_and_not_of_its_examples():
    terms = objective(category_capacity_weight=0.0)
    options = {"capacity": 5.0, "capacity_weight": 30.0}
    penalty = capacity_penalty(np.float32(BATCH_KL), **options)
    np.testing.assert_allclose(terms.loss + LOG_LIKELIHOOD, [penalty] * 2)
    # The per-example KLs alone would cross another capacity.
    between = objective(capacity=7.75, category_capacity_weight=0.0)
    np.testing.assert_array_equal(between.loss, -LOG_LIKELIHOOD)
    assert capacity_penalty(KL.sum(-1), capacity=7.75, capacity_weight=1.0).mean() > 0.7


def test_capacities_at_the_kls_leave_the_likelihood():
    terms = objective(capacity=BATCH_KL, category_capacity=BATCH_CATEGORY_KL)
    np.testing.assert_array_equal(terms.loss, -LOG_LIKELIHOOD)
    assert terms.capacity_gap == terms.category_capacity_gap == 0.0


def test_a_capacity_of_zero_leaves_weighted_kls():
    terms = objective(capacity=0.0, category_capacity=0.0, capacity_weight=1.0)
    np.testing.assert_allclose(terms.loss, -LOG_LIKELIHOOD + 7.75 + 20.0)


@pytest.mark.parametrize("sizes", [(10, 1), (10, 3), (2, 4)])
def test_no_capacity_is_above_the_number_of_codes(sizes):
    limit = math.log(math.prod(sizes))
    terms = objective(category_capacity=100.0, category_sizes=sizes)
    np.testing.assert_allclose(
        terms.category_capacity_gap, BATCH_CATEGORY_KL - limit, rtol=1e-6
    )
    below = objective(category_capacity=0.1, category_sizes=sizes)
    np.testing.assert_allclose(below.category_capacity_gap, 0.9, rtol=1e-6)


def test_gradients_have_the_sign_of_the_gap():
    def total(batch_kl, batch_category_kl):
        terms = objective(batch_kl=batch_kl, batch_category_kl=batch_category_kl)
        return terms.loss.mean()

    gradient = jax.jit(jax.grad(total, (0, 1)))
    for kl, category_kl, expected in (
        (4.9, 0.6, (-30.0, 20.0)),
        (5.1, 0.4, (30.0, -20.0)),
        (1e30, 0.0, (30.0, -20.0)),
    ):
        np.testing.assert_array_equal(gradient(kl, category_kl), expected)


def test_wrong_input_is_refused():
    for name in ("batch_kl", "batch_category_kl"):
        with pytest.raises(ValueError, match=rf"{name} must have shape \(\), one num"):
            objective(**{name: jnp.ones(2)})
    with pytest.raises(ValueError, match=r"category_kl must have shape \(2, 'num_var"):
        joint_vae_objective(
            LOG_LIKELIHOOD, KL, CATEGORY_KL[:1], BATCH_KL, BATCH_CATEGORY_KL, **WEIGHTS
        )
    with pytest.raises(ValueError, match="kl must have shape"):
        joint_vae_objective(
            LOG_LIKELIHOOD, KL[0], CATEGORY_KL, BATCH_KL, BATCH_CATEGORY_KL, **WEIGHTS
        )
    with pytest.raises(ValueError, match=r"category_sizes must be a whole .* got 0"):
        objective(category_sizes=(10, 0))
    for sizes in ((10,), (2, 2, 2), 5, "23", ()):
        with pytest.raises(
            ValueError, match=r"category_sizes must be 2 numbers, .* got"
        ):
            objective(category_sizes=sizes)
