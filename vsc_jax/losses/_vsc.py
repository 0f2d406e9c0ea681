"""Variational Sparse Coding with a fixed spike-and-slab prior.

Tonolini, Jensen and Murray-Smith, "Variational Sparse Coding", UAI 2019,
https://proceedings.mlr.press/v115/tonolini20a.html, in the form of the reproduction
https://github.com/Alfo5123/Variational-Sparse-Coding.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats
from vsc_jax.losses._kl import spike_slab_kl_terms
from vsc_jax.losses._vae import beta_elbo, elbo


class VscTerms(NamedTuple):
    """What `vsc_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised: `-log_likelihood + beta kl`.
      elbo: `[...]`, `log_likelihood - kl`, whatever beta is.
      log_likelihood: `[...]`, log p(x|z).
      kl: `[...]`, KL(q(z|x) || p(z)): `slab_kl + spike_kl`.
      slab_kl: `[...]`, its Gaussian part.
      spike_kl: `[...]`, its Bernoulli part.
    """

    loss: jax.Array
    elbo: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array
    slab_kl: jax.Array
    spike_kl: jax.Array


def vsc_objective(
    log_likelihood: jax.Array,
    mean: jax.Array,
    log_var: jax.Array,
    slab_logits: jax.Array,
    *,
    prior_slab_prob: ArrayLike,
    beta: ArrayLike = 1.0,
) -> VscTerms:
    """The loss of Variational Sparse Coding with the fixed prior, and its terms.

    Tonolini, Jensen and Murray-Smith 2019:

      loss = -log p(x|z) + beta sum_j KL(q(z_j|x) || p(z_j)),   z ~ q(z|x),
      q(z_j|x) = g_j N(mean_j, var_j) + (1 - g_j) delta_0,  g = sigmoid(slab_logits),
      p(z_j) = prior_slab_prob N(0, 1) + (1 - prior_slab_prob) delta_0

    Args:
      log_likelihood: `[...]`, log p(x|z) at a (relaxed) draw z ~ q(z|x).
      mean: `[..., latent_dim]`, mean of the slab.
      log_var: `[..., latent_dim]`, log-variance of the slab.
      slab_logits: `[..., latent_dim]`, logit of P(z_j != 0 | x).
      prior_slab_prob: inside (0, 1); scalar, `[latent_dim]` or `[..., latent_dim]`. A
        traced one outside [0, 1] gives NaN.
      beta: weight of the KL, scalar or `[latent_dim]`; at least 0 (a traced one is not
        checked).

    Returns:
      `VscTerms`, each field `[...]`, nats per example.

    Raises:
      ValueError: if the shapes do not fit, `prior_slab_prob` is not inside (0, 1) or
        beta is not at least 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import vsc_objective
      >>> log_likelihood, zeros = jnp.array([-5.0, -7.0]), jnp.zeros((2, 3))
      >>> terms = vsc_objective(
      ...     log_likelihood, zeros, zeros, zeros, prior_slab_prob=0.5)
      >>> print(terms.loss, terms.slab_kl, terms.spike_kl)
      [5. 7.] [0. 0.] [0. 0.]
    """
    (log_likelihood,) = as_floats(log_likelihood=log_likelihood)
    terms = spike_slab_kl_terms(
        mean, log_var, slab_logits, prior_slab_prob=prior_slab_prob
    )
    kl = terms.slab + terms.spike
    slab_kl, spike_kl = jnp.sum(terms.slab, axis=-1), jnp.sum(terms.spike, axis=-1)
    return VscTerms(
        loss=-beta_elbo(log_likelihood, kl, beta=beta),
        elbo=elbo(log_likelihood, kl),
        log_likelihood=log_likelihood,
        kl=slab_kl + spike_kl,
        slab_kl=slab_kl,
        spike_kl=spike_kl,
    )
