"""The recurrent head against an LSTM and an MLP in NumPy, step by step."""

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.networks import RecurrentHead, init_params

NUM, WIDTH, FOUND = 3, 4, 2
RNG = np.random.default_rng(0)
X = RNG.random((NUM, 3, 2, 1)).astype(np.float32)
GIVEN = RNG.normal(size=(2, NUM, FOUND)).astype(np.float32)
HEAD = RecurrentHead(WIDTH, (5,), 3)


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def expected(params):
    """The outputs of two steps, from one matrix of image, found and output."""
    p = jax.tree.map(lambda a: np.asarray(a, np.float64), params["params"])
    kernel = np.concatenate([p["image"]["kernel"], p["recurrent"]["kernel"]])
    h, c, outputs = np.zeros((NUM, WIDTH)), np.zeros((NUM, WIDTH)), []
    for given in GIVEN:
        inputs = np.concatenate([X.reshape(NUM, -1), given, h], axis=1)
        i, f, g, o = np.split(inputs @ kernel + p["image"]["bias"], 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        layer, head = p["layers_0"], p["head"]
        hidden = np.maximum(h @ layer["kernel"] + layer["bias"], 0.0)
        outputs.append(hidden @ head["kernel"] + head["bias"])
    return outputs


def test_two_steps_are_those_of_an_lstm_on_image_and_found():
    params = init_params(HEAD, jax.random.key(0), X, GIVEN[0])

    @jax.jit
    def two_steps(params):
        gates = HEAD.apply(params, X, method="look")
        state = HEAD.apply(params, gates, method="start")
        state, one = HEAD.apply(params, state, gates, GIVEN[0], method="step")
        _, two = HEAD.apply(params, state, gates, GIVEN[1], method="step")
        return one, two, HEAD.apply(params, X, GIVEN[0])

    one, two, called = two_steps(params)
    for actual, value in zip((one, two), expected(params), strict=True):
        np.testing.assert_allclose(actual, value, atol=1e-5)
    np.testing.assert_array_equal(called, one)
    assert not jnp.allclose(one, two)
