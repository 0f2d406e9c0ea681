import time

import numpy as np
import pytest

from vsc_jax.metrics import factor_vae_score

PROTOCOLS = ("cascade", "locatello")
SIZES = (3, 6, 8, 5)


def grid(sizes=SIZES):
    """Every combination of factor values, one per row."""
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def rotation(size, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def noise(num, size, seed=0):
    return np.random.default_rng(seed).normal(size=(num, size))


def oracle(codes, factors, num_votes, batch_size, categories=None, seed=1):
    """Vote by vote with plain loops, scored on the same votes."""
    rng = np.random.default_rng(seed)
    num_latents = codes.shape[1] + (0 if categories is None else categories.shape[1])
    num_factors = factors.shape[1]

    def gini(column):
        n = len(column)
        pairs = sum(int(np.sum(column == c)) ** 2 for c in set(column.tolist()))
        return (n**2 - pairs) / (2 * n * (n - 1))

    def variances(rows):
        values = [np.var(codes[rows, j], ddof=1) for j in range(codes.shape[1])]
        if categories is not None:
            values += [gini(column) for column in categories[rows].T]
        return np.array(values)

    spread = variances(np.arange(len(codes)))
    votes = np.zeros((num_latents, num_factors))
    for vote in range(num_votes):
        k = vote % num_factors
        value = rng.choice(np.unique(factors[:, k]))
        rows = rng.choice(np.flatnonzero(factors[:, k] == value), batch_size)
        votes[np.argmin(variances(rows) / spread), k] += 1
    return votes.max(axis=1).sum() / num_votes


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_true_factors_score_one(protocol):
    factors = grid()
    codes = standardised(factors)[:, [2, 0, 3, 1]] * [3.0, -0.5, 1.0, -7.0] + 100.0
    scores = factor_vae_score(codes, factors, protocol=protocol)
    assert scores["factor_vae_score"] == scores["train_accuracy"] == 1.0
    assert scores["factor_vae_score_standard_error"] == 0.0
    assert scores["chance"] == 0.25
    assert scores["factors"] == scores["active"] == [0, 1, 2, 3]
    votes = np.array(scores["votes"])
    assert votes.sum() == scores["num_votes"] == {"cascade": 640}.get(protocol, 10_000)
    assert scores["num_eval_votes"] == {"cascade": 640}.get(protocol, 5_000)
    # Each latent is named for its factor alone, in "cascade" 160 times.
    assert votes.argmax(axis=1).tolist() == [2, 0, 3, 1]
    assert np.count_nonzero(votes) == 4
    if protocol == "cascade":
        assert votes.max(axis=1).tolist() == [160] * 4


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kl", [None, [0.0, 0.0]])
def test_codes_that_say_nothing_score_chance(protocol, kl):
    # 0.1 is not a sum of powers of two, so the variance is a rounding error.
    codes = np.full((720, 2), 0.1, np.float32)
    scores = factor_vae_score(codes, grid(), protocol=protocol, kl_per_latent=kl)
    assert scores["factor_vae_score"] == scores["train_accuracy"] == 0.25
    assert scores["active"] == []
    assert np.sum(scores["votes"]) == 0


def test_noise_scores_chance_on_fresh_votes_and_more_on_its_own():
    factors = np.tile(grid(), (50, 1))
    codes = noise(len(factors), 10)
    fresh = factor_vae_score(codes, factors, protocol="locatello")
    assert fresh["factor_vae_score"] == pytest.approx(0.25, abs=0.03)
    same = factor_vae_score(codes, factors)
    assert 0.27 < same["factor_vae_score"] < 0.36
    assert fresh["factor_vae_score_standard_error"] == pytest.approx(
        np.sqrt(0.25 * 0.75 / 5_000), rel=0.05
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_constant_latents_change_nothing(protocol):
    factors = grid()
    codes = np.concatenate([np.full((720, 2), 0.1), standardised(factors)], axis=1)
    scores = factor_vae_score(codes, factors, protocol=protocol, kl_per_latent=[9] * 6)
    assert scores["factor_vae_score"] == 1.0
    assert scores["active"] == [2, 3, 4, 5]


def test_a_constant_variable_is_left_out():
    factors = grid()
    scores = factor_vae_score(
        standardised(factors), factors, categories=np.full((720, 1), 2)
    )
    assert scores["factor_vae_score"] == 1.0
    assert scores["active"] == [0, 1, 2, 3]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_shape_as_a_category(protocol):
    factors = grid()
    shape = np.array([40, -3, 7])[factors[:, :1]]  # any integers name categories
    scores = factor_vae_score(
        standardised(factors)[:, 1:], factors, categories=shape, protocol=protocol
    )
    assert scores["factor_vae_score"] == 1.0
    assert scores["active"] == [0, 1, 2, 3]
    assert np.argmax(scores["votes"], axis=1).tolist() == [1, 2, 3, 0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_duplicates_cost_nothing_and_a_missing_factor_its_share(protocol):
    factors = grid()
    codes = standardised(factors)
    twice = np.concatenate([codes, codes], axis=1)
    assert factor_vae_score(twice, factors, protocol=protocol)["factor_vae_score"] == 1
    score = factor_vae_score(codes[:, :3], factors, protocol=protocol)
    # Votes with the fourth factor fixed name any latent; each latent keeps its own.
    assert score["factor_vae_score"] == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("seed", [2, 5])
def test_rotated_codes_against_plain_loops(seed):
    factors = grid()
    codes = standardised(factors) @ rotation(4, seed)
    expected = oracle(codes, factors, num_votes=2_000, batch_size=20)
    scores = factor_vae_score(codes, factors, num_votes=8_000, batch_size=20)
    error = np.sqrt(expected * (1 - expected) * (1 / 2_000 + 1 / 8_000))
    assert 0.4 < expected < 0.98
    assert scores["factor_vae_score"] == pytest.approx(expected, abs=4 * error)
    assert sum(map(sum, scores["votes"])) == 8_000


def test_mixed_codes_against_plain_loops():
    factors = grid()
    codes = (standardised(factors) @ rotation(4, 5))[:, :3]
    wrong = np.random.default_rng(0).random(720) < 0.4
    categories = np.stack(
        [np.where(wrong, (factors[:, 0] + 1) % 3, factors[:, 0]), factors[:, 1] // 3], 1
    )
    expected = oracle(codes, factors, 2_000, 20, categories)
    scores = factor_vae_score(
        codes, factors, categories=categories, num_votes=8_000, batch_size=20
    )
    error = np.sqrt(expected * (1 - expected) * (1 / 2_000 + 1 / 8_000))
    assert 0.4 < expected < 0.98
    assert scores["factor_vae_score"] == pytest.approx(expected, abs=4 * error)


@pytest.mark.parametrize(("share", "winner"), [(0.85, 0), (0.95, 1)])
def test_gini_variance_competes_with_a_variance(share, winner):
    """A large vote gives expected values, so the smaller ratio wins every vote.

    The category is the factor a in {0, 1} flipped with probability 0.2: given a, its
    Gini variance is 0.2 * 0.8 = 0.16 of 0.25 overall, a ratio of 0.64. The latent is
    a + s * n with a normal n: given a s^2, overall s^2 + 0.25.
    """
    rng = np.random.default_rng(0)
    a = rng.integers(2, size=40_000)
    factors = np.stack([a, rng.integers(2, size=40_000)], axis=1)
    category = np.where(rng.random(40_000) < 0.2, 1 - a, a)
    ratio = 0.64 * share if winner == 0 else 0.64 / share
    s = np.sqrt(0.25 * ratio / (1 - ratio))
    scores = factor_vae_score(
        (a + s * rng.normal(size=40_000))[:, None],
        factors,
        categories=category[:, None],
        batch_size=20_000,
        num_votes=40,
    )
    assert scores["votes"][winner][0] == 20


def test_pruning_by_kl():
    factors = grid()
    codes = np.concatenate([standardised(factors), noise(720, 1)], axis=1)
    scores = factor_vae_score(codes, factors, kl_per_latent=[1, 0.1, 0.11, 2, 0.0])
    assert scores["active"] == [0, 2, 3]
    assert scores["factor_vae_score"] < 0.8
    scores = factor_vae_score(
        codes, factors, kl_per_latent=[1, 0.1, 0.11, 2, 0.0], min_kl=0.05
    )
    assert scores["active"] == [0, 1, 2, 3]
    assert scores["factor_vae_score"] == 1.0
    # A collapsed latent's variable stays.
    scores = factor_vae_score(
        codes[:, 1:], factors, categories=factors[:, :1], kl_per_latent=[0] * 4
    )
    assert scores["active"] == [4]
    assert scores["factor_vae_score"] == 0.25


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_variable_with_a_kl_of_zero_is_not_in_use(protocol):
    factors = grid()
    for kl, active in [(0.0, [0, 1, 2, 3]), (1e-3, [0, 1, 2, 3, 4])]:
        scores = factor_vae_score(
            standardised(factors),
            factors,
            categories=factors[:, :1],
            kl_per_latent=[1, 1, 1, 1, kl],
            protocol=protocol,
        )
        assert scores["active"] == active


def test_pruning_by_standard_deviation():
    factors = grid()
    scale = np.array([1, 1, 0.051, 0.049])
    codes = standardised(factors) * scale[None]
    scores = factor_vae_score(codes, factors)
    assert scores["active"] == [0, 1, 2]
    scores = factor_vae_score(codes, factors, min_std=0.02)
    assert scores["active"] == [0, 1, 2, 3]
    # The sampled variance is close to that of all rows; KL is not looked at.
    scores = factor_vae_score(
        codes * 1.2, factors, protocol="locatello", kl_per_latent=[0] * 4
    )
    assert scores["active"] == [0, 1, 2, 3]
    # One image in 720 in another category: a standard deviation of 0.037.
    rare = (np.arange(720) == 5)[:, None].astype(int)
    for protocol, active in [("cascade", [0, 1, 2, 4]), ("locatello", [0, 1, 2])]:
        scores = factor_vae_score(codes, factors, categories=rare, protocol=protocol)
        assert scores["active"] == active


def test_factors_without_two_usable_values_are_left_out():
    factors = grid((4, 1, 6))
    unique = np.arange(24)[:, None]  # fixing it leaves copies of one row
    factors = np.concatenate([factors, unique], axis=1)
    scores = factor_vae_score(factors[:, [0, 2]].astype(float), factors)
    assert scores["factors"] == [0, 2]
    assert scores["chance"] == 0.5
    assert scores["num_votes"] == 320
    assert scores["factor_vae_score"] == 1.0


def test_a_value_of_a_single_row_is_never_fixed():
    factors = np.concatenate([grid((4, 6)), [[9, 0]]])
    codes = factors.astype(float)
    scores = factor_vae_score(codes[:, ::-1], factors)
    assert scores["factors"] == [0, 1]
    assert scores["factor_vae_score"] == 1.0


def test_row_order_and_labels_of_values_do_not_matter_to_a_perfect_code():
    factors = grid()
    order = np.random.default_rng(0).permutation(720)[:500]
    names = np.array([5, -2, 100, 3, 17, 4, 40, 8])
    scores = factor_vae_score(standardised(factors)[order], names[factors[order]])
    assert scores["factor_vae_score"] == 1.0


def test_numbers_of_the_protocol_can_be_set():
    factors, codes = grid(), standardised(grid()) @ rotation(4)
    kwargs = {"num_votes": 30, "num_eval_votes": 70, "batch_size": 5}
    for protocol in PROTOCOLS:
        scores = factor_vae_score(codes, factors, protocol=protocol, **kwargs)
        assert np.sum(scores["votes"]) == scores["num_votes"] == 30
        assert scores["num_eval_votes"] == 70
        assert (scores["factor_vae_score"] * 70) % 1 == pytest.approx(0, abs=1e-9)
        again = factor_vae_score(codes, factors, protocol=protocol, **kwargs)
        other = factor_vae_score(codes, factors, protocol=protocol, seed=1, **kwargs)
        assert again == scores != other
    few = factor_vae_score(codes, factors, num_variance_rows=5)
    assert few != factor_vae_score(codes, factors)


def test_time_of_fifty_thousand_rows():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(k, size=50_000) for k in (3, 6, 40, 32, 32)], 1)
    codes = noise(50_000, 10).astype(np.float32)
    start = time.perf_counter()
    factor_vae_score(codes, factors)
    assert time.perf_counter() - start < 1.0


def test_bad_input():
    factors, codes = grid(), standardised(grid())
    with pytest.raises(ValueError, match=r"protocol must be .* got 'kim'"):
        factor_vae_score(codes, factors, protocol="kim")
    with pytest.raises(ValueError, match=r"factors must have one row per .* got 719"):
        factor_vae_score(codes, factors[1:])
    with pytest.raises(ValueError, match=r"categories must be .* got shape \(720,\)"):
        factor_vae_score(codes, factors, categories=factors[:, 0])
    with pytest.raises(TypeError, match="factors must be integers, got float64"):
        factor_vae_score(codes, codes)
    with pytest.raises(ValueError, match="codes has 240 values that are not finite"):
        factor_vae_score(np.where(codes == codes[0, 0], np.nan, codes), factors)
    with pytest.raises(ValueError, match=r"at least 2 columns .* got 1"):
        factor_vae_score(codes, factors[:, :1])
    with pytest.raises(ValueError, match=r"of shape \(4,\), got \[1.0\]"):
        factor_vae_score(codes, factors, kl_per_latent=[1.0])
    with pytest.raises(ValueError, match=r"batch_size must be .* at least 2 .* got 1"):
        factor_vae_score(codes, factors, batch_size=1)
    with pytest.raises(ValueError, match="num_variance_rows must be 0"):
        factor_vae_score(codes, factors, num_variance_rows=1)
