"""InfoGAN: information terms and objective against float64 NumPy, and their limits."""

import math

import jax
import numpy as np
import pytest

from vsc_jax.losses import (
    category_information,
    contrastive_loss,
    gan_discriminator_loss,
    gan_generator_loss,
    infogan_objective,
    uniform_code_information,
)

RNG = np.random.default_rng(0)
NUM, SIZE, NUM_CODES = 7, 4, 3
LOGITS = RNG.normal(size=(NUM, SIZE)).astype(np.float32) * 3.0
CATEGORIES = np.eye(SIZE, dtype=np.float32)[RNG.integers(SIZE, size=NUM)]
CODES = RNG.uniform(-1.0, 1.0, (NUM, NUM_CODES)).astype(np.float32)
MEAN = RNG.normal(size=(NUM, NUM_CODES)).astype(np.float32)
LOG_VAR = RNG.normal(size=(NUM, NUM_CODES)).astype(np.float32)


def expected_category_information(logits, categories):
    """Example by example, from probabilities."""
    values = []
    for row, one_hot in zip(logits.astype(np.float64), categories, strict=True):
        prob = np.exp(row) / np.exp(row).sum()
        values.append(math.log(len(row)) + math.log(prob[one_hot.argmax()]))
    return np.array(values)


def expected_code_information(codes, mean, log_var):
    codes, mean, variance = (
        np.asarray(a, np.float64) for a in (codes, mean, np.exp(np.float64(log_var)))
    )
    density = np.exp(-((codes - mean) ** 2) / (2 * variance))
    return np.log(2.0) + np.log(density / np.sqrt(2 * np.pi * variance))


def test_category_information_against_numpy():
    np.testing.assert_allclose(
        category_information(LOGITS, CATEGORIES),
        expected_category_information(LOGITS, CATEGORIES),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("log_var", [np.zeros_like(LOG_VAR), LOG_VAR])
def test_code_information_against_numpy(log_var):
    """With the fixed standard deviation and with a learned one."""
    np.testing.assert_allclose(
        uniform_code_information(CODES, MEAN, log_var),
        expected_code_information(CODES, MEAN, log_var),
        rtol=1e-5,
        atol=1e-5,
    )


def test_the_bound_of_categories_lies_between_guessing_and_their_entropy():
    guess = category_information(np.zeros((1, SIZE), np.float32), CATEGORIES[:1])
    sure = category_information(200.0 * CATEGORIES, CATEGORIES)
    wrong = category_information(200.0 * np.roll(CATEGORIES, 1, -1), CATEGORIES)
    np.testing.assert_allclose(guess, 0.0, atol=1e-6)
    np.testing.assert_allclose(sure, math.log(SIZE), rtol=1e-6)
    assert (wrong < -100.0).all()


def test_the_bound_of_codes_is_the_information_of_a_noisy_channel():
    """Codes seen through Gaussian noise, Q the channel itself: below the capacity.

    I(c; c + s e) is log 2 - H(s e) as s goes to 0.
    """
    rng = np.random.default_rng(1)
    for stddev in (0.01, 0.05):
        codes = rng.uniform(-1.0, 1.0, (20_000, 1)).astype(np.float32)
        seen = codes + stddev * rng.normal(size=codes.shape).astype(np.float32)
        log_var = np.full_like(seen, 2.0 * math.log(stddev))
        value = float(uniform_code_information(codes, seen, log_var).mean())
        information = math.log(2.0) - 0.5 * math.log(2 * math.pi * math.e * stddev**2)
        assert value == pytest.approx(information, abs=0.02)


def test_the_constant_of_the_authors_has_the_same_gradient():
    """Theirs is the cross-entropy of the codes to N(0, 1), 1/2 log 2 pi + 1/6."""

    def theirs(mean):
        entropy = 0.5 * (math.log(2 * math.pi) + CODES**2)
        log_prob = -0.5 * (math.log(2 * math.pi) + (CODES - mean) ** 2)
        return (entropy + log_prob).sum()

    def ours(mean):
        return uniform_code_information(CODES, mean, np.zeros_like(CODES)).sum()

    np.testing.assert_allclose(
        jax.grad(ours)(MEAN), jax.grad(theirs)(MEAN), rtol=1e-5, atol=1e-6
    )


def test_both_players_from_their_formulas():
    real, fake = (RNG.normal(size=(2, NUM)) * 2.0).astype(np.float32)
    of_categories = np.stack([RNG.normal(size=NUM)] * 2, -1).astype(np.float32)
    of_codes = RNG.normal(size=(NUM, NUM_CODES)).astype(np.float32)
    prob = 1.0 / (1.0 + np.exp(-np.stack([real, fake]).astype(np.float64)))
    information = 0.7 * of_categories.sum(-1) + 0.1 * of_codes.sum(-1)
    expected = {
        "discriminator": -np.log(prob[0]) - np.log(1.0 - prob[1]) - information,
        "generator": -np.log(prob[1]) - information,
    }
    adversarial = {
        "discriminator": gan_discriminator_loss(real, fake),
        "generator": gan_generator_loss(fake),
    }
    for player, loss in adversarial.items():
        terms = infogan_objective(
            loss, of_categories, of_codes, category_weight=0.7, code_weight=0.1
        )
        np.testing.assert_allclose(terms.loss, expected[player], rtol=1e-5)
        np.testing.assert_allclose(terms.adversarial_loss, loss)
        np.testing.assert_allclose(
            terms.mutual_information,
            of_categories.sum(-1) + of_codes.sum(-1),
            rtol=1e-5,
        )


def test_more_information_is_a_smaller_loss():
    """The sign that public code has been asked about most."""
    slopes = jax.grad(
        lambda a, b: infogan_objective(np.zeros(NUM, np.float32), a, b).loss.sum(),
        argnums=(0, 1),
    )(np.zeros((NUM, 1), np.float32), np.zeros((NUM, 2), np.float32))
    for slope in slopes:
        np.testing.assert_array_equal(slope, -1.0)


def test_a_model_may_lack_either_kind_of_code():
    loss, none = np.ones(NUM, np.float32), np.zeros((NUM, 0), np.float32)
    some = np.ones((NUM, 2), np.float32)
    np.testing.assert_allclose(infogan_objective(loss, some, none).loss, -1.0)
    np.testing.assert_allclose(infogan_objective(loss, none, some).loss, -1.0)
    np.testing.assert_allclose(infogan_objective(loss, none, none).loss, 1.0)


@pytest.mark.parametrize("size", [-1e4, 1e4])
def test_values_and_gradients_are_finite_at_extremes(size):
    logits = np.array([[size, 0.0, -size, 0.0]], np.float32)
    for loss in (category_information, contrastive_loss):
        value, gradient = jax.value_and_grad(
            lambda a, loss=loss: loss(a, CATEGORIES[:1]).sum()
        )(logits)
        assert math.isfinite(value)
        assert np.isfinite(gradient).all()


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match=r"categories must have the shape of categor"):
        category_information(LOGITS, CATEGORIES[:, :2])
    with pytest.raises(ValueError, match=r"mean must have the shape of codes"):
        uniform_code_information(CODES, MEAN[:, :1], LOG_VAR)
    with pytest.raises(ValueError, match=r"code_information must have shape \(7, 'num"):
        infogan_objective(np.zeros(NUM, np.float32), LOGITS, CODES[:3])
    with pytest.raises(ValueError, match=r"code_weight must be at least 0, got -1"):
        infogan_objective(np.zeros(NUM, np.float32), LOGITS, CODES, code_weight=-1.0)
