"""Derivatives against finite differences, in float64 and as one compiled program."""

import jax
import jax.numpy as jnp
import numpy as np

STEP = 1e-6


def assert_gradients_agree(function, *arguments, modes=("fwd", "rev"), seed=0):
    """Forward and reverse mode agree with central differences in a random direction.

    Args:
      function: of pytrees of floating arrays, to one.
      *arguments: where it is differentiated, in all of them.
      modes: of "fwd" and "rev", those that it can be differentiated in.
      seed: of the direction, and of the weights of the outputs.
    """
    rng = np.random.default_rng(seed)

    def normal_like(tree):
        return jax.tree.map(lambda a: rng.normal(size=a.shape), tree)

    def product(first, second):
        pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
        return sum(jnp.vdot(a, b) for a, b in pairs)

    @jax.jit
    def derivatives(arguments, direction, cotangent):
        def moved(step):
            return function(
                *jax.tree.map(lambda a, d: a + step * d, arguments, direction)
            )

        change = jax.tree.map(
            lambda a, b: (a - b) / (2.0 * STEP), moved(STEP), moved(-STEP)
        )
        result = {"differences": product(cotangent, change)}
        if "fwd" in modes:
            _, tangent = jax.jvp(function, arguments, direction)
            result["fwd"] = product(cotangent, tangent)
        if "rev" in modes:
            _, pullback = jax.vjp(function, *arguments)
            result["rev"] = product(pullback(cotangent), direction)
        return result

    with jax.enable_x64(True):
        arguments = jax.tree.map(lambda a: np.asarray(a, np.float64), arguments)
        cotangent = normal_like(jax.eval_shape(function, *arguments))
        found = derivatives(arguments, normal_like(arguments), cotangent)
        for mode in modes:
            np.testing.assert_allclose(
                found[mode], found["differences"], rtol=1e-5, atol=1e-7, err_msg=mode
            )
