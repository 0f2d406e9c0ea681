"""Factors drawn from their grid, and rows found by their factors."""

import dataclasses

import numpy as np
import pytest

from vsc_jax.datasets import (
    Dataset,
    GroundTruth,
    ImageFormat,
    ground_truth,
    images_from_factors,
    load_dataset,
    rows_from_factors,
)

TRUTH = GroundTruth(("shape", "x", "y"), (3, 8, 15))


def rng(seed=0):
    return np.random.default_rng(seed)


def grid_dataset(rows=None):
    """Images of one pixel, its value the place in a grid of 3 x 4 x 5."""
    truth = GroundTruth(("a", "b", "c"), (3, 4, 5))
    rows = np.arange(60) if rows is None else rows
    return Dataset(
        name="toy",
        images=rows.astype(np.uint8).reshape(-1, 1, 1, 1),
        format=ImageFormat((1, 1, 1)),
        train_indices=np.arange(len(rows) - 1, dtype=np.int32),
        test_indices=np.array([len(rows) - 1], np.int32),
        factors=truth.factors_from_index(rows),
        factor_names=truth.factor_names,
        factor_sizes=truth.factor_sizes,
    )


def test_index_and_factors_are_inverse_and_row_major():
    index = np.arange(TRUTH.num_images)
    factors = TRUTH.factors_from_index(index)
    assert factors.dtype == np.int32
    np.testing.assert_array_equal(TRUTH.index_from_factors(factors), index)
    assert factors[1].tolist() == [0, 0, 1]
    assert factors[15].tolist() == [0, 1, 0]
    assert factors[-1].tolist() == [2, 7, 14]
    assert TRUTH.factors_from_index(np.array(16)).tolist() == [0, 1, 1]


def test_sampled_factors_are_uniform_and_independent():
    factors = TRUTH.sample_factors(rng(), 60_000)
    assert factors.shape == (60_000, 3)
    for column, size in zip(factors.T, TRUTH.factor_sizes, strict=True):
        counts = np.bincount(column, minlength=size)
        assert len(counts) == size
        # Five standard deviations of a binomial.
        spread = 5 * np.sqrt(60_000 / size)
        assert np.abs(counts - 60_000 / size).max() < spread
    assert np.abs(np.corrcoef(factors.T)[~np.eye(3, dtype=bool)]).max() < 0.02
    np.testing.assert_array_equal(
        TRUTH.sample_factors(rng(3), 5), TRUTH.sample_factors(rng(3), 5)
    )


@pytest.mark.parametrize("sigma", [0.1, 0.2, 0.7])
def test_a_pair_has_the_distribution_of_the_paper(sigma):
    num = 100_000
    factors = TRUTH.sample_correlated_factors(rng(), num, "y", "x", sigma=sigma)
    expected = np.array(
        [
            [np.exp(-((y / 15 - x / 8) ** 2) / (2 * sigma**2)) for x in range(8)]
            for y in range(15)
        ]
    )
    expected /= expected.sum()
    counts = np.zeros((15, 8))
    np.add.at(counts, (factors[:, 2], factors[:, 1]), 1)
    assert np.abs(counts / num - expected).max() < 5 * np.sqrt(expected.max() / num)
    # The third factor stays uniform, and independent of both.
    assert np.abs(np.bincount(factors[:, 0]) / num - 1 / 3).max() < 0.01
    assert np.abs(np.corrcoef(factors.T)[0, 1:]).max() < 0.02


@pytest.mark.parametrize("correlation", [-0.95, -0.3, 0.0, 0.05, 0.5, 0.9])
def test_a_pair_has_the_correlation_that_was_asked_for(correlation):
    factors = TRUTH.sample_correlated_factors(
        rng(1), 100_000, "x", "y", correlation=correlation
    )
    found = np.corrcoef(factors[:, 1], factors[:, 2])[0, 1]
    assert found == pytest.approx(correlation, abs=0.015)
    assert np.unique(factors[:, 1]).tolist() == list(range(8))


def test_a_narrow_line_is_the_diagonal_and_a_wide_one_is_uniform():
    truth = GroundTruth(("a", "b"), (6, 6))
    factors = truth.sample_correlated_factors(rng(), 500, "a", "b", sigma=1e-6)
    np.testing.assert_array_equal(factors[:, 0], factors[:, 1])
    factors = truth.sample_correlated_factors(rng(), 500, "a", "b", correlation=-1.0)
    np.testing.assert_array_equal(factors[:, 0], 5 - factors[:, 1])
    factors = truth.sample_correlated_factors(rng(), 50_000, "a", "b", sigma=1e6)
    assert abs(np.corrcoef(factors.T)[0, 1]) < 0.02


def test_rows_of_a_whole_grid_and_of_a_shuffled_one():
    factors = ground_truth(grid_dataset()).sample_factors(rng(), 40)
    expected = factors @ [20, 5, 1]
    np.testing.assert_array_equal(rows_from_factors(grid_dataset(), factors), expected)
    shuffled = grid_dataset(rng(1).permutation(60))
    rows = rows_from_factors(shuffled, factors)
    np.testing.assert_array_equal(shuffled.factors[rows], factors)
    for dataset in (grid_dataset(), shuffled):
        images = images_from_factors(dataset, factors)
        assert images.dtype == np.float32
        np.testing.assert_allclose(images[:, 0, 0, 0] * 255, expected, rtol=1e-6)


def test_rows_with_equal_factors_are_chosen_by_the_generator():
    doubled = grid_dataset(np.concatenate([np.arange(60), np.arange(60)]))
    factors = np.tile(doubled.factors[7:8], (400, 1))
    assert set(rows_from_factors(doubled, factors)) == {7}
    chosen = rows_from_factors(doubled, factors, rng=rng())
    assert set(chosen) == {7, 67}
    assert 150 < np.count_nonzero(chosen == 7) < 250


def test_an_incomplete_grid_names_what_it_lacks():
    dataset = grid_dataset(np.array([3, 9, 11, 41]))
    rows = rows_from_factors(dataset, np.array([[0, 2, 1], [2, 0, 1]]))
    np.testing.assert_array_equal(rows, [2, 3])
    with pytest.raises(
        ValueError,
        match=r"toy holds 4 of the 60.*a = 1, b = 2, c = 3 \(factors\[1\]\).*num_train",
    ):
        images_from_factors(dataset, np.array([[0, 2, 1], [1, 2, 3]]))


def test_sprites_by_their_factors():
    dataset = load_dataset("sprites", num_train=50, num_test=10, image_size=32)
    order = rng().permutation(60)
    np.testing.assert_array_equal(
        images_from_factors(dataset, dataset.factors[order]), dataset.decode(order)
    )
    assert ground_truth(dataset).num_images == 737_280


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="one size from 1 on per factor"):
        GroundTruth(("a",), (3, 4))
    with pytest.raises(ValueError, match="per factor"):
        GroundTruth(("a",), (0,))
    with pytest.raises(ValueError, match=r"0\.\.359, got 360"):
        TRUTH.factors_from_index(np.array([3, 360]))
    with pytest.raises(TypeError, match="index must be integers, got dtype float64"):
        TRUTH.factors_from_index(np.array([0.5]))
    with pytest.raises(ValueError, match=r"\[n, 3\] \(shape, x, y\), got \(2, 2\)"):
        TRUTH.index_from_factors(np.zeros((2, 2), int))
    with pytest.raises(ValueError, match=r"factors\[1\] has x = 8.* 0\.\.7"):
        TRUTH.index_from_factors(np.array([[0, 0, 0], [0, 8, 0]]))
    with pytest.raises(TypeError, match="factors must be integers"):
        TRUTH.index_from_factors(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="num must be at least 1, got 0"):
        TRUTH.sample_factors(rng(), 0)
    for change, message in [
        ({"first": "z"}, "unknown factor 'z'; known: shape, x, y"),
        ({"first": "y"}, "two factors of at least two values"),
        ({"sigma": None}, "exactly one of sigma and correlation"),
        ({"correlation": 0.3}, "exactly one of sigma and correlation"),
        ({"sigma": 0.0}, "sigma must be above zero, got 0.0"),
        ({"sigma": None, "correlation": 0.9999}, r"8 and 15 values .* up to \+-0\.9"),
        ({"sigma": None, "correlation": -1.5}, "up to"),
    ]:
        arguments = {"first": "x", "second": "y", "sigma": 0.2, **change}
        with pytest.raises(ValueError, match=message):
            TRUTH.sample_correlated_factors(rng(), 5, **arguments)
    without = dataclasses.replace(grid_dataset(), factors=None)
    with pytest.raises(ValueError, match="toy has no ground-truth factors"):
        rows_from_factors(without, np.zeros((1, 3), int))
