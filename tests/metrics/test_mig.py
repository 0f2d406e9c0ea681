import json

import numpy as np
import pytest

from vsc_jax.metrics import dcimig, mig, mig_sup

DSPRITES = (3, 6, 40, 32, 32)
SIZES = (3, 4, 5, 8)


def grid(sizes=SIZES):
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def draw(num, sizes, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(k, size=num) for k in sizes], axis=1)


def rotation(size, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def binned_entropy(size, num_bins=20):
    """Nats of `size` equally likely values, equally spaced, after binning."""
    counts = np.histogram(np.arange(size), num_bins)[0] / size
    return -np.sum(counts * np.log(np.where(counts > 0, counts, 1)))


@pytest.mark.parametrize(
    ("sizes", "ceiling"),
    [
        (DSPRITES, 0.902),
        ((6, 6, 2, 3, 3, 40, 40), 0.946),  # MPI3D
        ((4, 24, 183), 0.834),  # Cars3D
        ((10, 10, 10, 8, 4, 15), 1.0),  # Shapes3D
        ((5, 9, 18, 6), 1.0),  # SmallNORB
    ],
)
def test_ceilings_of_the_usual_datasets(sizes, ceiling):
    # Every value equally often: the ceiling knows the columns one by one.
    rows = np.arange(np.lcm.reduce(sizes))
    factors = np.stack([rows % k for k in sizes], axis=1)
    scores = mig(np.zeros((len(rows), 1)), factors)
    assert scores["mig"] == 0.0
    assert scores["ceiling"] == pytest.approx(ceiling, abs=6e-4)
    np.testing.assert_allclose(
        scores["ceiling_per_factor"], [binned_entropy(k) / np.log(k) for k in sizes]
    )


def test_true_factors_reach_the_ceiling_in_any_order_sign_and_scale():
    factors = grid((3, 6, 40))
    codes = standardised(factors)[:, [2, 0, 1]] * [3.0, -0.5, 1e-4] + [7.0, 0.1, -2.0]
    for score in (mig, dcimig):
        scores = score(codes, factors)
        assert scores["ceiling"] < 1
        assert scores[score.__name__] == pytest.approx(scores["ceiling"], abs=1e-12)
    assert mig(codes, factors)["best"] == [1, 2, 0]
    expected = (2 + binned_entropy(40) / np.log(40)) / 3
    assert mig_sup(codes, factors)["mig_sup"] == pytest.approx(expected, abs=1e-12)
    json.dumps([score(codes, factors) for score in (mig, mig_sup, dcimig)])


@pytest.mark.parametrize(("num", "expected"), [(10_000, 0.896), (2_000, 0.867)])
def test_random_rows_cost_what_the_docstring_says(num, expected):
    factors = draw(num, DSPRITES)
    scores = mig(factors, factors)
    assert scores["mig"] == pytest.approx(expected, abs=0.004)
    assert scores["ceiling"] == pytest.approx(0.902, abs=0.003)


def test_a_heavy_tail_costs_points():
    factors = draw(10_000, (8,) * 6)
    assert mig(factors, factors)["mig"] == pytest.approx(0.9985, abs=0.001)
    # Two pairs of the eight cubes share bins: 2.5 bits of 3 are left.
    cubed = mig((factors - 3.5) ** 3, factors)
    assert cubed["mig"] == pytest.approx(5 / 6, abs=0.003)
    assert cubed["ceiling"] == pytest.approx(1.0)


def test_duplicated_codes_are_seen_by_mig_alone():
    factors = grid()
    codes = np.concatenate([factors, 5 - 2 * factors], axis=1)
    assert mig(codes, factors)["mig"] == 0.0
    assert mig_sup(codes, factors)["mig_sup"] == pytest.approx(1.0)
    assert dcimig(codes, factors)["dcimig"] == pytest.approx(1.0)


def test_a_code_with_two_factors_by_hand():
    # a + b has 1 bit / 2 on each of two bits and is the only code with any.
    bits = grid((2, 2))
    both = bits.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mig(both, bits)["mig_per_factor"], [0.5, 0.5])
    np.testing.assert_allclose(
        mig(both, bits)["mutual_information"], [[np.log(2) / 2] * 2]
    )
    assert mig_sup(both, bits)["mig_sup"] == 0.0
    assert dcimig(both, bits)["dcimig"] == 0.0
    # Turned by 45 degrees: two codes with half a bit on each, no gap either way.
    turned = np.concatenate([both, bits @ [[1], [-1]]], axis=1)
    for score in (mig, mig_sup, dcimig):
        assert score(turned, bits)[score.__name__] == pytest.approx(0, abs=1e-12)


def test_a_missing_factor_costs_its_share():
    factors = grid((2, 4, 8))
    codes = factors[:, 1:]
    assert mig(codes, factors)["mig"] == pytest.approx(2 / 3)
    assert mig_sup(codes, factors)["mig_sup"] == pytest.approx(1.0)
    # Of 1 + 2 + 3 bits the first is not in the codes.
    assert dcimig(codes, factors)["dcimig"] == pytest.approx(5 / 6)
    np.testing.assert_allclose(
        dcimig(codes, factors)["gaps"], np.log([1, 4, 8]), atol=1e-12
    )


def test_constant_codes():
    factors = grid()
    constant = np.full((len(factors), 2), 0.1, np.float32)
    for score in (mig, mig_sup, dcimig):
        scores = score(constant, factors)
        assert scores[score.__name__] == 0.0
        assert np.count_nonzero(scores["mutual_information"]) == 0
    assert mig_sup(constant, factors)["mig_sup_active"] == 0.0
    padded = np.concatenate([factors, constant, constant], axis=1)
    assert mig(padded, factors)["mig"] == pytest.approx(1.0)
    assert dcimig(padded, factors)["dcimig"] == pytest.approx(1.0)
    scores = mig_sup(padded, factors)
    assert scores["mig_sup"] == pytest.approx(0.5)
    assert scores["mig_sup_active"] == pytest.approx(1.0)
    assert scores["active"] == [0, 1, 2, 3]


def test_order_of_true_rotated_shuffled_and_noise():
    factors = draw(5_000, SIZES)
    true = standardised(factors)
    half = true.copy()
    half[:, :2] = true[:, :2] @ [[1, 1], [1, -1]]
    shuffled = np.random.default_rng(1).permutation(true)
    noise = np.random.default_rng(2).normal(size=true.shape)
    cases = [true, half, true @ rotation(4), shuffled]
    for score in (mig, mig_sup, dcimig):
        a, b, c, d = (score(codes, factors)[score.__name__] for codes in cases)
        assert a > 0.98 > b > c > d
        assert d < 0.01
        assert score(noise, factors)[score.__name__] < 0.01


def test_a_categorical_variable_is_one_more_code():
    factors = grid((3, 40, 5))
    shape = np.array([40, -3, 7])[factors[:, :1]]
    scores = mig(factors[:, 1:], factors, categories=shape)
    assert scores["best"] == [2, 0, 1]
    assert scores["mig"] == pytest.approx(scores["ceiling"])
    # 40 categories are not merged into 20 bins.
    scores = mig(factors[:, :1], factors, categories=factors[:, 1:2])
    assert scores["mig_per_factor"] == pytest.approx([1, 1, 0])
    assert mig_sup(factors[:, :1], factors, categories=factors[:, 1:])[
        "mig_sup"
    ] == pytest.approx(1.0)
    assert dcimig(factors[:, :1], factors, categories=factors[:, 1:])[
        "dcimig"
    ] == pytest.approx(1.0)


def test_factors_with_one_value_take_no_part():
    factors = grid((4, 1, 6))
    scores = mig(factors, factors)
    assert scores["factors"] == [0, 2]
    assert scores["best"] == [0, 2]
    assert scores["mig"] == 1.0
    assert mig(factors[:, :1], factors[:, :1])["mig"] == 1.0


def test_more_latents_than_rows():
    codes = np.random.default_rng(0).normal(size=(5, 30))
    for score in (mig, mig_sup, dcimig):
        assert 0 <= score(codes, grid((3, 3))[::2])[score.__name__] <= 1


def test_bad_input():
    factors = grid()
    with pytest.raises(ValueError, match="factors must have one row per row of codes"):
        mig(factors, factors[1:])
    with pytest.raises(ValueError, match=r"num_bins must be .* at least 2 .* got 1"):
        mig(factors, factors, num_bins=1)
    with pytest.raises(ValueError, match="values that are not finite"):
        mig(np.full(factors.shape, np.nan), factors)
    with pytest.raises(TypeError, match="factors must be integers"):
        mig(factors, factors / 2)
    with pytest.raises(ValueError, match="got 0 such among 4"):
        mig(factors, factors * 0)
    for score in (mig_sup, dcimig):
        with pytest.raises(ValueError, match=r"at least 2 columns .* got 1"):
            score(factors, factors[:, :1])
