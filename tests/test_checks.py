"""Messages and results of the shared checks."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax import _checks
from vsc_jax._ranges import above, between


def test_same_shape():
    _checks.check_same_shape(a=np.zeros((2, 3)), b=np.ones((2, 3)))
    message = r"^b must have the shape of a, \(2, 3\), got \(2, 1\)\.$"
    with pytest.raises(ValueError, match=message):
        _checks.check_same_shape(a=np.zeros((2, 3)), b=np.zeros((2, 1)))


def test_min_rank():
    _checks.check_min_rank(2, a=np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"^a must have at least 2 axes, got .*\(3,\)"):
        _checks.check_min_rank(2, a=np.zeros(3))


def test_samples():
    sample = np.zeros((2, 3))
    _checks.check_samples(2, a=sample, b=np.zeros((5, 3)))
    for wrong in (sample[0], sample[:1], sample[:, :0]):
        with pytest.raises(ValueError, match=r"^b must have .* at least 2 rows, got"):
            _checks.check_samples(2, a=sample, b=wrong)
    with pytest.raises(
        ValueError, match=r"^b must have the latents of a, 3, got .*1\)"
    ):
        _checks.check_samples(2, a=sample, b=np.zeros((2, 1)))


@pytest.mark.parametrize("weight", [1.0, np.float32(1.0), jnp.zeros(()), jnp.zeros(3)])
def test_scalar_or_last_axis(weight):
    _checks.check_scalar_or_last_axis(np.zeros((2, 3)), beta=weight)
    _checks.check_scalar_last_axis_or_same_shape(np.zeros((2, 3)), beta=weight)
    result = _checks.broadcast_last(weight, np.zeros((2, 3), np.float32))
    assert result.shape == (2, 3)
    assert result.dtype == jnp.float32


def test_scalar_or_last_axis_refuses():
    like = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"beta must be a scalar or .*\(3,\).*\(2, 3"):
        _checks.check_scalar_or_last_axis(like, beta=like)
    _checks.check_scalar_last_axis_or_same_shape(like, beta=like)
    with pytest.raises(ValueError, match=r"beta must be a scalar, .*\(2, 3\), got .*1"):
        _checks.check_scalar_last_axis_or_same_shape(like, beta=np.zeros((2, 1)))


def test_floating():
    _checks.check_floating(a=jnp.zeros(1), b=jnp.zeros(1, jnp.bfloat16))
    with pytest.raises(TypeError, match=r"^b must have a floating dtype, got int32\.$"):
        _checks.check_floating(a=jnp.zeros(1), b=jnp.zeros(1, jnp.int32))


def test_as_floats():
    narrow, wide = _checks.as_floats(a=jnp.zeros(1, jnp.bfloat16), b=np.zeros(1))
    assert narrow.dtype == wide.dtype == jnp.float32
    with pytest.raises(TypeError, match="a must have a floating dtype, got bool"):
        _checks.as_floats(a=jnp.zeros(1, bool))


def test_one_axis_more():
    like = np.zeros((2, 3))
    for size in (0, 1, 5):
        _checks.check_one_axis_more(like, "latent_dim", kl=np.zeros((2, 3, size)))
    for wrong in (like, np.zeros((2, 1, 3)), np.zeros((2, 3, 4, 5)), np.zeros(())):
        message = r"^kl must have shape \(2, 3, 'latent_dim'\), got"
        with pytest.raises(ValueError, match=message):
            _checks.check_one_axis_more(like, "latent_dim", kl=wrong)


def test_scalars():
    _checks.check_scalars(a=1.0, b=np.float32(1.0), c=jnp.zeros(()))
    with pytest.raises(ValueError, match=r"^b must be a scalar, got shape \(1,\)\.$"):
        _checks.check_scalars(a=1.0, b=np.ones(1))


def test_numbers_of_batch():
    _checks.check_numbers_of_batch(a=jnp.zeros(()), b=np.float32(1.0))
    message = r"^b must have shape \(\), one number for the batch, got shape \(1,\)\.$"
    with pytest.raises(ValueError, match=message):
        _checks.check_numbers_of_batch(a=jnp.zeros(()), b=np.ones(1))


@pytest.mark.parametrize(
    "known", [float, np.float32, jnp.float32, jnp.bfloat16, lambda v: [0.5, v]]
)
@pytest.mark.parametrize("wrong", [0.0, 1.0, -3.0, math.nan, math.inf])
def test_known_numbers_out_of_range_are_refused(known, wrong):
    _checks.check_range(above(0, high=1), prob=known(0.5))
    with pytest.raises(ValueError, match=r"^prob must be above 0 and below 1, got"):
        _checks.check_range(above(0, high=1), prob=known(wrong))


def test_one_number_of_an_array_is_enough():
    x = np.full((2, 3), 0.5, np.float32)
    _checks.check_range(between(0, 1), x=x)
    x[1, 2] = 255.0
    for known in (x, jnp.asarray(x)):
        message = r"^x must be at least 0 and at most 1, got 255; divide by 255\.$"
        with pytest.raises(ValueError, match=message):
            _checks.check_range(between(0, 1), "; divide by 255", x=known)
    _checks.check_range(between(0, 1), x=x[:0], y=())


def test_traced_numbers_pass():
    def function(prob):
        _checks.check_range(above(0, high=1), prob=prob, probs=[0.5, prob])
        return prob

    for transformed in (jax.jit(function), jax.grad(function)):
        transformed(2.0)
    with pytest.raises(ValueError, match="probs must be above 0 and below 1, got 2"):
        jax.jit(lambda p: _checks.check_range(above(0, high=1), probs=[p, 2.0]))(0.5)


def test_positive_is_refused_where_it_is_known_and_nan_where_it_is_traced():
    like = np.zeros(3, np.float32)
    value = _checks.positive(like, scale=np.float64(0.1))
    assert value == np.float32(0.1)
    assert value.dtype == jnp.float32
    with pytest.raises(ValueError, match=r"^scale must be above 0, got -1\.$"):
        _checks.positive(like, scale=-1.0)
    traced = jax.jit(lambda scale: _checks.positive(like, scale=scale))
    np.testing.assert_array_equal(
        traced(np.array([2.0, 0.0, -1.0, np.nan])), [2.0, np.nan, np.nan, np.nan]
    )
    assert jax.grad(lambda scale: _checks.positive(like, scale=scale))(2.0) == 1.0


def test_infinite_entries_become_nan():
    array = np.array([1.0, np.inf, -np.inf, np.nan, 3e38], np.float32)
    expected = np.where(np.isfinite(array), array, np.nan)
    np.testing.assert_array_equal(_checks.nan_for_infinite(array), expected)


def test_text_none_and_flags_are_no_numbers():
    for wrong in ("4", None, True, [1.0, "2"], object()):
        for check in (_checks.check_real, _checks.check_scalars):
            with pytest.raises(TypeError, match=r"^beta must be a number, got "):
                check(beta=wrong)
        with pytest.raises(TypeError, match=r"^beta must be a number, got "):
            _checks.check_range(above(0), beta=wrong)
    for number in (4, 4.0, np.int8(4), jnp.bfloat16(4), [1, 2.5], np.ones(3)):
        _checks.check_real(beta=number)
    jax.jit(lambda beta: _checks.check_real(beta=beta))(1.0)


def test_arrays_that_are_none_or_masked():
    _checks.check_array(a=np.zeros(2), b=jnp.zeros(2))
    with pytest.raises(TypeError, match=r"^b must be an array, got a tuple; convert"):
        _checks.check_array(a=np.zeros(2), b=(1.0,))
    with pytest.raises(TypeError, match=r"^a must be a plain array, got a masked one"):
        _checks.as_floats(a=np.ma.masked_array([1.0, 2.0], mask=[True, False]))


def test_weights():
    like = np.zeros((2, 3), np.float32)
    assert _checks.weight(like, beta=4).dtype == jnp.float32
    assert _checks.weight(like, beta=0.0) == 0.0
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"^beta must be at least 0, got"):
            _checks.weight(like, beta=wrong)
        with pytest.raises(ValueError, match=r"^beta must be at least 0, got"):
            _checks.check_weight_per_latent(like, beta=np.array([1.0, 2.0, wrong]))
    with pytest.raises(ValueError, match=r"^beta must be a scalar, got shape \(3,\)"):
        _checks.weight(like, beta=np.ones(3))
    assert jax.jit(lambda beta: _checks.weight(like, beta=beta))(-1.0) == -1.0


def test_one_category_or_more():
    _checks.check_categories(a=np.zeros((2, 1)))
    with pytest.raises(ValueError, match=r"^a must have .* one category, got .*\(2, 0"):
        _checks.check_categories(a=np.zeros((2, 0)))
