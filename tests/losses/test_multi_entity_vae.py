"""Multi-Entity VAE: composition in float64, extremes, both scopes of the KL."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.losses import compose_objects, multi_entity_vae_objective

RNG = np.random.default_rng(0)
COLORS = RNG.normal(0.0, 3.0, (2, 3, 4, 5, 2)).astype(np.float32)
MASKS = RNG.normal(0.0, 3.0, (2, 3, 4, 5)).astype(np.float32)
BACKGROUND = np.float32([-2.0, 0.5])
LOG_LIKELIHOOD = np.float32([-50.0, -20.0])
KL = np.float32([[3.0, 0.5, 0.25, 7.0], [0.0, 1.0, 2.0, 4.0]])
SELECTED = np.float32([[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]])


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-np.asarray(a, np.float64)))


def test_the_softmax_composition_is_a_mixture_of_colours():
    image = compose_objects(COLORS, MASKS, BACKGROUND)
    powers = np.exp(MASKS.astype(np.float64))
    total = 1.0 + powers.sum(axis=1)
    shares = powers / total[:, None]
    mean = (shares[..., None] * sigmoid(COLORS)).sum(axis=1)
    mean += (1.0 / total)[..., None] * sigmoid(BACKGROUND)
    np.testing.assert_allclose(image.masks, shares, rtol=1e-5)
    np.testing.assert_allclose(sigmoid(image.x_logits), mean, rtol=1e-5)


def test_the_sum_composition_adds_logits():
    image = compose_objects(COLORS, MASKS, BACKGROUND, composition="sum")
    shares = sigmoid(MASKS)
    logits = BACKGROUND + (shares[..., None] * COLORS).sum(axis=1)
    np.testing.assert_allclose(image.masks, shares, rtol=1e-5)
    np.testing.assert_allclose(image.x_logits, logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("composition", ["softmax", "sum"])
def test_the_order_of_objects_does_not_matter(composition):
    order = np.array([2, 0, 1])
    image = compose_objects(COLORS, MASKS, BACKGROUND, composition=composition)
    other = compose_objects(
        COLORS[:, order], MASKS[:, order], BACKGROUND, composition=composition
    )
    np.testing.assert_allclose(other.x_logits, image.x_logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(other.masks, image.masks[:, order], rtol=1e-6)


@pytest.mark.parametrize("size", [1e3, 1e6])
def test_values_and_gradients_of_sure_pixels_are_finite(size):
    def value(colors, masks, background):
        return compose_objects(colors, masks, background).x_logits.sum() / size

    arguments = (size * COLORS, size * MASKS, size * BACKGROUND)
    number, gradients = jax.value_and_grad(value, argnums=(0, 1, 2))(*arguments)
    assert np.isfinite(number)
    assert all(np.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("kl_scope", ["all", "selected"])
def test_the_objective_is_the_sum_of_its_terms(kl_scope):
    terms = multi_entity_vae_objective(
        LOG_LIKELIHOOD, KL, SELECTED, beta=0.5, kl_scope=kl_scope
    )
    np.testing.assert_allclose(terms.selected_kl, [10.0, 6.0])
    np.testing.assert_allclose(terms.other_kl, [0.75, 1.0])
    kl = [10.75, 7.0] if kl_scope == "all" else [10.0, 6.0]
    np.testing.assert_allclose(terms.kl, kl)
    np.testing.assert_allclose(terms.loss, 0.5 * np.array(kl) - LOG_LIKELIHOOD)


@pytest.mark.parametrize(("kl_scope", "of_others"), [("all", 2.0), ("selected", 0.0)])
def test_which_cells_are_pulled_to_the_prior(kl_scope, of_others):
    def loss(kl):
        terms = multi_entity_vae_objective(
            LOG_LIKELIHOOD, kl, SELECTED, beta=2.0, kl_scope=kl_scope
        )
        return terms.loss.sum()

    expected = np.where(SELECTED == 1.0, 2.0, of_others)
    np.testing.assert_array_equal(jax.grad(loss)(jnp.asarray(KL)), expected)


def test_bad_input():
    with pytest.raises(ValueError, match="kl_scope must be one of all, selected, got"):
        multi_entity_vae_objective(LOG_LIKELIHOOD, KL, SELECTED, kl_scope="some")
    with pytest.raises(ValueError, match="composition must be one of softmax, sum"):
        compose_objects(COLORS, MASKS, BACKGROUND, composition="max")
    with pytest.raises(ValueError, match=r"background_logits must have shape \(2,\)"):
        compose_objects(COLORS, MASKS, BACKGROUND[:1])
