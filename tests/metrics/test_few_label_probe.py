import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vsc_jax.metrics import _few_label_probe as module
from vsc_jax.metrics import few_label_probe


def clusters(num, spread=0.1, num_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(num_classes, size=num)
    codes = 3 * np.eye(num_classes)[labels] + spread * rng.normal(
        size=(num, num_classes)
    )
    return codes, labels


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_separable_codes_score_one(solver):
    train, test = clusters(600), clusters(200, seed=1)
    scores = few_label_probe(*train, *test, num_labels=500, solver=solver)
    assert scores["accuracy"] == 1.0
    assert scores["num_labels"] == 500
    assert scores["majority_accuracy"] < 0.4


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_codes_without_information_score_chance(solver):
    rng = np.random.default_rng(0)
    labels = rng.integers(5, size=4_000)
    codes = rng.normal(size=(4_000, 3))
    scores = few_label_probe(
        codes[:2000], labels[:2000], codes[2000:], labels[2000:], solver=solver
    )
    # Chance is 0.2, its standard error 0.009.
    assert scores["accuracy"] == pytest.approx(0.2, abs=0.04)


def test_two_classes_against_bayes():
    # Unit normals at -1 and 1: the best accuracy is Phi(1) = 0.8413.
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=30_000)
    codes = (2.0 * labels - 1 + rng.normal(size=30_000))[:, None]
    scores = few_label_probe(
        codes[:10_000], labels[:10_000], codes[10_000:], labels[10_000:]
    )
    assert scores["accuracy"] == pytest.approx(0.8413, abs=3 * 0.0026)


def test_scale_of_codes_does_not_matter_to_lbfgs():
    train, test = clusters(300, 1.5), clusters(300, 1.5, seed=1)
    scale = np.array([1e-3, 1.0, 50.0, 1e3])
    plain = few_label_probe(*train, *test)
    scaled = few_label_probe(train[0] * scale, train[1], test[0] * scale, test[1])
    assert plain == pytest.approx(scaled)


def test_fewer_labels_than_asked_are_all_used():
    train, test = clusters(100), clusters(50, seed=1)
    assert few_label_probe(*train, *test)["num_labels"] == 100


def test_labels_need_not_start_at_zero():
    train, test = clusters(300), clusters(100, seed=1)
    for solver in ("lbfgs", "sgd"):
        scores = few_label_probe(
            train[0], 7 * train[1] - 3, test[0], 7 * test[1] - 3, solver=solver
        )
        assert scores["accuracy"] == 1.0


def test_seed_decides_the_result():
    train, test = clusters(400, 2.0), clusters(400, 2.0, seed=1)
    runs = [
        few_label_probe(*train, *test, num_labels=20, seed=seed)["accuracy"]
        for seed in (0, 0, 1, 2)
    ]
    assert runs[0] == runs[1]
    assert len(set(runs)) > 1


@pytest.mark.parametrize("relu_logits", [False, True])
def test_sgd_against_a_plain_loop(relu_logits):
    codes, labels = clusters(37, 1.0)
    x, y = jnp.asarray(codes, jnp.float32), jnp.asarray(labels)
    train = functools.partial(
        module._train_sgd,
        num_classes=4,
        batch_size=8,
        relu_logits=relu_logits,
        learning_rate=0.05,
        momentum=0.9,
    )
    params = train(jax.random.key(3), x, y, num_epochs=3)
    expected = train(jax.random.key(3), x, y, num_epochs=0)
    optimiser = optax.sgd(0.05, momentum=0.9)
    state = optimiser.init(expected)
    _, _, key_order = jax.random.split(jax.random.key(3), 3)

    @jax.jit
    @jax.grad
    def gradient_of_loss(params, rows):
        logits = x[rows] @ params.kernel + params.bias[None]
        logits = jax.nn.relu(logits) if relu_logits else logits
        return optax.losses.softmax_cross_entropy_with_integer_labels(
            logits, y[rows]
        ).mean()

    for key in jax.random.split(key_order, 3):
        order = jax.random.permutation(key, 37)
        for start in range(0, 37, 8):
            gradient = gradient_of_loss(expected, order[start : start + 8])
            updates, state = optimiser.update(gradient, state)
            expected = optax.apply_updates(expected, updates)
    np.testing.assert_allclose(params.kernel, expected.kernel, atol=1e-6)
    np.testing.assert_allclose(params.bias, expected.bias, atol=1e-6)


def test_bad_input():
    codes, labels = clusters(20)
    with pytest.raises(TypeError, match="test_labels must be integers, got float64"):
        few_label_probe(codes, labels, codes, labels + 0.5)
    with pytest.raises(ValueError, match="one row per row of train_codes, 20, got 19"):
        few_label_probe(codes, labels[1:], codes, labels)
    with pytest.raises(ValueError, match="test_codes must have 4 columns"):
        few_label_probe(codes, labels, codes[:, :2], labels)
    with pytest.raises(ValueError, match=r"num_labels must be .* at least 1, got 0"):
        few_label_probe(codes, labels, codes, labels, num_labels=0)
    with pytest.raises(ValueError, match="solver must be one of lbfgs, sgd, got 'svm'"):
        few_label_probe(codes, labels, codes, labels, solver="svm")
    with pytest.raises(ValueError, match="the 20 labels drawn are all 5"):
        few_label_probe(codes, np.full(20, 5), codes, labels)
    with pytest.raises(ValueError, match="penalty must be above 0, got 0"):
        few_label_probe(codes, labels, codes, labels, penalty=0.0)
    with pytest.raises(ValueError, match="train_labels must be a non-empty vector"):
        few_label_probe(codes, labels[:, None], codes, labels)
