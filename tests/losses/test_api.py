"""What holds for every public loss, called as its own docstring says."""

import functools
import inspect
import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from documented import (
    AT_LEAST_0,
    BATCH,
    INSIDE_0_1,
    WHOLE,
    array_names,
    bounds,
    documented,
    entries,
)
from gradients import assert_gradients_agree

from vsc_jax import losses, sampling, schedules


def _public(kind):
    members = inspect.getmembers(losses, kind)
    return {name: member for name, member in members if not name.startswith("_")}


LOSSES = _public(inspect.isfunction)
# Losses of whole batches, whose rows are not examples of their own, say so.
BATCH_PROPERTIES = [
    name
    for name, loss in LOSSES.items()
    if "BATCH" in (inspect.getdoc(loss) or "").split("\n")[0]
]
PER_EXAMPLE = [name for name in LOSSES if name not in BATCH_PROPERTIES]
each_loss = pytest.mark.parametrize("name", LOSSES)
each_example_loss = pytest.mark.parametrize("name", PER_EXAMPLE)
each_batch_property = pytest.mark.parametrize("name", BATCH_PROPERTIES)


@functools.cache
def _compiled(name):
    """The compiled loss, and a list that grows with each trace."""
    traces = []

    def call(arguments, weights):
        traces.append(None)
        return documented(LOSSES[name])(arguments, weights)

    return jax.jit(call), traces


def _assert_close(actual, expected):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5),
        actual,
        expected,
    )


def _assert_refused(name, arguments, error, message):
    """By Python, while the loss is traced: nothing is compiled."""
    loss = documented(LOSSES[name])
    with pytest.raises(error, match=message):
        jax.eval_shape(loss, tuple(arguments), loss.weights)


def _replaced(arguments, place, argument):
    return (*arguments[:place], argument, *arguments[place + 1 :])


def test_everything_else_public_is_a_documented_named_tuple():
    for name, result in _public(inspect.isclass).items():
        assert issubclass(result, tuple)
        assert all(f"{field}: `[" in result.__doc__ for field in result._fields), name


@each_loss
def test_data_are_positional_and_hyperparameters_keywords(name):
    parameters = inspect.signature(LOSSES[name]).parameters.values()
    for parameter in parameters:
        if parameter.kind is not parameter.KEYWORD_ONLY:
            assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD, parameter
            assert parameter.annotation is jax.Array, parameter
            assert parameter.default is parameter.empty, parameter
    assert array_names(LOSSES[name])


@each_loss
def test_docstring(name):
    loss = LOSSES[name]
    doc = inspect.getdoc(loss)
    assert doc is not None
    for part in ("Args:", "Returns:\n  `", "Raises:", ">>> "):
        assert part in doc, part
    assert "https://" in doc + sys.modules[loss.__module__].__doc__
    described = entries(doc, "Args")
    assert list(described) == list(inspect.signature(loss).parameters)
    shapes = documented(loss).shapes.values()
    is_free = any("..." in axes for axes in shapes)
    assert is_free == (name not in BATCH_PROPERTIES)


def test_a_source_is_linked_once_per_module():
    functions = [*LOSSES.values(), *vars(sampling).values()]
    names = {f.__module__ for f in functions if inspect.isfunction(f)}
    for module in (*map(sys.modules.get, names), schedules):
        links = re.findall(r"https://[^\s,;)]+", inspect.getsource(module))
        links = [link.rstrip(".") for link in links]
        assert len(links) == len(set(links)), (module.__name__, links)


def test_a_docstring_without_shapes_says_what_to_write():
    def loss(mean: jax.Array, log_var: jax.Array) -> jax.Array:
        """A loss.

        Args:
          mean: `[..., latent_dim]`.
          log_var: the logarithm of the variance.

        Returns:
          `[...]`.
        """
        return mean + log_var

    with pytest.raises(ValueError, match=r"of loss must .* log_var has; write .*'like"):
        documented(loss)
    loss.__doc__ = loss.__doc__.replace("the logarithm", "like `mean`, the logarithm")
    documented.cache_clear()
    assert documented(loss).shapes["log_var"] == ("...", "latent_dim")
    loss.__doc__ = loss.__doc__.replace("`[...]`", "nats")
    documented.cache_clear()
    with pytest.raises(ValueError, match="must say which shape its result has"):
        documented(loss)


def test_an_option_without_a_value_says_what_to_write():
    def loss(x: jax.Array, *, kind: str) -> jax.Array:
        """A loss.

        Args:
          x: `[...]`.
          kind: which.

        Returns:
          `[...]`.
        """
        return x if kind == "a" else -x

    with pytest.raises(
        ValueError, match=r"no value is known for kind of loss; ann.*OPT"
    ):
        documented(loss)


@each_loss
def test_shapes_of_results_are_those_of_the_docstring(name):
    loss = documented(LOSSES[name])
    result = jax.eval_shape(loss, loss.arguments(), loss.weights)
    shapes = [leaf.shape for leaf in jax.tree.leaves(result)]
    assert shapes == [loss.shape(axes) for axes in loss.results]


@each_example_loss
def test_one_example_equals_its_row_and_vmap_equals_the_batch(name):
    loss = documented(LOSSES[name])
    arguments, axes = loss.arguments(), loss.batch_axes

    @jax.jit
    def compare(arguments, weights):
        pairs = zip(arguments, axes, strict=True)
        row = tuple(a if i is None else jnp.take(a, 1, i) for a, i in pairs)
        mapped = jax.vmap(lambda *args: loss(args, weights), in_axes=axes)
        return loss(arguments, weights), loss(row, weights), mapped(*arguments)

    batched, row, mapped = compare(arguments, loss.weights)
    for result, one, each, result_axes in zip(
        *map(jax.tree.leaves, (batched, row, mapped)), loss.results, strict=True
    ):
        # A number for the whole batch, as its mean KL, is the same for each row.
        is_free = "..." in result_axes
        _assert_close(one, result[1] if is_free else result)
        _assert_close(each, result if is_free else jnp.full(BATCH, result))


@each_example_loss
def test_more_leading_axes(name):
    loss = documented(LOSSES[name])
    arguments = loss.arguments()
    pairs = zip(arguments, loss.batch_axes, strict=True)
    stacked = tuple(a if i is None else np.stack([a, a, a], i) for a, i in pairs)
    call, _ = _compiled(name)
    result, expected = call(stacked, loss.weights), call(arguments, loss.weights)
    for more, once, axes in zip(
        *map(jax.tree.leaves, (result, expected)), loss.results, strict=True
    ):
        assert more.shape == loss.shape(axes, (3, BATCH))
        _assert_close(more[2] if "..." in axes else more, once)


@each_loss
def test_weights_are_traced_once_and_agree_with_eager(name):
    loss, (call, traces) = documented(LOSSES[name]), _compiled(name)
    arguments, results = loss.arguments(), []
    num_before = len(traces)
    for factor in (1.0, 3.0, 2.0):  # counts stay whole numbers
        weights = {k: factor * v for k, v in loss.weights.items()}
        results.append(call(arguments, weights))
    assert len(traces) <= num_before + 1
    _assert_close(results[-1], loss(arguments, weights))


@each_loss
def test_gradients_agree_with_finite_differences(name):
    loss = documented(LOSSES[name])
    with jax.enable_x64(True):
        arguments = loss.arguments(np.float64)
    weights = {
        k: np.asarray(v) + 0.5 * bool(WHOLE.search(loss.texts[k]))  # off the jumps
        for k, v in loss.weights.items()
    }
    assert_gradients_agree(loss, arguments, weights, modes=("rev",))


@each_loss
def test_bfloat16_is_computed_in_float32(name):
    loss, (call, _) = documented(LOSSES[name]), _compiled(name)
    arguments = loss.arguments(jnp.bfloat16)
    result = call(arguments, loss.weights)
    assert {leaf.dtype for leaf in jax.tree.leaves(result)} == {jnp.dtype(jnp.float32)}
    exact = tuple(np.asarray(a, np.float32) for a in arguments)
    _assert_close(result, call(exact, loss.weights))


@each_loss
def test_strict_dtype_promotion(name):
    loss = documented(LOSSES[name])
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        jax.eval_shape(loss, loss.arguments(), loss.weights)


@each_loss
def test_integer_arrays_are_refused(name):
    loss = documented(LOSSES[name])
    arguments = loss.arguments()
    for i, argument_name in enumerate(loss.shapes):
        wrong = _replaced(arguments, i, np.zeros(arguments[i].shape, np.int32))
        message = f"{argument_name} must have a floating"
        _assert_refused(name, wrong, TypeError, message)


@pytest.mark.parametrize(
    "name", [name for name in PER_EXAMPLE if len(array_names(LOSSES[name])) > 1]
)
def test_arrays_that_would_broadcast_are_refused(name):
    loss = documented(LOSSES[name])
    arguments = loss.arguments()
    for i, axes in enumerate(loss.shapes.values()):
        others = [a for j, a in enumerate(loss.shapes.values()) if j != i]
        # A number for the whole batch has nothing to cut, but may come as a vector.
        cuts = [] if axes else [np.ones(BATCH, np.float32)]
        for place in range(arguments[i].ndim):
            axis = axes[min(place, len(axes) - 1)]
            # The size of an axis that no other argument has is free: latents of a KL.
            if axis.isdigit() or any(axis in other for other in others):
                cuts.append(np.take(arguments[i], [0], place))
        assert cuts
        for cut in cuts:
            wrong = _replaced(arguments, i, cut)
            _assert_refused(name, wrong, ValueError, r"must have .*got")


SCALARS = [
    (name, weight)
    for name in LOSSES
    for weight, text in documented(LOSSES[name]).texts.items()
    if weight in documented(LOSSES[name]).weights and text.startswith("scalar")
    if "or `[" not in text
]


@pytest.mark.parametrize(("name", "weight"), SCALARS)
def test_arrays_in_the_place_of_a_scalar_are_refused(name, weight):
    loss = documented(LOSSES[name])
    weights = loss.weights | {weight: np.full(BATCH, 0.5)}
    with pytest.raises(ValueError, match=rf"{weight} must .*scalar.*, got .*\(4,\)"):
        jax.eval_shape(loss, loss.arguments(), weights)


@each_loss
def test_lists_and_masked_arrays_are_refused(name):
    loss = documented(LOSSES[name])
    arguments = loss.arguments()
    argument_name = next(iter(loss.shapes))
    masked = np.ma.masked_less(np.asarray(arguments[0]), 0.5)
    for wrong, got in ((masked, "a masked one"), ([0.5], "a list")):
        with pytest.raises(TypeError, match=f"{argument_name} must be .*, got {got}"):
            loss((wrong, *arguments[1:]), loss.weights)


@pytest.mark.parametrize("name", [name for name in LOSSES if bounds(LOSSES[name])])
def test_hyperparameters_out_of_range_are_refused_or_give_nan(name):
    loss, (call, _) = documented(LOSSES[name]), _compiled(name)
    arguments = loss.arguments()
    for weight, bound in bounds(LOSSES[name]).items():
        like = np.asarray(loss.weights[weight])
        wrong = [-0.5, np.nan, np.inf] + [0.0] * (bound is not AT_LEAST_0)
        wrong += [1.0, 2.0] * (bound is INSIDE_0_1)
        for number in wrong:
            full = np.full(like.shape, number, np.float32)
            for known in (full, full.tolist(), jnp.asarray(full)):
                weights = loss.weights | {weight: known}
                message = rf"{weight} must be (above|at least) 0.* got"
                with pytest.raises(ValueError, match=message):
                    loss(arguments, weights)
        message = rf"{weight} must be .*number.*, got '0\.5'"
        with pytest.raises((TypeError, ValueError), match=message):
            loss(arguments, loss.weights | {weight: "0.5"})
        if bound is AT_LEAST_0:
            continue  # a traced one is taken as it is
        traced = np.full(like.shape, -0.5).tolist() if like.shape else -0.5
        traced = np.asarray(traced) if like.shape else traced
        result = call(arguments, loss.weights | {weight: traced})
        assert any(np.isnan(leaf).all() for leaf in jax.tree.leaves(result)), weight


@each_batch_property
def test_vmap_over_batches(name):
    loss, (call, _) = documented(LOSSES[name]), _compiled(name)
    arguments = loss.arguments()
    stacked = tuple(np.stack([2.0 * a, a]) for a in arguments)
    mapped = jax.jit(jax.vmap(lambda *args: loss(args, loss.weights)))(*stacked)
    second = jax.tree.map(lambda a: a[1], mapped)
    _assert_close(second, call(arguments, loss.weights))


@each_batch_property
def test_the_order_of_rows_does_not_matter(name):
    """Rows of arguments that share their first axis move together."""
    loss, (call, _) = documented(LOSSES[name]), _compiled(name)
    arguments = dict(zip(loss.shapes, loss.arguments(), strict=True))
    values = jax.tree.leaves(call(tuple(arguments.values()), loss.weights))
    groups = {}
    for key, axes in loss.shapes.items():
        alone = "in any order" in loss.texts[key]
        groups.setdefault(key if alone else axes[0], []).append(key)
    for axis, keys in groups.items():
        order = np.roll(np.arange(len(arguments[keys[0]]))[::-1], 1)
        moved = arguments | {key: arguments[key][order] for key in keys}
        results = jax.tree.leaves(call(tuple(moved.values()), loss.weights))
        for result, value, axes in zip(results, values, loss.results, strict=True):
            _assert_close(result, value[order] if axis in axes else value)


@each_batch_property
def test_batches_that_do_not_fit_are_refused(name):
    loss = documented(LOSSES[name])
    arguments = loss.arguments()
    for i, (argument, axes) in enumerate(
        zip(arguments, loss.shapes.values(), strict=True)
    ):
        others = [a for j, a in enumerate(loss.shapes.values()) if j != i]
        # The size of an axis that no other argument has is free.
        is_shared = any(axes[-1] in other for other in others)
        for cut in [argument[0]] + [argument[..., :1]] * is_shared:
            wrong = _replaced(arguments, i, cut)
            _assert_refused(name, wrong, ValueError, r"must have .*got")
