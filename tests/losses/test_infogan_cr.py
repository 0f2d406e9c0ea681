"""InfoGAN-CR: the contrastive loss against float64 NumPy."""

import math

import jax
import numpy as np
import pytest

from vsc_jax.losses import contrastive_loss

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 5)).astype(np.float32) * 3.0
SHARED = np.eye(5, dtype=np.float32)[RNG.integers(5, size=6)]


def test_against_numpy():
    prob = np.exp(LOGITS.astype(np.float64))
    prob /= prob.sum(-1, keepdims=True)
    expected = [-math.log(p[s.argmax()]) for p, s in zip(prob, SHARED, strict=True)]
    np.testing.assert_allclose(contrastive_loss(LOGITS, SHARED), expected, rtol=1e-5)


def test_guessing_costs_the_logarithm_of_the_number_of_codes():
    np.testing.assert_allclose(
        contrastive_loss(np.zeros_like(LOGITS), SHARED), math.log(5), rtol=1e-6
    )


def test_it_falls_with_the_logit_of_the_shared_code():
    slope = jax.grad(lambda logits: contrastive_loss(logits, SHARED).sum())(LOGITS)
    assert ((slope < 0.0) == (SHARED == 1.0)).all()


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="shared must have the shape of shared_logits"):
        contrastive_loss(LOGITS, SHARED[:, :4])
    with pytest.raises(ValueError, match="must have at least one category"):
        contrastive_loss(LOGITS[:, :0], SHARED[:, :0])
