"""Attend-Infer-Repeat: objects of a scene, found one after the other.

- Eslami, Heess, Weber, Tassa, Szepesvari, Kavukcuoglu and Hinton, "Attend, Infer,
  Repeat: Fast Scene Understanding with Generative Models", NeurIPS 2016,
  https://arxiv.org/abs/1603.08575; its body was not at hand, and the terms are those of
  open implementations: https://github.com/addtt/attend-infer-repeat-pytorch (NVIL),
  https://github.com/akosiorek/attend_infer_repeat (the KL of the number of objects)
  and https://github.com/aakhundov/tf-attend-infer-repeat (the Concrete relaxation)
- Mnih and Gregor, "Neural Variational Inference and Learning in Belief Networks", ICML
  2014, https://arxiv.org/abs/1402.0030 (NVIL)

Step t of `num_slots` finds an object or none, z_t = 1 or 0; z_0 = 1, and after the
first 0 all are 0. `reached_t` is z_(t-1), whether a step is taken, and `present_t` is
z_t; they may also be probabilities. Nothing here stops a gradient: who calls the
functions says what is constant.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import log_sigmoid, softplus
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    check_categories,
    check_one_axis_more,
    check_same_shape,
    positive_scalar,
)


class AirTerms(NamedTuple):
    """What `air_objective` returns.

    Attributes:
      loss: `[...]`, `-elbo`, to be minimised.
      elbo: `[...]`, `log_likelihood - kl`.
      log_likelihood: `[...]`, log p(x|z).
      kl: `[...]`, of all steps: `presence_kl + where_kl + what_kl`.
      presence_kl: `[...]`, of whether there are objects.
      where_kl: `[...]`, of where they are.
      what_kl: `[...]`, of what they look like.
      costs: `[..., num_slots]`, what the choice of a step has a part in: the KL of this
        step and of those after it, minus log p(x|z).
    """

    loss: jax.Array
    elbo: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array
    presence_kl: jax.Array
    where_kl: jax.Array
    what_kl: jax.Array
    costs: jax.Array


def air_objective(
    log_likelihood: jax.Array,
    presence_kl: jax.Array,
    where_kl: jax.Array,
    what_kl: jax.Array,
    reached: jax.Array,
    present: jax.Array,
) -> AirTerms:
    """The bound on log p(x) of Attend-Infer-Repeat, and its terms.

      KL_t = reached_t presence_kl_t + present_t (where_kl_t + what_kl_t)
      elbo = log p(x|z) - sum_t KL_t
      cost_t = sum_{i >= t} KL_i - log p(x|z)

    With the probabilities of `presence_prob` in the place of `reached` and `present`
    the first sum is exactly the KL of the number of objects.

    Args:
      log_likelihood: `[...]`, log p(x|z) at a draw of all steps.
      presence_kl: `[..., num_slots]`, KL of each step's presence, given that it is
        reached.
      where_kl: `[..., num_slots]`, KL of where the object is, given that there is one.
      what_kl: `[..., num_slots]`, the same of what it looks like.
      reached: `[..., num_slots]`, in [0, 1], whether each step is reached.
      present: `[..., num_slots]`, in [0, 1], whether it holds an object.

    Returns:
      `AirTerms`, nats per example.

    Raises:
      ValueError: if the shapes do not fit.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import air_objective
      >>> kls, reached = jnp.ones((1, 3)), jnp.array([[1.0, 1.0, 0.0]])
      >>> one = jnp.array([[1.0, 0.0, 0.0]])  # object, which the second step sees
      >>> terms = air_objective(jnp.array([-10.0]), kls, kls, kls, reached, one)
      >>> print(terms.loss, terms.kl, terms.costs)
      [14.] [4.] [[14. 11. 10.]]
    """
    log_likelihood, presence_kl, where_kl, what_kl, reached, present = as_floats(
        log_likelihood=log_likelihood,
        presence_kl=presence_kl,
        where_kl=where_kl,
        what_kl=what_kl,
        reached=reached,
        present=present,
    )
    check_one_axis_more(log_likelihood, "num_slots", presence_kl=presence_kl)
    check_same_shape(
        presence_kl=presence_kl,
        where_kl=where_kl,
        what_kl=what_kl,
        reached=reached,
        present=present,
    )
    of_presence = reached * presence_kl
    of_where, of_what = present * where_kl, present * what_kl
    steps = of_presence + of_where + of_what
    from_here_on = jax.lax.cumsum(steps, axis=steps.ndim - 1, reverse=True)
    kl = jnp.sum(steps, axis=-1)
    return AirTerms(
        loss=kl - log_likelihood,
        elbo=log_likelihood - kl,
        log_likelihood=log_likelihood,
        kl=kl,
        presence_kl=jnp.sum(of_presence, axis=-1),
        where_kl=jnp.sum(of_where, axis=-1),
        what_kl=jnp.sum(of_what, axis=-1),
        costs=from_here_on - log_likelihood[..., None],
    )


def presence_prob(presence_logits: jax.Array) -> jax.Array:
    """P(step t holds an object), so that all steps before it do.

      P(n >= t) = prod_{i <= t} s(logits_i),   s the sigmoid

    Args:
      presence_logits: `[..., num_slots]`, that a step holds an object, given that the
        last one did; those of Eslami et al. 2016.

    Returns:
      `[..., num_slots]`, falling; their sum is the expected number of objects.

    Raises:
      ValueError: if `presence_logits` is a scalar or without a step.
      TypeError: if it is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import presence_prob
      >>> print(presence_prob(jnp.array([100.0, 0.0, 0.0])))
      [1.   0.5  0.25]
    """
    (logits,) = as_floats(presence_logits=presence_logits)
    check_categories(presence_logits=logits)
    return jnp.exp(jnp.cumsum(log_sigmoid(logits), axis=-1))


def relaxed_presence_kl(
    log_odds: jax.Array,
    presence_logits: jax.Array,
    prior_presence_logits: jax.Array,
    *,
    temperature: ArrayLike,
) -> jax.Array:
    """Estimate, from one draw, of the KL of a relaxed presence to its prior.

    `log q(y) - log p(y)` at y = log_odds ~ q, as in the code of aakhundov, where q and
    p are binary Concrete distributions of one temperature t: with l and p the logits, a
    draw is y = (l + logistic noise) / t and the presence is sigmoid(y). It is

      l - p + 2 softplus(p - t y) - 2 softplus(l - t y)

    Its mean over draws is at least 0 and does not depend on t; one estimate may be
    negative.

    Args:
      log_odds: `[..., num_slots]`, the draw y.
      presence_logits: `[..., num_slots]`, of q.
      prior_presence_logits: `[num_slots]`, of the prior.
      temperature: scalar above 0. A traced one that is not gives NaN.

    Returns:
      `[..., num_slots]`, nats.

    Raises:
      ValueError: if the shapes do not fit, or `temperature` is no scalar or not above
        0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import relaxed_presence_kl
      >>> y, sure, prior = jnp.array([90.0]), jnp.array([90.0]), jnp.zeros(1)
      >>> kl = relaxed_presence_kl(y, sure, prior, temperature=1.0)
      >>> print(f"{kl.item():.2f}")  # 90 - 2 log 2
      88.61
    """
    log_odds, logits, prior = as_floats(
        log_odds=log_odds,
        presence_logits=presence_logits,
        prior_presence_logits=prior_presence_logits,
    )
    check_categories(presence_logits=logits)
    check_same_shape(presence_logits=logits, log_odds=log_odds)
    if prior.shape != logits.shape[-1:]:
        raise ValueError(
            f"prior_presence_logits must have shape {logits.shape[-1:]}, got "
            f"{prior.shape}."
        )
    noise = positive_scalar(logits, temperature=temperature) * log_odds
    prior = jnp.broadcast_to(prior, logits.shape)
    rest = softplus(prior - noise) - softplus(logits - noise)
    return logits - prior + 2.0 * rest


def nvil_surrogate(
    presence_logits: jax.Array,
    present: jax.Array,
    reached: jax.Array,
    signal: jax.Array,
) -> jax.Array:
    """What has the gradient of REINFORCE, for the choices of whether there are objects.

    Mnih and Gregor 2014, Eq. 6; with `signal_t` the cost of the choice minus its
    baseline, both constant for the gradient:

      sum_t reached_t signal_t log q(z_t),   q(1) = sigmoid(presence_logits_t)

    Args:
      presence_logits: `[..., num_slots]`.
      present: `[..., num_slots]`, in [0, 1], the choices z_t, 0 or 1.
      reached: `[..., num_slots]`, in [0, 1], whether there was a choice, 0 or 1.
      signal: `[..., num_slots]`, `AirTerms.costs` minus the baseline.

    Returns:
      `[...]`, nats; its value means nothing.

    Raises:
      ValueError: if a shape differs or is without a step.
      TypeError: if an array is not floating.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> from vsc_jax.losses import nvil_surrogate
      >>> one, two = jnp.ones(1), jnp.full(1, 2.0)  # too costly by 2 nats
      >>> print(jax.grad(nvil_surrogate)(jnp.zeros(1), one, one, two))
      [1.]
    """
    logits, present, reached, signal = as_floats(
        presence_logits=presence_logits, present=present, reached=reached, signal=signal
    )
    check_categories(presence_logits=logits)
    check_same_shape(
        presence_logits=logits, present=present, reached=reached, signal=signal
    )
    log_prob = present * log_sigmoid(logits) + (1.0 - present) * log_sigmoid(-logits)
    return jnp.sum(reached * signal * log_prob, axis=-1)


def nvil_baseline_loss(
    baseline: jax.Array, costs: jax.Array, reached: jax.Array
) -> jax.Array:
    """How far the baseline is from the costs of the choices that there were.

    Mnih and Gregor 2014, Section 2.3.1; the costs are constant for the gradient:

      sum_t reached_t (baseline_t - cost_t)^2

    Args:
      baseline: `[..., num_slots]`.
      costs: `[..., num_slots]`, `AirTerms.costs`.
      reached: `[..., num_slots]`, in [0, 1], whether there was a choice, 0 or 1.

    Returns:
      `[...]`, squared nats.

    Raises:
      ValueError: if a shape differs or is without a step.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import nvil_baseline_loss
      >>> costs, reached = jnp.array([12.0, 50.0]), jnp.array([1.0, 0.0])
      >>> print(nvil_baseline_loss(jnp.full(2, 10.0), costs, reached))
      4.0
    """
    baseline, costs, reached = as_floats(
        baseline=baseline, costs=costs, reached=reached
    )
    check_categories(baseline=baseline)
    check_same_shape(baseline=baseline, costs=costs, reached=reached)
    return jnp.sum(reached * jnp.square(baseline - costs), axis=-1)
