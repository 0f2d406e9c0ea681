"""Priors of the number of objects of a scene, found one after the other.

Eslami et al., "Attend, Infer, Repeat", https://arxiv.org/abs/1603.08575: step t holds
an object, given that the step before did, with probability `sigmoid(logits_t)`; the
number of objects is that of the steps before the first that holds none. Their three
forms here are those of open implementations of it.
"""

import jax
import jax.numpy as jnp
from jax.nn import log_sigmoid
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, check_min_rank, positive_scalar
from vsc_jax._ranges import whole

COUNT_PRIORS = ("geometric", "bernoulli")
_SLOTS = whole(1)


def presence_prior_logits(
    num_slots: int, *, odds: ArrayLike, kind: str = "geometric"
) -> jax.Array:
    """Logits of the prior that a step holds an object, given that the last one did.

    With N slots and o the odds:

      "geometric":  p(n) in proportion to o^n, n = 0 to N, so that for t = 1 to N
                    logits_t = log o + log(1 + o + ... + o^(N - t))
      "bernoulli":  logits_t = log o, each step alike

    The geometric one with o = 0.01 is that of Pyro's example
    (https://github.com/pyro-ppl/pyro/tree/dev/examples/air), and with odds that fall
    from 1 to 1e-7 the annealed one of
    https://github.com/akosiorek/attend_infer_repeat; "bernoulli" with o = 0.01 / 0.99
    is that of https://github.com/addtt/attend-infer-repeat-pytorch.

    Args:
      num_slots: the most objects.
      odds: scalar above 0; towards 0 there are no objects. A traced one that is not
        above 0 gives NaN.
      kind: "geometric" or "bernoulli".

    Returns:
      `[num_slots]`, finite at any odds.

    Raises:
      ValueError: if `num_slots` is not at least 1, `odds` is no scalar or not above 0,
        or `kind` is unknown.

    >>> print(presence_prior_logits(2, odds=1.0))  # no, one or two are as likely
    [0.6931472 0.       ]
    """
    if kind not in COUNT_PRIORS:
        raise ValueError(
            f"kind must be one of {', '.join(COUNT_PRIORS)}, got {kind!r}."
        )
    _SLOTS.check("num_slots", num_slots)
    log_odds = jnp.log(positive_scalar(jnp.zeros(()), odds=odds))
    if kind == "bernoulli":
        return jnp.broadcast_to(log_odds, (num_slots,))
    powers = log_odds * jnp.arange(num_slots)
    # log(1 + o + ... + o^k), most terms first: no power itself is taken, 1e4^10 is inf.
    sums = jax.lax.cumlogsumexp(powers)[::-1]
    return log_odds + sums


def count_log_prob(presence_logits: jax.Array) -> jax.Array:
    """Log-probabilities of the number of objects.

      log p(n) = sum_{t <= n} log s(logits_t) + log s(-logits_{n + 1})

    with s the sigmoid, and without the last term at n = num_slots.

    Args:
      presence_logits: `[..., num_slots]`, that a step holds an object, given that the
        last one did.

    Returns:
      `[..., num_slots + 1]`, for 0 to num_slots objects; the exponentials sum to 1.

    Raises:
      ValueError: if `presence_logits` is a scalar.
      TypeError: if it is not floating.

    >>> print(jnp.exp(count_log_prob(jnp.zeros(2))))
    [0.5  0.25 0.25]
    """
    (logits,) = as_floats(presence_logits=presence_logits)
    check_min_rank(1, presence_logits=logits)
    none = jnp.zeros((*logits.shape[:-1], 1), logits.dtype)
    at_least = jnp.cumsum(log_sigmoid(logits), axis=-1)
    return jnp.concatenate([none, at_least], axis=-1) + jnp.concatenate(
        [log_sigmoid(-logits), none], axis=-1
    )
