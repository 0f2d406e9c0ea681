import numpy as np
import pytest

from vsc_jax.metrics._standard_scores import divisors, standardise, varying


def test_rounding_errors_are_constant_columns():
    # The mean of ten float32 0.1 is not 0.1, so their variance is not 0.
    column = np.full((10, 1), 0.1, np.float32).astype(np.float64)
    column[3] += 1e-9
    matrix = np.concatenate([column, column * 1e8, np.zeros((10, 1))], axis=1)
    assert varying(matrix).tolist() == [False, False, False]
    assert standardise(matrix).tolist() == [[0.0] * 3] * 10
    assert varying(np.array([[1e-9], [2e-9]])).tolist() == [True]


def test_the_test_part_gets_the_scale_of_the_train_part():
    train, test = np.array([[0.0, 5.0], [2.0, 5.0]]), np.array([[5.0, 7.0]])
    assert standardise(test, train).tolist() == [[4.0, 0.0]]


def test_a_column_without_a_deviation_is_divided_by_one():
    # The squares of the last one are below the smallest float64.
    matrix = np.array([[0.0, 5.0, 1e-200], [4.0, 5.0, 0.0]])
    assert divisors(matrix).tolist() == [2.0, 1.0, 1.0]
    assert divisors(matrix, ddof=1).tolist() == pytest.approx([8**0.5, 1.0, 1.0])
    np.testing.assert_allclose(standardise(matrix)[:, 2], 0.0, atol=1e-199)
