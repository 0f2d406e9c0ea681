"""From the head of an encoder to the logits of the gates P(z_j != 0 | x).

- Tonolini, Jensen and Murray-Smith, "Variational Sparse Coding", UAI 2019,
  https://proceedings.mlr.press/v115/tonolini20a.html
- its reproduction, https://github.com/Alfo5123/Variational-Sparse-Coding
"""

import math

import jax
import jax.numpy as jnp

from vsc_jax._checks import as_floats
from vsc_jax._ranges import above


def slab_logits_from_log_prob(log_prob: jax.Array, eps: float = 1e-6) -> jax.Array:
    """Logits of a probability given by its logarithm, clipped to `[eps, 1 - eps]`.

    A probability of exactly 1, which the published gate reaches, has no finite logit;
    the reproduction clips it in the same way before it enters the KL. Where the clip
    acts the derivative is zero.

    Args:
      log_prob: `[...]`, logarithm of a probability, so at most 0.
      eps: smallest distance to 0 and to 1, below 1/2.

    Returns:
      `[...]`, `log p - log(1 - p)` of the clipped probability p.

    Raises:
      ValueError: if `eps` is not between 0 and 1/2.
      TypeError: if `log_prob` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> logits = slab_logits_from_log_prob(jnp.log(jnp.array([0.5, 0.9])))
      >>> print(f"{logits[0]:.3f} {logits[1]:.3f}")
      0.000 2.197
    """
    (log_prob,) = as_floats(log_prob=log_prob)
    above(0, high=0.5).check("eps", eps)
    log_prob = jnp.clip(log_prob, math.log(eps), math.log1p(-eps))
    # log(1 - p) = log(-expm1(log p)); the clip keeps it away from log 0.
    return log_prob - jnp.log(-jnp.expm1(log_prob))


def relu_gate_logits(v: jax.Array, eps: float = 1e-6) -> jax.Array:
    """Gate logits of the published parametrisation `log g = -relu(-v)`.

    Tonolini, Jensen and Murray-Smith 2019, with g clipped to `[eps, 1 - eps]` as in
    the reproduction.

    The gate gets stuck on: for v > 0 it is 1 whatever v is, so gate and KL both have
    a zero derivative with respect to v. A latent with v > 0 on every input can be
    switched off only through layers that it shares with others. The other form, v
    itself as the logit (`log g = log_sigmoid(v)`), has a derivative everywhere.

    Args:
      v: `[...]`, output of a linear head.
      eps: smallest distance of the gate to 0 and to 1, below 1/2.

    Returns:
      `[...]`, logits of the clipped gate.

    Raises:
      ValueError: if `eps` is not between 0 and 1/2.
      TypeError: if `v` is not floating.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> gate = lambda v: jax.nn.sigmoid(relu_gate_logits(v))
      >>> print(f"{gate(-1.0):.4f} {gate(2.0):.4f}", jax.grad(gate)(2.0) == 0.0)
      0.3679 1.0000 True
    """
    (v,) = as_floats(v=v)
    return slab_logits_from_log_prob(-jax.nn.relu(-v), eps)
