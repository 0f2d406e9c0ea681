import json
import time

import numpy as np
import pytest
import scipy.stats
import sklearn.linear_model

from vsc_jax.metrics import NotApplicable, udr

KINDS = ("lasso", "spearman")


def grid(sizes=(4, 4, 5)):
    """Every combination of factor values, one per row."""
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def noise(num, size, seed=0):
    return np.random.default_rng(seed).normal(size=(num, size))


def rotation(size, seed=0):
    return np.linalg.qr(noise(size, size, seed))[0]


def oracle(models, kind):
    """Pair by pair with scikit-learn and SciPy."""
    pairwise = np.zeros((len(models), len(models)))
    for m, a in enumerate(models):
        for n, b in enumerate(models):
            if m == n:
                continue
            x, y = standardised(a), standardised(b)
            if kind == "lasso":
                model = sklearn.linear_model.Lasso(alpha=0.1, tol=1e-10, max_iter=9999)
                strength = np.abs(
                    np.stack([model.fit(x, target).coef_ for target in y.T], axis=1)
                )
            else:
                strength = np.abs(
                    [[scipy.stats.spearmanr(p, q).statistic for q in y.T] for p in x.T]
                )

            def mean_relative(matrix):
                return np.mean(
                    [r.max() ** 2 / r.sum() if r.any() else 0 for r in matrix]
                )

            pairwise[m, n] = (mean_relative(strength) + mean_relative(strength.T)) / 2
    scores = [
        np.median([pairwise[m, n] for m in range(len(models)) if m != n])
        for n in range(len(models))
    ]
    return pairwise, scores


@pytest.mark.parametrize("kind", KINDS)
def test_against_plain_loops(kind):
    base = noise(300, 5)
    models = [
        base @ rotation(5, 1) + 0.3 * noise(300, 5, 2),
        base[:, [2, 0, 1, 4, 3]] * 7 + 1,
        np.tanh(base) + 0.5 * noise(300, 5, 3),
        np.concatenate([base[:, :2], base[:, :1]], axis=1),  # fewer, and a duplicate
    ]
    scores = udr(models, kind=kind)
    pairwise, per_model = oracle(models, kind)
    np.testing.assert_allclose(scores["pairwise"], pairwise, atol=2e-6)
    assert scores["udr_per_model"] == pytest.approx(per_model, abs=2e-6)
    assert scores["udr"] == pytest.approx(np.mean(per_model), abs=2e-6)
    assert scores["best_model"] == np.argmax(per_model)
    json.dumps(scores)


@pytest.mark.parametrize("penalty", [0.1, 0.25])
def test_ceiling_of_lasso(penalty):
    codes = standardised(grid())
    models = [codes, -codes[:, [2, 0, 1]], codes * [1.0, 5.0, -9.0] + 3]
    scores = udr(models, penalty=penalty)
    assert scores["udr_per_model"] == pytest.approx([1 - penalty] * 3)
    assert scores["pairwise"][0][0] == 0.0


def test_ceilings_of_spearman():
    codes = standardised(grid())
    models = [codes, -codes[:, [2, 0, 1]], np.exp(codes)]
    assert udr(models, kind="spearman")["udr"] == pytest.approx(1.0)
    # In samples the other latents' correlations are sqrt(2 / (pi n)) in the mean.
    for size, ceiling in [(6, 0.89), (10, 0.81)]:
        codes = noise(1_000, size)
        score = udr([codes, -codes], kind="spearman")["udr"]
        expected = 1 / (1 + (size - 1) * np.sqrt(2 / (np.pi * 1_000)))
        assert expected == pytest.approx(ceiling, abs=0.005)
        assert score == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_rotated_by_45_degrees(kind):
    a, b, c = noise(100_000, 3).T
    turned = np.stack([(a + b) / np.sqrt(2), (a - b) / np.sqrt(2), c], axis=1)
    score = udr([np.stack([a, b, c], axis=1), turned], kind=kind)["udr"]
    # Two of three rows and columns are shared evenly by two entries s: s^2 / 2s.
    if kind == "lasso":
        expected = (2 * (np.sqrt(0.5) - 0.1) / 2 + 0.9) / 3
    else:  # Spearman's correlation of Gaussians of correlation r is 6/pi asin(r/2)
        expected = (2 * 6 / np.pi * np.arcsin(np.sqrt(0.5) / 2) / 2 + 1) / 3
    assert score == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("kind", KINDS)
def test_agreeing_models_come_before_rotated_ones(kind):
    codes = noise(1_000, 6)
    turned = [codes @ rotation(6, seed) for seed in range(3)]
    same = [codes + 0.2 * noise(1_000, 6, seed) for seed in (1, 2, 3)]
    entangled = udr(turned, kind=kind)["udr"]
    assert 0.1 < entangled < 0.4 < udr(same, kind=kind)["udr"]
    mixed = udr([*same, *turned[:2]], kind=kind)
    assert mixed["best_model"] in (0, 1, 2)
    assert min(mixed["udr_per_model"][:3]) > max(mixed["udr_per_model"][3:])


@pytest.mark.parametrize("kind", KINDS)
def test_idle_latents_take_no_part(kind):
    codes = standardised(grid())
    # Not a sum of powers of two, so the variance is a rounding error.
    idle = np.full((80, 2), 0.1, np.float32)
    models = [np.concatenate([idle, codes], axis=1), -codes]
    expected = udr([codes, -codes], kind=kind)
    scores = udr(models, kind=kind)
    assert scores["active"] == [[2, 3, 4], [0, 1, 2]]
    assert scores["pairwise"] == expected["pairwise"]
    models[0][:, :2] = noise(80, 2)
    kl = [[0.01, 0.0, 0.011, 3, 3], [1, 1, 1]]
    assert udr(models, kind=kind, kl_per_latent=kl) == scores
    assert udr(models, kind=kind)["udr"] < scores["udr"]
    few = udr(models, kind=kind, kl_per_latent=kl, min_kl=2)
    assert few["active"] == [[3, 4], []]
    assert few["udr_per_model"] == [0.0, 0.0]


def test_more_latents_than_rows():
    with pytest.raises(NotApplicable, match=r"as many rows as latents .* got 10"):
        udr([noise(10, 30), noise(10, 20, 1)])
    assert 0 <= udr([noise(30, 30), noise(30, 20, 1)])["udr"] <= 1


def test_time_of_thirty_models():
    models = [noise(1_000, 10, seed) for seed in range(30)]
    start = time.perf_counter()
    udr(models)
    assert time.perf_counter() - start < 5.0


def test_bad_input():
    codes = noise(9, 2)
    with pytest.raises(ValueError, match=r"kind must be one of .* got 'ridge'"):
        udr([codes, codes], kind="ridge")
    with pytest.raises(ValueError, match="penalty must be above 0, got 0"):
        udr([codes, codes], penalty=0)
    with pytest.raises(ValueError, match="at least 2 models' codes, got 1"):
        udr([codes])
    with pytest.raises(ValueError, match=r"codes\[1\] must have one row per row of co"):
        udr([codes, codes[1:]])
    with pytest.raises(
        ValueError, match=r"codes\[1\] has 9 values that are not finite"
    ):
        udr([codes, codes * [np.nan, 1]])
    with pytest.raises(ValueError, match="one entry per model, 2, got 1"):
        udr([codes, codes], kl_per_latent=[[1, 1]])
    with pytest.raises(ValueError, match=r"kl_per_latent\[1\] must be 2 values"):
        udr([codes, codes], kl_per_latent=[[1, 1], [1]])
