import numpy as np
import pytest
from sklearn.svm import LinearSVC

from vsc_jax.metrics._linear_svm import fit_linear_svm


def features(y, kind):
    noise = np.random.default_rng(1).normal(size=len(y))
    return {
        "true": y * 1.0,
        "scaled": 7 - 0.3 * y,
        "noise": noise,
        "both": 3 * y + noise,
        "constant": np.full(len(y), 0.1),
        "zero": np.zeros(len(y)),
    }[kind]


@pytest.mark.parametrize("num_classes", [2, 3, 40])
@pytest.mark.parametrize(
    "kind", ["true", "scaled", "noise", "both", "constant", "zero"]
)
@pytest.mark.parametrize("penalty", [0.01, 3.0])
def test_against_scikit_learn(num_classes, kind, penalty):
    y = np.random.default_rng(0).integers(num_classes, size=600)
    y[y > 0] = np.maximum(y[y > 0] - 1, 1)  # unequal classes
    y = np.unique(y, return_inverse=True)[1]
    x = features(y, kind)
    w, b = fit_linear_svm(x, y, penalty=penalty)
    expected = LinearSVC(
        C=penalty, class_weight="balanced", dual=False, tol=1e-9, max_iter=100_000
    ).fit(x[:, None], y)
    # With two classes scikit-learn keeps the second classifier only.
    w, b = (w[-1:], b[-1:]) if len(w) == 2 else (w, b)
    np.testing.assert_allclose(w, expected.coef_[:, 0], atol=1e-5)
    np.testing.assert_allclose(b, expected.intercept_, atol=1e-5)


def test_by_hand():
    # One row of each class at -1 and 1, both active: w (1 + 4 C) = 4 C, b = 0.
    w, b = fit_linear_svm(np.array([-1.0, 1.0]), np.array([0, 1]), penalty=1.0)
    np.testing.assert_allclose(w, [-0.8, 0.8])
    np.testing.assert_allclose(b, [0, 0], atol=1e-15)


def test_extremes():
    y = np.arange(300) % 3
    for scale in (1e-8, 1e8):
        w, b = fit_linear_svm((y + np.linspace(0, 0.1, 300)) * scale, y)
        assert np.isfinite(w).all()
        assert np.isfinite(b).all()
