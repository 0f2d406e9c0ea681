import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import digamma
from scipy.stats import norm
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from vsc_jax.metrics import info_mec
from vsc_jax.metrics._info_mec import _knn_information

SIZES = (3, 4, 6, 5)
HEADLINES = ("info_m", "info_e", "info_c")


def grid(sizes=SIZES, copies=1):
    """Every combination of factor values, one per row, so many times."""
    rows = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)
    return np.tile(rows, (copies, 1))


def standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def headlines(scores):
    return [scores[name] for name in HEADLINES]


def two_normals(num, shift, seed=0):
    """A coin v and a code that is normal around -shift or shift."""
    v = np.arange(num) % 2
    noise = np.random.default_rng(seed).normal(size=num)
    return (shift * (2 * v - 1) + noise)[:, None], v[:, None]


def share_of_two_normals(shift):
    """I(z; v) / log 2: the posterior is a logistic function of 2 shift z."""
    loss = quad(
        lambda z: norm.pdf(z, shift) * np.logaddexp(0, -2 * shift * z), -20, 20
    )[0]
    return 1 - loss / np.log(2)


def test_true_factors():
    factors = grid(copies=5)
    codes = standardised(factors)[:, [2, 0, 3, 1]] * [3.0, -0.5, 1.0, -2.0] + 100.0
    scores = info_mec(codes, factors)
    assert min(headlines(scores)) > 0.98
    assert scores["active"] == scores["factors"] == [0, 1, 2, 3]
    information = np.array(scores["information"])
    # Rows of one value are 1e-10 apart, so only they are near: m = k for all rows.
    n = len(factors)
    for latent, factor in enumerate([2, 0, 3, 1]):
        k = SIZES[factor]
        expected = (digamma(n) - digamma(n / k)) / np.log(k)
        assert information[latent, factor] == pytest.approx(expected, abs=1e-4)
    perfect = information[[1, 3, 0, 2]]
    assert np.max(perfect - np.diag(np.diag(perfect))) < 0.02


def test_true_factors_as_categories_are_exact():
    factors = grid()
    names = np.array([7, -2, 100, 3, 17, 4])
    scores = info_mec(None, factors, categories=names[factors])
    assert scores["info_m"] == scores["info_c"] == 1.0
    assert scores["info_e"] == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(scores["information"], np.eye(4), atol=1e-12)


@pytest.mark.parametrize("shift", [0.3, 1.0, 2.0])
def test_two_normals_against_the_integral(shift):
    codes, v = two_normals(20_000, shift)
    scores = info_mec(codes, v)
    expected = share_of_two_normals(shift)
    # The classifier is of the right form, so both estimate the same information.
    assert scores["info_e"] == pytest.approx(expected, abs=0.01)
    assert scores["information"][0][0] == pytest.approx(expected, abs=0.03)


def test_half_of_a_factor():
    factors = grid((4, 3), copies=40)
    halves = np.stack([factors[:, 0] // 2, factors[:, 1]], axis=1)
    scores = info_mec(None, factors, categories=halves)
    # One of two bits; what of the other factor is known is all.
    np.testing.assert_allclose(scores["information"], [[0.5, 0], [0, 1]], atol=1e-12)
    np.testing.assert_allclose(scores["explicitness"], [0.5, 1.0], atol=1e-3)
    assert scores["info_m"] == scores["info_c"] == 1.0


def test_rotated_coins_say_as_much_of_both():
    factors = grid((2, 2), copies=500)
    codes = factors @ np.array([[1, 1], [1, -1]])
    scores = info_mec(None, factors, categories=codes)
    # I(v_1 + v_2; v_1) = 1.5 log 2 - log 2, and the same of all pairs.
    np.testing.assert_allclose(scores["information"], np.full((2, 2), 0.5), atol=1e-12)
    assert scores["info_m"] == pytest.approx(0.0, abs=1e-9)
    assert scores["info_c"] == pytest.approx(0.0, abs=1e-9)
    assert scores["info_e"] == pytest.approx(1.0, abs=1e-3)
    scores = info_mec(codes.astype(float), factors)
    np.testing.assert_allclose(scores["information"], np.full((2, 2), 0.5), atol=0.03)


def test_duplicated_codes_cost_compactness_only():
    factors = grid(copies=5)
    codes = standardised(factors)
    scores = info_mec(np.concatenate([codes, codes], axis=1), factors)
    assert scores["info_m"] > 0.98
    assert scores["info_e"] > 0.98
    # Two of eight latents have half each: (8 / 2 - 1) / (8 - 1).
    assert scores["info_c"] == pytest.approx(3 / 7, abs=0.02)
    exact = info_mec(
        None, factors, categories=np.concatenate([factors, factors], axis=1)
    )
    assert exact["info_c"] == pytest.approx(3 / 7, abs=1e-9)


def test_order_of_codes():
    factors = grid(copies=5)
    codes = standardised(factors)
    turn = np.sqrt(0.5) * np.array([[1, 1], [-1, 1]])
    pair = codes @ np.block([[turn, np.zeros((2, 2))], [np.zeros((2, 2)), np.eye(2)]])
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    noise = np.random.default_rng(0).normal(size=codes.shape)
    found = [headlines(info_mec(c, factors)) for c in (codes, pair, codes @ rotation)]
    m, _, c = np.transpose(found)
    assert m[0] > m[1] + 0.1 > m[2] + 0.2
    assert c[0] > c[1] > c[2]
    # Two factors have half of their information in each of two of the four latents.
    assert c[1] == pytest.approx((1 + 1 + 1 / 3 + 1 / 3) / 4, abs=0.02)
    # Noise tells nothing, yet its estimates are far from equal: only InfoE sees it.
    scores = info_mec(noise, factors)
    assert scores["info_e"] < 0.02
    assert 0.2 < scores["info_m"] < 0.9
    assert np.max(scores["information"]) < 0.05


def test_shuffled_rows_tell_nothing():
    factors = grid(copies=5)
    order = np.random.default_rng(0).permutation(len(factors))
    scores = info_mec(standardised(factors)[order], factors)
    assert scores["info_e"] < 0.02
    assert np.max(scores["information"]) < 0.05


def test_a_missing_factor_costs_its_share():
    factors = grid(copies=5)
    scores = info_mec(standardised(factors)[:, :3], factors)
    assert scores["explicitness"][3] < 0.02
    assert scores["info_e"] == pytest.approx(0.75, abs=0.02)
    assert scores["info_m"] > 0.97


@pytest.mark.parametrize("active", ["range", "iqr"])
def test_constant_codes(active):
    factors = grid()
    # 0.1 is not a sum of powers of two, so the variance is a rounding error.
    dead = np.full((len(factors), 2), 0.1, np.float32)
    scores = info_mec(dead, factors, active=active)
    assert headlines(scores) == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)
    assert scores["active"] == scores["modularity"] == []
    assert scores["compactness"] == [0.0] * 4
    codes = np.concatenate([dead, standardised(factors)], axis=1)
    scores = info_mec(codes, factors, active=active)
    assert scores["active"] == [2, 3, 4, 5]
    assert scores["information"][:2] == [[0.0] * 4] * 2
    # The noise that breaks ties is that of the living columns alone.
    living = info_mec(standardised(factors), factors, active=active)
    assert headlines(scores)[::2] == headlines(living)[::2]
    assert scores["info_e"] == pytest.approx(living["info_e"], abs=1e-3)


def test_an_active_latent_without_information_counts_as_zero():
    factors = grid((2, 2), copies=3)
    # The same three values at every combination: nothing of either factor.
    idle = np.repeat(np.arange(3), 4)[:, None]
    scores = info_mec(None, factors, categories=np.concatenate([factors, idle], axis=1))
    assert scores["active"] == [0, 1, 2]
    assert scores["modularity"] == [1.0, 1.0, 0.0]
    assert scores["info_m"] == pytest.approx(2 / 3)
    scores = info_mec(None, factors, categories=idle)
    assert headlines(scores) == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)


def test_rules_of_activity():
    n = 4_000
    rng = np.random.default_rng(0)
    factors = rng.integers(3, size=(n, 2))
    uniform = rng.uniform(size=(n, 4)) * [1.0, 0.09, 0.11, 0.04]
    rare = np.where(np.arange(n) % 10 == 0, 5.0, 0.0)
    codes = np.concatenate([uniform, rare[:, None]], axis=1)
    # Ranges 1, 0.09, 0.11, 0.04, 5 of at most 5; middle halves 0.5, ..., 0 of 0.5.
    assert info_mec(codes, factors)["active"] == [0, 4]
    assert info_mec(codes, factors, active="iqr")["active"] == [0, 2]
    scores = info_mec(codes, factors, active="iqr", min_active_share=0.05)
    assert scores["active"] == [0, 1, 2]
    scores = info_mec(codes, factors, min_active_share=0.0)
    assert scores["active"] == [0, 1, 2, 3, 4]
    # A pruned latent still helps the regression, as in the authors' code.
    codes = np.stack([100.0 * rng.normal(size=n), factors[:, 0]], axis=1)
    scores = info_mec(codes, factors)
    assert scores["active"] == [0]
    assert scores["explicitness"][0] > 0.98


def test_one_active_latent_and_one_factor():
    factors = grid((3, 4), copies=20)
    scores = info_mec(None, factors, categories=factors[:, :1])
    assert scores["compactness"] == [1.0, 0.0]
    assert scores["info_c"] == 0.5
    assert scores["info_m"] == 1.0
    scores = info_mec(None, factors[:, :1], categories=factors)
    assert scores["modularity"] == [1.0, 0.0]


def test_mixed_codes():
    factors = grid(copies=5)
    scores = info_mec(
        standardised(factors)[:, 1:], factors, categories=9 * factors[:, :1]
    )
    assert min(headlines(scores)) > 0.98
    assert scores["active"] == [0, 1, 2, 3]
    assert np.argmax(scores["information"], axis=1).tolist() == [1, 2, 3, 0]
    assert scores["information"][3] == pytest.approx([1, 0, 0, 0], abs=1e-12)


def test_neighbours_against_scikit_learn():
    rng = np.random.default_rng(0)
    n = 600
    # The second factor has a value with fewer rows than neighbours, and one of one row.
    uneven = np.repeat([0, 1, 2, 3], [n - 105, 100, 4, 1])
    factors = np.stack([rng.integers(3, size=n), uneven], axis=1)
    codes = rng.normal(size=(n, 3)) + factors[:, :1] * [0.0, 0.5, 3.0]
    codes[rng.random(n) < 0.3, 2] = 0.0  # spikes: many equal values
    codes = standardised(codes)
    for num_neighbours in (1, 10, 40):
        # Neighbours among equal values depend on the noise, so it is theirs.
        noise = np.random.RandomState(0)
        found = _knn_information(codes, factors, num_neighbours, noise)
        for k in range(2):
            expected = mutual_info_classif(
                codes, factors[:, k], n_neighbors=num_neighbours, random_state=0
            )
            np.testing.assert_allclose(found[:2, k], expected[:2], atol=1e-3)
            # Theirs subtracts squares in small groups, which is too coarse for ties.
            if k == 0:
                np.testing.assert_allclose(found[2, k], expected[2], atol=1e-3)


def test_explicitness_against_scikit_learn():
    rng = np.random.default_rng(0)
    factors = grid((3, 2), copies=100)
    codes = factors + rng.normal(size=factors.shape)
    scores = info_mec(codes, factors)
    for k in range(2):
        model = LogisticRegression(C=np.inf).fit(codes, factors[:, k])
        loss = log_loss(factors[:, k], model.predict_proba(codes))
        expected = 1 - loss / np.log(factors[:, k].max() + 1)
        assert scores["explicitness"][k] == pytest.approx(expected, abs=1e-5)


def test_rare_values_weigh_as_much():
    """Nine of ten rows have the value 0: a copy of each of the others makes it even."""
    codes, v = two_normals(2_000, 1.0)
    rows = np.flatnonzero(v[:, 0] == 1)[:100]
    rows = np.concatenate([np.flatnonzero(v[:, 0] == 0)[:900], rows])
    even = np.concatenate([rows, np.repeat(rows[900:], 8)])
    scores = info_mec(codes[rows], v[rows])
    same = info_mec(codes[even], v[even])
    assert scores["info_e"] == pytest.approx(same["info_e"], abs=1e-4)
    assert scores["info_e"] > 0.3


def test_factors_that_take_no_part():
    factors = grid((3, 4), copies=4)
    n = len(factors)
    constant, unique = np.full((n, 1), 7), np.arange(n)[:, None]
    more = np.concatenate([constant, factors, unique], axis=1)
    scores = info_mec(standardised(factors), more)
    assert scores["factors"] == [1, 2]
    assert headlines(scores) == headlines(info_mec(standardised(factors), factors))
    # A value of a single row has no neighbour, and does no harm.
    once = np.concatenate([factors, [[9, 0]]])
    scores = info_mec(once[:, 1:].astype(float), once)
    assert scores["factors"] == [0, 1]
    assert np.isfinite(headlines(scores)).all()


def test_more_latents_than_rows():
    rng = np.random.default_rng(0)
    factors = grid((2, 3), copies=2)
    scores = info_mec(rng.normal(size=(12, 50)), factors)
    # Twelve points in fifty dimensions can be told apart whatever their values.
    assert scores["info_e"] > 0.98
    assert all(0 <= value <= 1 for value in headlines(scores))


def test_scale_shift_and_order_of_rows():
    rng = np.random.default_rng(0)
    factors = grid(copies=3)
    codes = standardised(factors) + 0.5 * rng.normal(size=factors.shape)
    scores = info_mec(codes, factors, min_active_share=0.0)
    scale = np.array([1e-3, -1.0, 50.0, 1e3])
    order = rng.permutation(len(codes))
    moved = info_mec((codes * scale + 7)[order], factors[order], min_active_share=0.0)
    assert headlines(scores) == pytest.approx(headlines(moved), abs=1e-4)
    # A cube keeps the order of codes, and nearly what they tell.
    cubed = info_mec(standardised(factors) ** 3, factors)
    assert cubed["info_m"] > 0.98


def test_seed_and_json():
    import json

    factors = grid(copies=2)
    codes = standardised(factors)
    assert info_mec(codes, factors) == info_mec(codes, factors)
    assert headlines(info_mec(codes, factors, seed=1)) == pytest.approx(
        headlines(info_mec(codes, factors)), abs=0.02
    )
    json.dumps(info_mec(codes, factors, categories=factors))


def test_bad_input():
    factors = grid()
    codes = standardised(factors)
    with pytest.raises(ValueError, match="active must be one of range, iqr, got 'x'"):
        info_mec(codes, factors, active="x")
    with pytest.raises(ValueError, match=r"min_active_share must be .* got 1"):
        info_mec(codes, factors, min_active_share=1)
    with pytest.raises(ValueError, match="codes and categories are both None"):
        info_mec(None, factors)
    with pytest.raises(ValueError, match="factors must have one row per row of codes"):
        info_mec(codes[1:], factors)
    with pytest.raises(ValueError, match="categories must have one row per row"):
        info_mec(codes, factors, categories=factors[1:])
    with pytest.raises(TypeError, match="factors must be integers, got float64"):
        info_mec(codes, codes)
    with pytest.raises(ValueError, match="codes has 120 values that are not finite"):
        info_mec(np.where(codes == codes[0, 0], np.nan, codes), factors)
    with pytest.raises(ValueError, match="at least 1 column with at least 2 values"):
        info_mec(codes, np.zeros_like(factors))
    with pytest.raises(ValueError, match="num_neighbours must be a whole number"):
        info_mec(codes, factors, num_neighbours=0)
