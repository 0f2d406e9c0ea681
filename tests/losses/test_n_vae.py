"""N-VAE: the mask as on the slides, the objective from its parts, both KL scopes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.losses import mask_classes, n_vae_objective

RNG = np.random.default_rng(0)
NUM, NUM_CLASSES, CLASS_DIM = 5, 4, 3
LOG_LIKELIHOOD = RNG.normal(-50.0, 5.0, NUM).astype(np.float32)
SHARED_KL = RNG.uniform(size=(NUM, 2)).astype(np.float32)
CLASS_KL = RNG.uniform(size=(NUM, NUM_CLASSES, CLASS_DIM)).astype(np.float32)
LOGITS = RNG.normal(size=(NUM, NUM_CLASSES)).astype(np.float32)
LABELS = np.array([0, 3, 1, 1, 2])
ONE_HOT = np.eye(NUM_CLASSES, dtype=np.float32)[LABELS]
WEIGHTS = {"beta": 0.5, "class_beta": 3.0, "label_weight": 7.0}


def objective(**options):
    return n_vae_objective(
        LOG_LIKELIHOOD, SHARED_KL, CLASS_KL, LOGITS, ONE_HOT, **options
    )


def test_the_mask_is_that_of_the_slides():
    """vec(c_y * [1_L, z_c]): the one-hot label, then the columns of the blocks."""
    z = RNG.normal(size=(NUM_CLASSES, CLASS_DIM)).astype(np.float32)
    for label in range(NUM_CLASSES):
        c = np.eye(NUM_CLASSES, dtype=np.float32)[label]
        matrix = c[:, None] * np.concatenate([np.ones((NUM_CLASSES, 1)), z], axis=1)
        vec = matrix.T.ravel()
        np.testing.assert_array_equal(vec[:NUM_CLASSES], c)
        masked = np.asarray(mask_classes(z, c))
        np.testing.assert_allclose(masked.T.ravel(), vec[NUM_CLASSES:])
        np.testing.assert_array_equal(masked[label], z[label])
        assert np.count_nonzero(masked) == CLASS_DIM


def test_blocks_of_other_classes_have_no_gradient():
    gradient = jax.grad(lambda z: (mask_classes(z, ONE_HOT) ** 2).sum())(CLASS_KL)
    others = gradient[np.arange(NUM_CLASSES)[None] != LABELS[:, None]]
    np.testing.assert_array_equal(others, 0.0)
    assert (gradient[np.arange(NUM), LABELS] != 0.0).all()


@pytest.mark.parametrize("kl_scope", ["all", "active"])
def test_the_objective_is_the_sum_of_its_terms(kl_scope):
    terms = objective(kl_scope=kl_scope, **WEIGHTS)
    for i in range(NUM):
        shared = SHARED_KL[i].astype(np.float64).sum()
        blocks = CLASS_KL[i].astype(np.float64)
        own = blocks.sum() if kl_scope == "all" else blocks[LABELS[i]].sum()
        powers = np.exp(LOGITS[i].astype(np.float64))
        label = np.log(powers[LABELS[i]] / powers.sum())
        loss = -LOG_LIKELIHOOD[i] + 0.5 * (shared + 3.0 * own) - 7.0 * label
        assert terms.loss[i] == pytest.approx(loss, rel=1e-5)
        assert terms.shared_kl[i] == pytest.approx(shared, rel=1e-5)
        assert terms.class_kl[i] == pytest.approx(own, rel=1e-5)
        assert terms.label_log_prob[i] == pytest.approx(label, rel=1e-5)
    np.testing.assert_allclose(terms.kl, terms.shared_kl + terms.class_kl, rtol=1e-6)
    elbo = terms.log_likelihood - terms.kl + terms.label_log_prob
    np.testing.assert_allclose(terms.elbo, elbo, rtol=1e-6)


def test_with_the_default_weights_it_is_equation_6():
    terms = objective()
    np.testing.assert_allclose(terms.loss, -terms.elbo, rtol=1e-6)


def test_no_blocks():
    """class_dim = 0: a VAE whose decoder is given the label, and a classifier."""
    nothing = jnp.zeros((NUM, NUM_CLASSES, 0))
    assert mask_classes(nothing, ONE_HOT).shape == nothing.shape
    for kl_scope in ("all", "active"):
        terms = n_vae_objective(
            LOG_LIKELIHOOD, SHARED_KL, nothing, LOGITS, ONE_HOT, kl_scope=kl_scope
        )
        np.testing.assert_array_equal(terms.class_kl, 0.0)
        np.testing.assert_array_equal(terms.kl, terms.shared_kl)


def test_bad_input():
    with pytest.raises(ValueError, match="kl_scope must be one of all, active, got 'o"):
        objective(kl_scope="own")
    with pytest.raises(ValueError, match="class_beta must be at least 0, got -1"):
        objective(class_beta=-1.0)
    with pytest.raises(ValueError, match=r"class_latents must have shape \(5, 4, 'cl"):
        mask_classes(SHARED_KL, ONE_HOT)
    with pytest.raises(ValueError, match=r"class_logits must have the shape of one_h"):
        n_vae_objective(LOG_LIKELIHOOD, SHARED_KL, CLASS_KL, LOGITS[:, :2], ONE_HOT)
