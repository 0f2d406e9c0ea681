"""Initial parameters from one flat random draw."""

import functools
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax

from vsc_jax.networks._strided_conv import TransposedConv


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
        `scale` and `bias` of normalisations, or arrays of two or more axes.
      key: a typed key of `jax.random.key`.
      *inputs: arguments of the module's call; only shapes and dtypes matter.
      method: the method to call instead of `__call__`.
      initializer: "pytorch" for PyTorch's default, uniform in +-1 / sqrt(fan_in) for
        kernels and biases (He et al. 2015, https://arxiv.org/abs/1502.01852, with
        the gain 1 / sqrt(3)); "xavier_uniform" for uniform in
        +-sqrt(6 / (fan_in + fan_out)) and zero biases (Glorot and Bengio 2010,
        https://proceedings.mlr.press/v9/glorot10a.html, eq. 16).

    Returns:
      The variables `{"params": ...}`, as `module.init` gives them.

    Raises:
      ValueError: if `initializer` is unknown or a parameter is of no known kind.

    >>> import flax.linen as nn, jax, jax.numpy as jnp
    >>> params = init_params(nn.Dense(2), jax.random.key(0), jnp.ones((1, 4)))
    >>> bool(jnp.abs(params["params"]["kernel"]).max() <= 1 / 4**0.5)
    True
    """
    if initializer not in ("pytorch", "xavier_uniform"):
        raise ValueError(
            f"initializer must be 'pytorch' or 'xavier_uniform', got {initializer!r}."
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
    bounds = []
    for path in shapes:
        bounds.append(_bounds(path, shapes, path[1:-1] in transposed, initializer))
    values = _cut(key, tuple(shapes.values()), tuple(bounds))
    return jax.tree_util.tree_unflatten(tree, values)


def _bounds(path, shapes, transposed, initializer) -> tuple[float, float]:
    """The interval in which the parameter at `path` is uniform."""
    *parent, name = path
    kernel_shape = shapes.get((*parent, "kernel")) if name == "bias" else shapes[path]
    if path[0] != "params" or (name != "bias" and len(shapes[path]) == 0):
        raise ValueError(f"No rule to initialise {'/'.join(path)}: use module.init.")
    if name == "scale":
        return 1.0, 1.0
    if kernel_shape is None or (name == "bias" and initializer == "xavier_uniform"):
        return 0.0, 0.0
    if len(kernel_shape) < 2:
        raise ValueError(
            f"No rule to initialise {'/'.join(path)} of shape {kernel_shape}: "
            "it is neither a kernel, a bias nor a scale; use module.init."
        )
    space = math.prod(kernel_shape[:-2])
    fan_in, fan_out = space * kernel_shape[-2], space * kernel_shape[-1]
    if transposed:
        # PyTorch takes axis 1 of the weight, which is `out` in a transposed layer.
        fan_in, fan_out = fan_out, fan_in
    if initializer == "pytorch":
        bound = 1 / math.sqrt(fan_in)
    else:
        bound = math.sqrt(6 / (fan_in + fan_out))
    return -bound, bound


@functools.partial(jax.jit, static_argnums=(1, 2))
def _cut(key, shapes, bounds) -> list[jax.Array]:
    """Draws one flat vector and cuts it into leaves uniform in their bounds."""
    sizes = [math.prod(shape) for shape in shapes]
    flat = jax.random.uniform(key, (sum(sizes),))
    leaves, start = [], 0
    for shape, size, (low, high) in zip(shapes, sizes, bounds, strict=True):
        unit = flat[start : start + size].reshape(shape)
        leaves.append(low + (high - low) * unit)
        start += size
    return leaves
