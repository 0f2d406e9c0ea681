"""Initial parameters from one flat random draw."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import jax.scipy

from vsc_jax.networks._state import BATCH_STATS
from vsc_jax.networks._strided_conv import TransposedConv

# Of the arithmetic of networks; parameters are float32.
DTYPES = ("float32", "bfloat16")
INITIALIZERS = ("pytorch", "xavier_uniform", "tf_slim", "dcgan")


def init_params(
    module: nn.Module,
    key: jax.Array,
    *inputs: Any,
    method: str | Callable | None = None,
    initializer: str = "pytorch",
) -> Any:
    """Does what `module.init(key, *inputs)` does, from one flat uniform draw.

    Every shape drawn on its own costs the CPU backend 0.2 to 0.7 s of compilation;
    here one vector of all parameters is drawn and cut into the leaves.

    Args:
      module: a Flax Linen module whose parameters are `kernel` and `bias` of layers,
        `scale` and `bias` of normalisations, `prior_mean` and `prior_log_stddev` of
        `InformationDropout`, or arrays of two or more axes.
      key: a typed key of `jax.random.key`.
      *inputs: arguments of the module's call; only shapes and dtypes matter.
      method: the method to call instead of `__call__`.
      initializer: "pytorch" for PyTorch's default, uniform in +-1 / sqrt(fan_in) for
        kernels and biases (He et al. 2015, https://arxiv.org/abs/1502.01852, with
        the gain 1 / sqrt(3)); "xavier_uniform" for uniform in
        +-sqrt(6 / (fan_in + fan_out)) and zero biases (Glorot and Bengio 2010,
        https://proceedings.mlr.press/v9/glorot10a.html, eq. 16); "tf_slim" for the
        defaults of TF-Slim: "xavier_uniform" for dense layers, and for convolutions
        a normal of standard deviation sqrt(2.6 / fan_in), cut at two of them
        (`variance_scaling_initializer`), zero biases; "dcgan" for a normal of
        standard deviation 0.02 and zero biases (Radford et al. 2016,
        https://arxiv.org/abs/1511.06434, section 4). Under each the scales of a
        normalisation are one, its biases and the prior zero.

    Returns:
      The variables `{"params": ...}`, as `module.init` gives them; with batch
      normalisation also "batch_stats" of mean zero and variance one.

    Raises:
      ValueError: if `initializer` is unknown or a parameter is of no known kind.

    >>> import flax.linen as nn, jax, jax.numpy as jnp
    >>> params = init_params(nn.Dense(2), jax.random.key(0), jnp.ones((1, 4)))
    >>> bool(jnp.abs(params["params"]["kernel"]).max() <= 1 / 4**0.5)
    True
    """
    if initializer not in INITIALIZERS:
        raise ValueError(
            f"initializer must be one of {', '.join(INITIALIZERS)}, got "
            f"{initializer!r}."
        )
    transposed = set()

    def record(next_method, args, kwargs, context):
        if isinstance(context.module, TransposedConv):
            transposed.add(context.module.path)
        return next_method(*args, **kwargs)

    with nn.intercept_methods(record):
        variables = jax.eval_shape(
            functools.partial(module.init, method=method), key, *inputs
        )
    leaves, tree = jax.tree_util.tree_flatten_with_path(variables)
    shapes = {tuple(entry.key for entry in path): leaf.shape for path, leaf in leaves}
    draws = tuple(
        _draw(path, shapes, path[1:-1] in transposed, initializer) for path in shapes
    )
    values = _cut(key, tuple(shapes.values()), draws)
    return jax.tree_util.tree_unflatten(tree, values)


class _Draw(NamedTuple):
    """Uniform in [low, high], or a normal of deviation `high` cut at `cut` of them."""

    low: float
    high: float
    normal: bool = False
    cut: float = math.inf


_CONSTANTS = {
    BATCH_STATS: {"mean": 0.0, "var": 1.0},
    "params": {"scale": 1.0, "prior_mean": 0.0, "prior_log_stddev": 0.0},
}


def _draw(path, shapes, transposed, initializer) -> _Draw:
    """The distribution of the parameter at `path`."""
    *parent, name = path
    constant = _CONSTANTS.get(path[0], {}).get(name)
    if constant is not None:
        return _Draw(constant, constant)
    kernel_shape = shapes.get((*parent, "kernel")) if name == "bias" else shapes[path]
    if path[0] != "params" or (name != "bias" and len(shapes[path]) == 0):
        raise ValueError(f"No rule to initialise {'/'.join(path)}: use module.init.")
    if kernel_shape is None or (name == "bias" and initializer != "pytorch"):
        return _Draw(0.0, 0.0)
    if len(kernel_shape) < 2:
        raise ValueError(
            f"No rule to initialise {'/'.join(path)} of shape {kernel_shape}: "
            "it is neither a kernel, a bias nor a scale; use module.init."
        )
    space = math.prod(kernel_shape[:-2])
    fan_in, fan_out = space * kernel_shape[-2], space * kernel_shape[-1]
    if transposed:
        # PyTorch and TF-Slim take the axis of the weight that is `out` in a
        # transposed layer.
        fan_in, fan_out = fan_out, fan_in
    if initializer == "tf_slim" and len(kernel_shape) > 2:
        return _Draw(0.0, math.sqrt(2.6 / fan_in), normal=True, cut=2.0)
    if initializer == "dcgan":
        return _Draw(0.0, 0.02, normal=True)
    if initializer == "pytorch":
        bound = 1 / math.sqrt(fan_in)
    else:
        bound = math.sqrt(6 / (fan_in + fan_out))
    return _Draw(-bound, bound)


@functools.partial(jax.jit, static_argnums=(1, 2))
def _cut(key, shapes, draws) -> list[jax.Array]:
    """Draws one flat uniform vector and makes the leaves of its parts."""
    sizes = [math.prod(shape) for shape in shapes]
    flat = jax.random.uniform(key, (sum(sizes),))
    leaves, start = [], 0
    for shape, size, draw in zip(shapes, sizes, draws, strict=True):
        unit = flat[start : start + size].reshape(shape)
        if draw.normal:
            tail = jax.scipy.stats.norm.cdf(-draw.cut)
            # `unit` is a multiple of 2**-23 and can be zero, where an uncut normal
            # would be infinite.
            quantile = jnp.maximum(tail + (1 - 2 * tail) * unit, 2.0**-24)
            leaf = draw.high * jax.scipy.special.ndtri(quantile)
        else:
            leaf = draw.low + (draw.high - draw.low) * unit
        leaves.append(leaf)
        start += size
    return leaves
