"""Batch normalisation: float64 oracle, PyTorch, running averages, many devices."""

import functools
import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType, PartitionSpec
from jax.test_util import check_grads

from vsc_jax.networks import BatchNorm, init_params


def images(shape=(6, 4, 2, 3), offset=0.0):
    rng = np.random.default_rng(0)
    return jnp.asarray(offset + rng.normal(size=shape) * [0.1, 1.0, 5.0], jnp.float32)


def variables(seed=1):
    rng = np.random.default_rng(seed)
    arrays = [jnp.asarray(a, jnp.float32) for a in rng.uniform(0.5, 2.0, size=(4, 3))]
    return {
        "params": {"scale": arrays[0], "bias": arrays[1]},
        "batch_stats": {"mean": arrays[2], "var": arrays[3]},
    }


def train(norm, values, x):
    function = functools.partial(norm.apply, mutable=["batch_stats"])
    y, state = jax.jit(function)(values, x)
    return y, state["batch_stats"]


def oracle(values, x, momentum=0.9, epsilon=1e-5):
    """Result, running mean and running variance in training, in float64."""
    params, old = (
        {name: np.asarray(leaf, np.float64) for name, leaf in values[group].items()}
        for group in ("params", "batch_stats")
    )
    rows = np.asarray(x, np.float64).reshape(-1, x.shape[-1])
    mean, var = rows.mean(0), rows.var(0)
    y = (np.asarray(x, np.float64) - mean) / np.sqrt(var + epsilon)
    new = {"mean": mean, "var": rows.var(0, ddof=1)}
    averages = {n: momentum * old[n] + (1 - momentum) * new[n] for n in new}
    return params["scale"] * y + params["bias"], averages


def test_by_hand():
    norm = BatchNorm(momentum=0.5, epsilon=1.0, train=True)
    x = jnp.array([[0.0], [2.0], [4.0]])
    start = init_params(norm, jax.random.key(0), x)
    y, statistics = train(norm, start, x)
    # Mean 2; variance 8 / 3 divided by n, 4 divided by n - 1.
    np.testing.assert_allclose(y[:, 0], np.array([-2, 0, 2]) / np.sqrt(8 / 3 + 1))
    assert statistics == {"mean": 1.0, "var": 0.5 * 1.0 + 0.5 * 4.0}


@pytest.mark.parametrize("shape", [(6, 4, 2, 3), (50, 3), (2, 5, 1, 1, 3)])
def test_training_against_float64(shape):
    x = images(shape)
    norm = BatchNorm(momentum=0.7, epsilon=1e-3, train=True)
    y, statistics = train(norm, variables(), x)
    expected, averages = oracle(variables(), x, 0.7, 1e-3)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    for name, value in averages.items():
        np.testing.assert_allclose(statistics[name], value, rtol=1e-5)


def test_a_large_mean_does_not_cancel():
    x = images((50, 2, 2, 3), offset=1000.0)
    y, statistics = train(BatchNorm(train=True), variables(), x)
    expected, averages = oracle(variables(), x)
    # Images of mean 1000 and deviation 0.1 have themselves an error of 6e-5 / 0.1.
    np.testing.assert_allclose(y, expected, atol=5e-3)
    np.testing.assert_allclose(statistics["var"], averages["var"], rtol=1e-3)


def test_evaluation_uses_the_running_values():
    x, values = images(), variables()
    y = BatchNorm(epsilon=0.1).apply(values, x)
    leaves = values["params"] | values["batch_stats"]
    leaves = {name: np.asarray(leaf) for name, leaf in leaves.items()}
    normal = (np.asarray(x) - leaves["mean"]) / np.sqrt(leaves["var"] + 0.1)
    expected = leaves["scale"] * normal + leaves["bias"]
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_initial_state_is_that_of_pytorch_and_untouched_by_init():
    x = images()
    for module in (BatchNorm(), BatchNorm(train=True)):
        ours = init_params(module, jax.random.key(0), x)
        flax = module.init(jax.random.key(0), x)
        assert jax.tree.structure(ours) == jax.tree.structure(flax)
        for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(flax), strict=True):
            np.testing.assert_array_equal(a, b)
        assert (ours["params"]["scale"] == 1.0).all()
        assert (ours["batch_stats"]["var"] == 1.0).all()
        assert not ours["params"]["bias"].any()
        assert not ours["batch_stats"]["mean"].any()


def test_gradients():
    x = images((4, 1, 2, 3)) * jnp.broadcast_to(
        jnp.array([10.0, 1.0, 0.2]), (4, 1, 2, 3)
    )
    norm, values = BatchNorm(train=True), variables()

    def loss(params, x):
        y, _ = train(norm, {**values, "params": params}, x)
        return jnp.sin(y).sum()

    check_grads(
        loss, (values["params"], x), order=1, modes=["rev"], atol=2e-2, rtol=2e-2
    )


def test_no_gradient_through_the_running_values():
    norm, values = BatchNorm(train=True), variables()

    def running(x):
        return sum(leaf.sum() for leaf in train(norm, values, x)[1].values())

    assert not jax.grad(running)(images()).any()


def test_constant_features_are_finite():
    norm, values = BatchNorm(train=True), variables()
    for x in (jnp.zeros((4, 3)), jnp.full((4, 3), 1e6)):
        y, gradient = jax.value_and_grad(lambda x: train(norm, values, x)[0].sum())(x)
        np.testing.assert_allclose(y, 4 * values["params"]["bias"].sum(), rtol=1e-6)
        assert np.isfinite(gradient).all()


def test_bfloat16_result_of_float32_moments():
    x = images((64, 2, 2, 3), offset=50.0)
    norm = BatchNorm(train=True, dtype=jnp.bfloat16)
    y, statistics = train(norm, variables(), x)
    expected, averages = oracle(variables(), x)
    assert y.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in statistics.values()} == {jnp.dtype(jnp.float32)}
    np.testing.assert_allclose(y.astype(jnp.float32), expected, rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(statistics["var"], averages["var"], rtol=1e-3)


def test_a_single_value_has_no_variance():
    with pytest.raises(ValueError, match="at least 2 values per feature") as error:
        train(BatchNorm(train=True), variables(), jnp.ones((1, 3)))
    assert "\n" not in str(error.value)


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed"
)
@pytest.mark.parametrize("training", [True, False])
def test_equals_pytorch(training):
    torch = pytest.importorskip("torch")
    x, values = images((6, 4, 2, 3)), variables()
    module = torch.nn.BatchNorm2d(3)
    names = {
        "weight": values["params"]["scale"],
        "bias": values["params"]["bias"],
        "running_mean": values["batch_stats"]["mean"],
        "running_var": values["batch_stats"]["var"],
    }
    tensors = {name: torch.tensor(np.asarray(leaf)) for name, leaf in names.items()}
    module.load_state_dict(tensors, strict=False)
    module.train(training)
    torch_x = torch.tensor(np.asarray(x).transpose(0, 3, 1, 2), requires_grad=True)
    torch_y = module(torch_x)
    torch_y.pow(3).sum().backward()

    norm = BatchNorm(train=training)

    def loss(x):
        y, statistics = train(norm, values, x)
        return (y**3).sum(), (y, statistics)

    gradient, (y, statistics) = jax.grad(loss, has_aux=True)(x)
    numpy_y = torch_y.detach().numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(y, numpy_y, rtol=1e-5, atol=1e-5)
    numpy_gradient = torch_x.grad.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(gradient, numpy_gradient, rtol=1e-3, atol=1e-3)
    for name, value in statistics.items():
        expected = getattr(module, f"running_{name}").numpy()
        np.testing.assert_allclose(value, expected, rtol=1e-5)


AXIS = "data"


def all_gather(array):
    return lax.all_gather(array, AXIS, tiled=True)


def local_loss(params, statistics, x, gather):
    norm = BatchNorm(train=True, gather=gather)
    values = {"params": params, "batch_stats": statistics}
    y, statistics = train(norm, values, x)
    # Per example, so that the mean over devices is the mean over the batch.
    return (jnp.sin(y) ** 2).mean(), statistics


@pytest.mark.parametrize("parallel", ["shard_map", "pmap"])
def test_eight_devices_give_value_gradient_and_state_of_one(parallel):
    x = images((16, 2, 2, 3)) + jnp.broadcast_to(
        jnp.arange(16.0)[:, None, None, None], (16, 2, 2, 3)
    )
    values = variables()
    params, statistics = values["params"], values["batch_stats"]
    one = jax.value_and_grad(local_loss, (0, 2), has_aux=True)
    expected = jax.jit(functools.partial(one, gather=lambda a: a))(
        params, statistics, x
    )
    if parallel == "shard_map":
        mesh = jax.make_mesh((8,), (AXIS,), (AxisType.Auto,))
        same, rows = PartitionSpec(), PartitionSpec(AXIS)

        @functools.partial(
            jax.shard_map, mesh=mesh, in_specs=(same, same, rows), out_specs=same
        )
        def mapped(params, statistics, x):
            result = local_loss(params, statistics, x, all_gather)
            # Leaf by leaf: jax 0.7 has no gradient of a tree with constant leaves.
            return jax.tree.map(lambda leaf: lax.pmean(leaf, AXIS), result)

        result = jax.jit(jax.value_and_grad(mapped, (0, 2), has_aux=True))(
            params, statistics, x
        )
    else:

        def on_device(params, statistics, x):
            value, (d_params, d_x) = one(params, statistics, x, gather=all_gather)
            # The gradient of this device's rows has the terms of all devices' losses.
            return *lax.pmean((value, d_params), AXIS), d_x / lax.axis_size(AXIS)

        value, d_params, d_x = jax.pmap(
            on_device, axis_name=AXIS, in_axes=(None, None, 0), out_axes=(None, None, 0)
        )(params, statistics, x.reshape(8, 2, *x.shape[1:]))
        result = value, (d_params, d_x.reshape(x.shape))
    leaves = zip(*map(jax.tree.leaves, (result, expected)), strict=True)
    for ours, theirs in leaves:
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    # Moments of each device's rows alone would have given something else.
    alone = local_loss(params, statistics, x[:2], lambda a: a)
    assert abs(float(alone[0] - expected[0][0])) > 1e-2
