import itertools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmark.assignment import KINDS, make_log_likelihood
from vsc_jax.assignment import (
    Assignment,
    assign_categories,
    assign_categories_on_host,
    assignment_value,
)

METHODS = ("device", "ortools")


def solve(u, penalty, method="device", **kwargs):
    if method == "host":
        return assign_categories_on_host(u, pairwise_penalty=penalty, **kwargs)
    return assign_categories(
        jnp.asarray(u, jnp.float32), pairwise_penalty=penalty, method=method, **kwargs
    )


def best_value(u, penalty, class_costs=None):
    batch, num_categories = u.shape
    return max(
        assignment_value(
            u, np.array(a), pairwise_penalty=penalty, class_costs=class_costs
        )
        for a in itertools.product(range(num_categories), repeat=batch)
    )


@pytest.mark.parametrize("method", ["device", "ortools", "host"])
def test_by_hand(method):
    # Second class: the first item loses 0.1, less than 2 * 0.06 * 1 to be alone;
    # the next would lose 0.2 and save 2 * 0.06 * (2 - 1) = 0.12.
    u = np.array([[0.0, -0.1], [0.0, -0.3], [0.0, -0.2], [0.0, -5.0]], np.float32)
    found = solve(u, 0.06, method)
    assert found.categories.tolist() == [1, 0, 0, 0]
    assert found.counts.tolist() == [3, 1]
    assert found.certified
    assert found.reassigned_fraction == 0.25
    low, high = 2 * 0.06 * 2, 2 * 0.06 * 3
    assert low - 1e-6 <= found.prices[0] <= high + 1e-6
    assert 0.1 - 1e-6 <= found.prices[0] - found.prices[1] <= 0.2 + 1e-6


@pytest.mark.parametrize("method", ["device", "ortools", "argmax"])
def test_shapes_and_dtypes(method):
    found = assign_categories(
        jnp.zeros((5, 3), jnp.bfloat16), pairwise_penalty=0.1, method=method
    )
    assert isinstance(found, Assignment)
    shapes = [(5,), (3,), (3,), (), (), ()]
    dtypes = ["int32", "int32", "float32", "int32", "bool", "float32"]
    host = assign_categories_on_host(np.zeros((5, 3), np.float32), pairwise_penalty=0.1)
    for result in (found, host):
        assert [np.shape(leaf) for leaf in result] == shapes
        assert [str(leaf.dtype) for leaf in result] == dtypes
    assert all(isinstance(leaf, np.ndarray | np.generic) for leaf in host)


@pytest.mark.parametrize(("batch", "num_categories"), [(5, 3), (7, 2)])
def test_enumeration(batch, num_categories):
    rng = np.random.default_rng(batch)
    for kind in KINDS:
        for penalty, spread in [(0.001, 0.1), (0.1, 0.7), (1.0, 3.0)]:
            u = make_log_likelihood(
                rng, kind, spread, batch, num_categories, penalty=penalty
            )
            best = best_value(u, penalty)
            for method in ("device", "host"):
                found = solve(u, penalty, method)
                value = assignment_value(
                    u, np.asarray(found.categories), pairwise_penalty=penalty
                )
                assert found.certified
                assert value == pytest.approx(best, abs=1e-5 * penalty * batch)


def test_host_and_device_agree():
    rng = np.random.default_rng(0)
    for spread in (0.01, 0.1, 1.0):  # one optimum, as no two values are the same
        u = make_log_likelihood(rng, "iid", spread, 64, 3)
        host, device = solve(u, 0.0005, "host"), solve(u, 0.0005)
        callback = solve(u, 0.0005, "ortools")
        np.testing.assert_array_equal(host.categories, device.categories)
        np.testing.assert_array_equal(callback.categories, device.categories)
        np.testing.assert_allclose(
            host.reassigned_fraction, device.reassigned_fraction, rtol=1e-6
        )


def test_permutation_of_items_and_of_categories():
    rng = np.random.default_rng(0)
    u = make_log_likelihood(rng, "skew", 0.1, 64, 3)
    rows, columns = rng.permutation(64), rng.permutation(3)
    found = solve(u, 0.0005)
    permuted = solve(u[rows][:, columns], 0.0005)
    np.testing.assert_array_equal(columns[permuted.categories], found.categories[rows])
    np.testing.assert_array_equal(permuted.counts, found.counts[columns])


def test_constants_per_row_do_not_matter():
    rng = np.random.default_rng(0)
    u = np.round(make_log_likelihood(rng, "iid", 0.3, 64, 3) * 2**20) / 2**20
    shift = rng.integers(-8, 8, (64, 1))  # so that float32 sums are exact
    plain, shifted = solve(u, 0.0005), solve(u + shift, 0.0005)
    jax.tree.map(np.testing.assert_array_equal, plain, shifted)


@pytest.mark.parametrize("method", ["device", "ortools", "argmax", "host"])
def test_no_penalty_is_argmax(method):
    rng = np.random.default_rng(0)
    u = rng.normal(size=(64, 3)).astype(np.float32)
    for penalty in (0.0, 1e-35, 1e-12):
        found = solve(u, penalty, method)
        np.testing.assert_array_equal(found.categories, u.argmax(axis=1))
        assert found.reassigned_fraction == 0.0
        assert found.certified or method == "argmax"
    found = solve(u, 0.0, method)
    assert found.certified
    if method != "ortools":  # any prices between the gaps prove it
        np.testing.assert_array_equal(found.prices, 0.0)


def test_no_penalty_takes_the_first_of_ties():
    u = np.random.default_rng(0).integers(0, 2, (64, 3)).astype(np.float32)
    np.testing.assert_array_equal(solve(u, 0.0).categories, u.argmax(axis=1))


@pytest.mark.parametrize("num_categories", [3, 10])
def test_a_huge_penalty_balances(num_categories):
    rng = np.random.default_rng(0)
    u = make_log_likelihood(rng, "skew", 1.0, 64, num_categories)
    for penalty in (1e3, 1e20):
        found = solve(u, penalty)
        assert found.certified
        assert np.ptp(found.counts) <= 1


def test_argmax_ignores_the_penalty_and_says_so():
    u = np.ones((64, 1)) * np.array([[1.0, 0.0, -1e4]])
    found = solve(u, 1.0, "argmax")
    assert found.counts.tolist() == [64, 0, 0]
    assert not found.certified
    assert solve(u, 1.0).counts.tolist() == [32, 32, 0]


def test_as_in_the_authors_code_with_half_its_penalty():
    """Unordered pairs cost 0.001 there: the last of 64 items 63 * 0.001 nats."""
    u = np.zeros((64, 3), np.float32)
    u[:, 2] = -1e4
    u[:, 1] = -0.0625 - np.arange(64)
    assert solve(u, 0.0005).counts.tolist() == [63, 1, 0]
    u[:, 1] = -0.0635 - np.arange(64)
    assert solve(u, 0.0005).counts.tolist() == [64, 0, 0]


def test_no_gradient():
    u = jax.random.normal(jax.random.key(0), (64, 3))

    def prices(u, penalty):
        found = assign_categories(u, pairwise_penalty=penalty)
        return found.prices.sum() + found.reassigned_fraction

    grads = jax.grad(prices, (0, 1))(u, 0.01)
    jax.tree.map(lambda g: np.testing.assert_array_equal(g, 0.0), grads)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(bad):
    u = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    u[17, 1] = u[40, 0] = bad
    assert not solve(u, 0.01).certified
    assert not solve(u, 0.01, "argmax").certified
    with pytest.raises(ValueError, match=r"must be finite, row 17 is not\."):
        solve(u, 0.01, "host")
    errors = (ValueError, jax.errors.JaxRuntimeError)
    with pytest.raises(errors, match="must be finite, row 17 is not"):
        jax.block_until_ready(solve(u, 0.01, "ortools"))
    assert not solve(np.full((64, 3), bad), 0.01).certified


def test_a_bad_traced_penalty_is_not_certified():
    u = jnp.zeros((64, 3))
    for penalty in (-1.0, np.nan, np.inf):
        found = assign_categories(u, pairwise_penalty=jnp.float32(penalty))
        assert not found.certified


@pytest.mark.parametrize("method", ["device", "host"])
def test_errors(method):
    u = np.zeros((4, 3), np.float32)
    with pytest.raises(ValueError, match=r"shape \[batch, num_categories\]"):
        if method == "host":
            solve(u[0], 0.1, method)
        else:
            assign_categories(jnp.zeros(3), pairwise_penalty=0.1)
    with pytest.raises(ValueError, match="pairwise_penalty must be a scalar"):
        solve(u, np.ones(3), method)
    with pytest.raises(ValueError, match="finite number that is at least 0, got -1"):
        solve(u, -1.0, method)
    with pytest.raises(ValueError, match=r"\(3, 4\), got \(4, 3\)"):
        solve(u, 0.1, method, class_costs=np.zeros((4, 3)))
    with pytest.raises(ValueError, match="must not decrease along a row"):
        solve(u, 0.1, method, class_costs=-np.arange(12.0).reshape(3, 4))
    with pytest.raises(ValueError, match="room for 3 items, the batch has 4"):
        solve(u, 0.1, method, class_costs=np.array([[0, np.inf, np.inf, np.inf]] * 3))
    with pytest.raises(ValueError, match="must be finite, or inf beyond a capacity"):
        solve(u, 0.1, method, class_costs=np.full((3, 4), np.nan))


def test_errors_of_types_and_names():
    with pytest.raises(TypeError, match="floating dtype, got int32"):
        assign_categories(jnp.zeros((4, 3), jnp.int32), pairwise_penalty=0.1)
    with pytest.raises(TypeError, match="floating dtype, got int64"):
        assign_categories_on_host(np.zeros((4, 3), np.int64), pairwise_penalty=0.1)
    with pytest.raises(ValueError, match="unknown method 'jax', known: device, ortoo"):
        assign_categories(jnp.zeros((4, 3)), pairwise_penalty=0.1, method="jax")


def test_without_ortools(monkeypatch):
    monkeypatch.setitem(sys.modules, "ortools.graph.python", None)
    u = np.zeros((4, 3), np.float32)
    with pytest.raises(ImportError, match="needs OR-Tools: install it with"):
        solve(u, 0.1, "host")
    assert solve(u, 0.1).certified


def test_constants_of_float64_rows_are_taken_off_before_they_are_rounded():
    u = np.random.default_rng(0).normal(size=(12, 3))
    far = u + 1e9 * np.arange(12)[:, None]
    expected = assign_categories(u, pairwise_penalty=0.1)
    found = assign_categories(far, pairwise_penalty=0.1)
    np.testing.assert_array_equal(found.categories, expected.categories)
    np.testing.assert_allclose(found.prices, expected.prices, atol=1e-5)
    assert found.certified and found.reassigned_fraction == expected.reassigned_fraction
    # What is not finite stays so, without a warning of NumPy.
    for bad in (np.inf, -np.inf, np.nan):
        rows = np.where(np.arange(12)[:, None] == 3, bad, far)
        assert not assign_categories(rows, pairwise_penalty=0.1).certified


def test_text_and_masks_are_refused():
    u = np.zeros((4, 2))
    masked = np.ma.masked_array(u, mask=u == 0.0)
    for solve in (assign_categories, assign_categories_on_host):
        with pytest.raises(TypeError, match=r"pairwise_penalty must be a number, got "):
            solve(u, pairwise_penalty=".1")
        with pytest.raises(TypeError, match="log_likelihood must be a plain array"):
            solve(masked, pairwise_penalty=0.1)
