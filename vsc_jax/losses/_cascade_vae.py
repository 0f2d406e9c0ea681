"""CascadeVAE: latents relieved of their penalty one by one, for fixed categories.

Jeong and Song, "Learning Discrete and Continuous Factors of Data via Alternating
Disentanglement", ICML 2019, https://arxiv.org/abs/1905.09432, in the form of the
authors' code, https://github.com/snu-mllab/DisentanglementICML19.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._cascade_betas import cascade_betas
from vsc_jax._checks import as_floats, weight
from vsc_jax.losses._vae import ElboTerms, beta_elbo, elbo


def cascade_vae_objective(
    log_likelihood: jax.Array,
    kl: jax.Array,
    *,
    num_relieved: ArrayLike,
    beta_low: ArrayLike = 1.0,
    beta_high: ArrayLike = 10.0,
    category_kl: ArrayLike = 0.0,
) -> ElboTerms:
    """The loss of CascadeVAE with the categories held fixed, and its terms.

    Jeong and Song 2019, Eq. 8: the first `num_relieved` latents have a small weight on
    their KL, so that information flows through them, the others a large one:

      loss = -log p(x|z, d) + sum_j b_j KL(q(z_j|x) || p(z_j)),
      b_j = beta_low for j < num_relieved, else beta_high

    The categories d are found beforehand, see `vsc_jax.assignment`; their KL does not
    depend on the parameters and is not part of the loss.

    Args:
      log_likelihood: `[...]`, log p(x|z, d) at a draw z ~ q(z|x).
      kl: `[..., latent_dim]`, KL of each latent.
      num_relieved: scalar, how many latents are relieved: a whole number, at most
        `latent_dim`. A traced one relieves the latents whose place, counted from 0, is
        below it, and NaN makes the loss NaN.
      beta_low: scalar, weight of their KL; like the other two at least 0 (a traced one
        is not checked).
      beta_high: scalar, weight of the others' KL.
      category_kl: scalar, KL of the categories to their prior; `log(num_categories)`
        for a uniform prior. It enters `kl` and `elbo` alone.

    Returns:
      `ElboTerms`, each field `[...]` but for `kl_per_latent`, which has no column for
      categories; nats per example.

    Raises:
      ValueError: if the shapes do not fit, or a number is known and not as above.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import cascade_vae_objective
      >>> terms = cascade_vae_objective(
      ...     jnp.array([-10.0]), jnp.ones((1, 3)), num_relieved=2, beta_high=5.0)
      >>> print(terms.loss, terms.elbo)
      [17.] [-13.]
    """
    log_likelihood, kl = as_floats(log_likelihood=log_likelihood, kl=kl)
    category_kl = weight(kl, category_kl=category_kl)
    beta = cascade_betas(
        jnp.shape(kl)[-1],
        num_relieved=num_relieved,
        beta_low=beta_low,
        beta_high=beta_high,
    ).astype(kl.dtype)
    return ElboTerms(
        loss=-beta_elbo(log_likelihood, kl, beta=beta),
        elbo=elbo(log_likelihood, kl) - category_kl,
        log_likelihood=log_likelihood,
        kl=jnp.sum(kl, axis=-1) + category_kl,
        kl_per_latent=kl,
    )
