import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

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
    scores = few_label_probe(*train, *test, num_labels=300, solver=solver)
    assert scores["accuracy"] == 1.0
    assert scores["num_labels"] == 300
    assert scores["majority_accuracy"] < 0.4


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_codes_without_information_score_chance(solver):
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=3_300)
    codes = rng.normal(size=(3_300, 4))
    # The same shapes as in the test above, for which the step is compiled.
    scores = few_label_probe(
        codes[:300], labels[:300], codes[300:], labels[300:], solver=solver
    )
    # Chance is 0.25, its standard error 0.008.
    assert scores["accuracy"] == pytest.approx(0.25, abs=0.04)


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
    kernel, bias = (np.asarray(a, np.float64) for a in expected)
    velocity = np.zeros_like(kernel), np.zeros_like(bias)
    _, _, key_order = jax.random.split(jax.random.key(3), 3)
    for key in jax.random.split(key_order, 3):
        order = np.asarray(jax.random.permutation(key, 37))
        for start in range(0, 37, 8):
            rows = order[start : start + 8]
            logits = codes[rows] @ kernel + bias
            passes = logits > 0 if relu_logits else np.ones_like(logits)
            p = scipy.special.softmax(logits * passes, axis=1)
            slope = (p - np.eye(4)[labels[rows]]) * passes / len(rows)
            gradient = codes[rows].T @ slope, slope.sum(axis=0)
            velocity = [0.9 * v + g for v, g in zip(velocity, gradient, strict=True)]
            kernel, bias = kernel - 0.05 * velocity[0], bias - 0.05 * velocity[1]
    np.testing.assert_allclose(params.kernel, kernel, atol=2e-6)
    np.testing.assert_allclose(params.bias, bias, atol=2e-6)


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
