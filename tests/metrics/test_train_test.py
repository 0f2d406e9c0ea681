import numpy as np
import pytest

from vsc_jax.metrics._train_test import make_train_test


def parts(codes, factors, codes_test=None, factors_test=None, **kwargs):
    defaults = {"categories": None, "categories_test": None}
    defaults |= {"test_fraction": 0.25, "seed": 0}
    return make_train_test(
        codes, factors, codes_test, factors_test, **(defaults | kwargs)
    )


def data(num=40):
    rng = np.random.default_rng(0)
    factors = np.stack([np.arange(num) % 2, np.arange(num) % 3], axis=1)
    return rng.normal(size=(num, 3)), factors, rng.integers(4, size=(num, 2))


def test_rows_are_split_once_and_by_seed():
    codes, factors, _ = data()
    codes[:, 0] = np.arange(40)
    one, other = parts(codes, factors), parts(codes, factors, seed=1)
    assert one.train.shape == (30, 3)
    assert one.test.shape == (10, 3)
    ranks = np.argsort(np.argsort(np.concatenate([one.train, one.test])[:, 0]))
    assert sorted(ranks) == list(range(40))
    rows = ranks[30:]  # of the test part: its factors stay beside its codes
    np.testing.assert_array_equal(one.test_factors, factors[rows])
    assert not np.array_equal(one.test, other.test)
    np.testing.assert_array_equal(one.test, parts(codes, factors).test)


def test_categories_become_one_column_per_value_of_the_train_part():
    codes, factors, _ = data(4)
    result = parts(
        codes,
        factors,
        codes[:2],
        factors[:2],
        categories=[[7], [5], [7], [7]],
        categories_test=[[5], [6]],
    )
    assert result.train[:, 3:].tolist() == [[0, 1], [1, 0], [0, 1], [0, 1]]
    assert result.test[:, 3:].tolist() == [[1, 0], [0, 0]]  # 6 was never seen
    assert result.owner.tolist() == [0, 1, 2, 3, 3]
    assert result.num_latents == 4
    assert result.sum_features(np.arange(5.0)).tolist() == [0, 1, 2, 7]


def test_factors_with_one_value_in_the_train_part_take_no_part():
    codes, factors, _ = data()
    factors = np.concatenate([np.ones((40, 1), int), factors], axis=1)
    factors_test = factors.copy()
    factors_test[0, 0] = 2
    result = parts(codes, factors, codes, factors_test)
    assert result.columns == [1, 2]
    np.testing.assert_array_equal(result.test_factors, factors[:, 1:])


def test_bad_input():
    codes, factors, categories = data()
    with pytest.raises(ValueError, match="given all together or not at all"):
        parts(codes, factors, codes)
    with pytest.raises(ValueError, match="given all together or not at all"):
        parts(codes, factors, codes, factors, categories=categories)
    with pytest.raises(ValueError, match="categories_test is given without categories"):
        parts(codes, factors, codes, factors, categories_test=categories)
    with pytest.raises(ValueError, match=r"codes_test must have 3 columns .* got 2"):
        parts(codes, factors, codes[:, :2], factors)
    with pytest.raises(ValueError, match=r"factors_test must have 2 columns .* got 1"):
        parts(codes, factors, codes, factors[:, :1])
    with pytest.raises(ValueError, match="factors_test must have one row per row of c"):
        parts(codes, factors, codes, factors[1:])
    with pytest.raises(ValueError, match="test_fraction must be above 0 and below 1"):
        parts(codes, factors, test_fraction=1.0)
    with pytest.raises(ValueError, match="at least 2 rows to split, got 1"):
        parts(codes[:1], factors[:1, :1])
    with pytest.raises(ValueError, match=r"at least 2 columns with .* got 1"):
        parts(codes, factors[:, :1])
    with pytest.raises(TypeError, match="factors_test must be integers, got float64"):
        parts(codes, factors, codes, codes)
