"""Variational Sparse Coding as published: a prior from pseudo-inputs and a selector.

Tonolini, Jensen and Murray-Smith, "Variational Sparse Coding", UAI 2019,
https://proceedings.mlr.press/v115/tonolini20a.html, in the form of the authors' code,
https://github.com/ftonolini45/Variational_Sparse_Coding.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.nn import log_sigmoid
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    check_min_rank,
    check_range,
    check_same_shape,
    check_scalars,
    positive_scalar,
)
from vsc_jax._ranges import above, at_least
from vsc_jax.losses._kl import bernoulli_kl, spike_slab_kl_between
from vsc_jax.losses._vae import beta_elbo, elbo

# What rounding to bfloat16 may leave of the sum of a softmax.
_SUM_TOLERANCE = 1e-2


class ExemplarVscTerms(NamedTuple):
    """What `exemplar_vsc_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised.
      elbo: `[...]`, `-loss` at beta = 1. It bounds log p(x) only if the selector, and
        with it the prior, did not depend on x.
      log_likelihood: `[...]`, log p(x|z), as given.
      kl: `[...]`, KL to the selected pseudo-posteriors, without `beta`.
      aggregate_kl: `[...]`, `latent_dim` times the KL of the mean gate.
    """

    loss: jax.Array
    elbo: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array
    aggregate_kl: jax.Array


def exemplar_vsc_objective(
    log_likelihood: jax.Array,
    mean: jax.Array,
    log_var: jax.Array,
    slab_logits: jax.Array,
    pseudo_mean: jax.Array,
    pseudo_log_var: jax.Array,
    pseudo_slab_logits: jax.Array,
    selector_weights: jax.Array,
    *,
    prior_slab_prob: ArrayLike,
    beta: ArrayLike = 1.0,
) -> ExemplarVscTerms:
    """Variational Sparse Coding with the exemplar prior, as published.

    Tonolini, Jensen and Murray-Smith 2019. The prior is the encoder's output r_u at
    one of `num_pseudo` learned pseudo-inputs, weighted by the selector, rho; the mean
    gate alone is held at `prior_slab_prob`, alpha:

      loss = -log p(x|z) + beta sum_u rho_u KL(q(z|x) || r_u(z)) + J KL_B(h || alpha),
      h = 1/J sum_j sum_u rho_u sigmoid(pseudo_slab_logits_uj),   J = latent_dim,

    with KL_B the KL between Bernoulli variables. The code sharpens the pseudo gates
    first: see `sharpen_slab_logits`. `beta` is ours; the paper has beta = 1.

    Args:
      log_likelihood: `[...]`, log p(x|z) at a (relaxed) draw z ~ q(z|x).
      mean: `[..., latent_dim]`, mean of the slab.
      log_var: `[..., latent_dim]`, log-variance of the slab.
      slab_logits: `[..., latent_dim]`, logit of P(z_j != 0 | x).
      pseudo_mean: `[num_pseudo, latent_dim]`.
      pseudo_log_var: `[num_pseudo, latent_dim]`.
      pseudo_slab_logits: `[num_pseudo, latent_dim]`, already sharpened.
      selector_weights: `[..., num_pseudo]`, rho: not negative, sum 1 over the last
        axis. Traced ones are not checked.
      prior_slab_prob: scalar inside (0, 1). A traced one outside [0, 1] gives NaN.
      beta: weight of the first KL, scalar or `[latent_dim]`; at least 0 (a traced one
        is not checked).

    Returns:
      `ExemplarVscTerms`, each field `[...]`, nats per example.

    Raises:
      ValueError: if the shapes do not fit, `prior_slab_prob` is not inside (0, 1), or
        the selector's weights or beta are known and not as above.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import exemplar_vsc_objective
      >>> q, r = [jnp.zeros((2, 4))] * 3, [jnp.zeros((5, 4))] * 3
      >>> rho = jnp.full((2, 5), 0.2)
      >>> terms = exemplar_vsc_objective(
      ...     jnp.zeros(2), *q, *r, rho, prior_slab_prob=0.01)
      >>> print(terms.kl, f"{terms.aggregate_kl[0]:.4f}")
      [0. 0.] 6.4579
    """
    posterior = as_floats(mean=mean, log_var=log_var, slab_logits=slab_logits)
    pseudo = as_floats(
        pseudo_mean=pseudo_mean,
        pseudo_log_var=pseudo_log_var,
        pseudo_slab_logits=pseudo_slab_logits,
    )
    log_likelihood, selector_weights = as_floats(
        log_likelihood=log_likelihood, selector_weights=selector_weights
    )
    check_min_rank(1, mean=mean)
    check_same_shape(mean=mean, log_var=log_var, slab_logits=slab_logits)
    check_same_shape(
        pseudo_mean=pseudo_mean,
        pseudo_log_var=pseudo_log_var,
        pseudo_slab_logits=pseudo_slab_logits,
    )
    _check_exemplar_shapes(posterior[0], pseudo[0], selector_weights, prior_slab_prob)

    latent_dim = posterior[0].shape[-1]
    pairs = (*selector_weights.shape, latent_dim)  # [..., num_pseudo, latent_dim]
    kl = spike_slab_kl_between(
        *(jnp.broadcast_to(a[..., None, :], pairs) for a in posterior),
        *(jnp.broadcast_to(a, pairs) for a in pseudo),
    )
    kl = jnp.sum(selector_weights[..., None] * (kl.slab + kl.spike), axis=-2)

    aggregate_logits = _mean_gate_logits(pseudo[2], selector_weights)
    aggregate_kl = latent_dim * bernoulli_kl(
        aggregate_logits[..., None], prior_prob=prior_slab_prob
    ).squeeze(-1)
    return ExemplarVscTerms(
        loss=aggregate_kl - beta_elbo(log_likelihood, kl, beta=beta),
        elbo=elbo(log_likelihood, kl) - aggregate_kl,
        log_likelihood=log_likelihood,
        kl=jnp.sum(kl, axis=-1),
        aggregate_kl=aggregate_kl,
    )


def sharpen_slab_logits(
    slab_logits: jax.Array, *, slope: ArrayLike = 10.0
) -> jax.Array:
    """Logits of the sharpened gates of the pseudo-inputs.

    `h = sigmoid(slope (g - 1/2))` with `g = sigmoid(slab_logits)`, from the authors'
    code (their nu = 10).

    Args:
      slab_logits: `[...]`, logits of the gates g.
      slope: scalar above 0. A traced one that is not gives NaN.

    Returns:
      `[...]`, logits of h.

    Raises:
      ValueError: if `slope` is no scalar or not above 0.
      TypeError: if `slab_logits` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import sharpen_slab_logits
      >>> print(sharpen_slab_logits(jnp.array([-100.0, 0.0, 100.0])))
      [-5.  0.  5.]
    """
    (slab_logits,) = as_floats(slab_logits=slab_logits)
    # tanh(l / 2) / 2 = sigmoid(l) - 1/2 without the difference.
    slope = positive_scalar(slab_logits, slope=slope)
    return 0.5 * slope * jnp.tanh(0.5 * slab_logits)


def _mean_gate_logits(slab_logits: jax.Array, selector_weights: jax.Array) -> jax.Array:
    """Logits `[...]` of the weighted mean gate, over pseudo-inputs and latents."""
    # Summed over latents first, which does not depend on the example. In logarithms,
    # so that gates that are all surely off (or on) leave a finite logit.
    log_on = jax.nn.logsumexp(log_sigmoid(slab_logits), axis=-1)
    log_off = jax.nn.logsumexp(log_sigmoid(-slab_logits), axis=-1)
    log_on = jnp.broadcast_to(log_on, selector_weights.shape)
    log_off = jnp.broadcast_to(log_off, selector_weights.shape)
    return jax.nn.logsumexp(log_on, axis=-1, b=selector_weights) - jax.nn.logsumexp(
        log_off, axis=-1, b=selector_weights
    )


def _check_exemplar_shapes(
    mean: jax.Array,
    pseudo_mean: jax.Array,
    selector_weights: jax.Array,
    prior_slab_prob: ArrayLike,
) -> None:
    if pseudo_mean.ndim != 2 or pseudo_mean.shape[-1] != mean.shape[-1]:
        raise ValueError(
            f"pseudo_mean must have shape ('num_pseudo', {mean.shape[-1]}), "
            f"got {pseudo_mean.shape}."
        )
    expected = (*mean.shape[:-1], pseudo_mean.shape[0])
    if selector_weights.shape != expected:
        raise ValueError(
            f"selector_weights must have shape {expected}, "
            f"got {selector_weights.shape}."
        )
    check_scalars(prior_slab_prob=prior_slab_prob)
    check_range(above(0, high=1), prior_slab_prob=prior_slab_prob)
    check_range(
        at_least(0), "; give the softmax of logits", selector_weights=selector_weights
    )
    if not isinstance(selector_weights, Tracer):
        sums = np.asarray(selector_weights).sum(axis=-1)
        worst = sums.flat[np.abs(sums - 1.0).argmax()] if sums.size else 1.0
        if abs(worst - 1.0) > _SUM_TOLERANCE:
            raise ValueError(
                "selector_weights must have the sum 1 over the last axis, got "
                f"{worst:.6g}."
            )
