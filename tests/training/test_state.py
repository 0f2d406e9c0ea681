import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny_runs import assert_same, tiny_model

from vsc_jax.training import (
    OptimizerOptions,
    create_optimizer,
    create_optimizers,
    init_state,
)


def test_the_same_seed_gives_the_same_state():
    model = tiny_model()
    optimizers = create_optimizers(model)
    one, two, other = (init_state(model, optimizers, seed) for seed in (0, 0, 1))
    assert int(one.step) == 0
    assert_same(one.params, two.params)
    assert (jax.random.key_data(one.key) == jax.random.key_data(two.key)).all()
    kernels = [s.params["decoder"]["params"]["Dense_0"]["kernel"] for s in (one, other)]
    assert not np.array_equal(*kernels)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            OptimizerOptions(b1=0.8, b2=0.9, eps=1e-4),
            optax.adam(0.1, 0.8, 0.9, 1e-4),
        ),
        (OptimizerOptions("sgd", b1=0.7), optax.sgd(0.1, momentum=0.7)),
        (
            OptimizerOptions("nesterov", b1=0.7),
            optax.sgd(0.1, momentum=0.7, nesterov=True),
        ),
    ],
)
def test_an_update_is_that_of_optax_with_the_learning_rate_taken_out(ours, theirs):
    ours = create_optimizer(ours)
    params = jnp.array([1.0, -2.0])
    states = [ours.init(params), theirs.init(params)]
    for gradient in jnp.array([[3.0, 0.1], [-1.0, 0.2], [0.5, 0.3]]):
        direction, states[0] = ours.update(gradient, states[0])
        expected, states[1] = theirs.update(gradient, states[1])
        np.testing.assert_allclose(0.1 * direction, expected, rtol=1e-6)


def test_unknown_optimizer():
    with pytest.raises(
        ValueError, match="must be one of adam, amsgrad, sgd, nesterov, got 'adm'"
    ):
        OptimizerOptions("adm")
    with pytest.raises(ValueError, match="b1 must be at least 0 and below 1, got 1"):
        OptimizerOptions(b1=1.0)


def test_l2_is_the_gradient_of_half_the_squared_kernels_before_the_moments():
    params = {"kernel": jnp.array([2.0, -1.0]), "bias": jnp.array([3.0])}
    gradient = {"kernel": jnp.array([0.5, 0.25]), "bias": jnp.array([-0.5])}
    options = OptimizerOptions("sgd", b1=0.0, l2=0.1, learning_rate_scale=2.0)
    optimizer = create_optimizer(options)
    direction, _ = optimizer.update(gradient, optimizer.init(params), params)
    np.testing.assert_allclose(direction["kernel"], [-1.4, -0.3], rtol=1e-6)
    np.testing.assert_allclose(direction["bias"], [1.0], rtol=1e-6)


def test_each_player_has_its_own_optimizer():
    model = tiny_model()
    shared = {"b1": 0.5}
    own = create_optimizers(model, players={"model": {"name": "sgd"}}, **shared)
    state = init_state(model, own, 0)
    assert set(state.opt_state) == {"model"}
    with pytest.raises(ValueError, match="VAE has no player critic; it has model"):
        create_optimizers(model, players={"critic": {}})
