"""Messages and results of the shared checks."""

import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax import _checks


def test_same_shape():
    _checks.check_same_shape(a=jnp.zeros((2, 3)), b=jnp.ones((2, 3)))
    message = r"^b must have the shape of a, \(2, 3\), got \(2, 1\)\.$"
    with pytest.raises(ValueError, match=message):
        _checks.check_same_shape(a=jnp.zeros((2, 3)), b=jnp.zeros((2, 1)))


def test_min_rank():
    _checks.check_min_rank(2, a=jnp.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"^a must have at least 2 axes, got .*\(3,\)"):
        _checks.check_min_rank(2, a=jnp.zeros(3))


def test_samples():
    sample = jnp.zeros((2, 3))
    _checks.check_samples(2, a=sample, b=jnp.zeros((5, 3)))
    for wrong in (sample[0], sample[:1], sample[:, :0]):
        with pytest.raises(ValueError, match=r"^b must have .* at least 2 rows, got"):
            _checks.check_samples(2, a=sample, b=wrong)
    with pytest.raises(
        ValueError, match=r"^b must have the latents of a, 3, got .*1\)"
    ):
        _checks.check_samples(2, a=sample, b=jnp.zeros((2, 1)))


@pytest.mark.parametrize("weight", [1.0, np.float32(1.0), jnp.zeros(()), jnp.zeros(3)])
def test_scalar_or_last_axis(weight):
    _checks.check_scalar_or_last_axis(jnp.zeros((2, 3)), beta=weight)
    _checks.check_scalar_last_axis_or_same_shape(jnp.zeros((2, 3)), beta=weight)
    result = _checks.broadcast_last(weight, jnp.zeros((2, 3)))
    assert result.shape == (2, 3)
    assert result.dtype == jnp.float32


def test_scalar_or_last_axis_refuses():
    like = jnp.zeros((2, 3))
    with pytest.raises(ValueError, match=r"beta must be a scalar or .*\(3,\).*\(2, 3"):
        _checks.check_scalar_or_last_axis(like, beta=like)
    _checks.check_scalar_last_axis_or_same_shape(like, beta=like)
    with pytest.raises(ValueError, match=r"beta must be a scalar, .*\(2, 3\), got .*1"):
        _checks.check_scalar_last_axis_or_same_shape(like, beta=jnp.zeros((2, 1)))


def test_floating():
    _checks.check_floating(a=jnp.zeros(1), b=jnp.zeros(1, jnp.bfloat16))
    with pytest.raises(TypeError, match=r"^b must have a floating dtype, got int32\.$"):
        _checks.check_floating(a=jnp.zeros(1), b=jnp.zeros(1, jnp.int32))


def test_as_floats():
    narrow, wide = _checks.as_floats(a=jnp.zeros(1, jnp.bfloat16), b=np.zeros(1))
    assert narrow.dtype == wide.dtype == jnp.float32
    with pytest.raises(TypeError, match="a must have a floating dtype, got bool"):
        _checks.as_floats(a=jnp.zeros(1, bool))
