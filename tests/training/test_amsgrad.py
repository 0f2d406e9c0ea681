"""AMSGrad against its formula and against PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vsc_jax.training._amsgrad import scale_by_amsgrad


def gradients(num=40):
    """A large first one, then noise."""
    values = np.random.default_rng(0).normal(size=(num, 3))
    values[0] *= 30.0
    return values.astype(np.float32)


def our_path(gradients, learning_rate=0.1):
    optimizer = scale_by_amsgrad()
    params = {"kernel": jnp.zeros(3)}
    state, path = optimizer.init(params), []
    for gradient in gradients:
        direction, state = optimizer.update({"kernel": jnp.asarray(gradient)}, state)
        params = jax.tree.map(lambda p, d: p - learning_rate * d, params, direction)
        path.append(np.asarray(params["kernel"]))
    return np.stack(path)


def test_the_formula():
    b1, b2, eps = 0.9, 0.999, 1e-8
    m = v = largest = x = np.zeros(3)
    path = []
    for t, g in enumerate(gradients().astype(np.float64), start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        largest = np.maximum(largest, v)
        x = x - 0.1 * m / (1 - b1**t) / (np.sqrt(largest / (1 - b2**t)) + eps)
        path.append(x)
    np.testing.assert_allclose(our_path(gradients()), path, rtol=1e-4, atol=1e-5)


def test_it_is_that_of_pytorch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch if installed")
    parameter = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.Adam([parameter], lr=0.1, amsgrad=True)
    path = []
    for gradient in gradients():
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        path.append(parameter.detach().numpy().copy())
    np.testing.assert_allclose(our_path(gradients()), path, rtol=1e-4, atol=1e-5)


def test_optax_remembers_single_gradients():
    """Why this form is here: after a large first gradient Optax's steps stay short."""
    params = jnp.zeros(3)
    optimizer = optax.scale_by_amsgrad()
    state = optimizer.init(params)
    for gradient in gradients():
        direction, state = optimizer.update(jnp.asarray(gradient), state)
    ours = np.diff(our_path(gradients(), learning_rate=1.0), axis=0)[-1]
    assert (np.abs(ours) > 1.5 * np.abs(np.asarray(direction))).all()
