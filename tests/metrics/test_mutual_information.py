import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from vsc_jax.metrics._mutual_information import (
    bin_codes,
    entropy,
    mutual_information,
)


def test_bins_are_those_of_a_histogram():
    codes = np.random.default_rng(0).normal(size=(3_000, 4))
    bins = bin_codes(codes)
    assert bins.min() == 0
    assert bins.max() == 19
    for column, of in zip(codes.T, bins.T, strict=True):
        np.testing.assert_array_equal(np.bincount(of), np.histogram(column, 20)[0])
    assert bin_codes(codes, num_bins=7).max() == 6


@pytest.mark.parametrize("size", [2, 5, 11, 21, 41])
def test_grids_keep_their_bins_under_shift_and_scale(size):
    # (size - 1) divides num_bins or is divided by it: values lie on the edges.
    grid = np.arange(size)[:, None].astype(float)
    expected = bin_codes(grid)
    for scale, shift in [(0.1, 0.7), (1 / 3, -5.0), (1e-9, 0.0), (1e6, 0.1)]:
        np.testing.assert_array_equal(bin_codes(grid * scale + shift), expected)
    in_float32 = (grid * 0.1 + 0.3).astype(np.float32)
    np.testing.assert_array_equal(bin_codes(in_float32), expected)


def test_constant_columns_are_one_bin():
    codes = np.full((50, 3), 0.1)
    codes[::2, 1] += 1e-16
    codes[:, 2] = 0.0
    assert not bin_codes(codes).any()


def test_information_against_scikit_learn():
    rng = np.random.default_rng(0)
    y = np.stack([rng.integers(k, size=2_000) for k in (3, 6, 40)], axis=1)
    x = np.stack([y[:, 0] + rng.integers(2, size=2_000), y[:, 2] // 4, y[:, 1]], 1)
    x[:, 1] *= 10**12  # any integers
    x[:, 2] -= 7
    expected = [[mutual_info_score(a, b) for b in y.T] for a in x.T]
    found = mutual_information(x, y)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(np.diag(mutual_information(x, x)), entropy(x))


def test_information_by_hand():
    # Half the rows: the bit itself; the other half: nothing. p = 1/2, 1/4, 1/4.
    x = np.array([[0], [0], [1], [2]])
    y = np.array([[0, 0, 9], [0, 1, 9], [1, 0, 9], [1, 1, 9]])
    found = mutual_information(x, y)
    np.testing.assert_allclose(found, [[np.log(2), np.log(2) / 2, 0]])
    assert found[0, 2] == 0.0
    np.testing.assert_allclose(entropy(x), [1.5 * np.log(2)])


def test_independent_columns_of_a_full_grid_have_exactly_none():
    y = np.stack(np.unravel_index(np.arange(7 * 11 * 3), (7, 11, 3)), axis=1)
    off_diagonal = mutual_information(y, y)[~np.eye(3, dtype=bool)]
    assert (off_diagonal == 0).all()
    np.testing.assert_allclose(entropy(y), np.log([7, 11, 3]))


def test_the_bias_of_noise_is_that_of_the_docstring():
    rng = np.random.default_rng(0)
    x = rng.integers(20, size=(10_000, 20))
    y = rng.integers(40, size=(10_000, 1))
    assert mutual_information(x, y).mean() == pytest.approx(19 * 39 / 20_000, rel=0.03)


def test_extreme_integers():
    big = np.array([[-(2**62)], [2**62], [2**62], [0]])
    assert entropy(big)[0] == pytest.approx(1.5 * np.log(2))


def test_bad_input():
    with pytest.raises(ValueError, match=r"num_bins must be .* at least 2 .* got 1"):
        bin_codes([[0.0]], num_bins=1)
    with pytest.raises(ValueError, match="codes has 1 values that are not finite"):
        bin_codes([[np.nan], [1.0]])
    with pytest.raises(ValueError, match="factors must have one row per row of bins"):
        mutual_information([[1], [2]], [[1]])
    with pytest.raises(TypeError, match="bins must be integers, got float64"):
        mutual_information([[1.0]], [[1]])
