"""JointVAE: one capacity for the Gaussian latents and one for the categories.

Dupont, "Learning Disentangled Joint Continuous and Discrete Representations", NeurIPS
2018, https://arxiv.org/abs/1804.00104, and its code,
https://github.com/Schlumberger/joint-vae.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    broadcast_last,
    check_numbers_of_batch,
    check_one_axis_more,
    weight,
)
from vsc_jax._ranges import whole
from vsc_jax.losses._capacity import capacity_penalty
from vsc_jax.losses._vae import elbo

_SIZE = whole(1)


class JointVaeTerms(NamedTuple):
    """What `joint_vae_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised.
      elbo: `[...]`, `log_likelihood - kl`, whatever the capacities are.
      log_likelihood: `[...]`, log p(x|z, c).
      kl: `[...]`, `gaussian_kl + category_kl`.
      gaussian_kl: `[...]`, KL(q(z|x) || p(z)).
      category_kl: `[...]`, KL(q(c|x) || p(c)).
      kl_per_latent: `[..., latent_dim]`, of which `gaussian_kl` is the sum.
      capacity_gap: `[]`, KL of the batch minus the capacity of the Gaussian latents.
      category_capacity_gap: `[]`, the same of the categories.
    """

    loss: jax.Array
    elbo: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array
    gaussian_kl: jax.Array
    category_kl: jax.Array
    kl_per_latent: jax.Array
    capacity_gap: jax.Array
    category_capacity_gap: jax.Array


def joint_vae_objective(
    log_likelihood: jax.Array,
    kl: jax.Array,
    category_kl: jax.Array,
    batch_kl: jax.Array,
    batch_category_kl: jax.Array,
    *,
    capacity: ArrayLike,
    capacity_weight: ArrayLike,
    category_capacity: ArrayLike,
    category_capacity_weight: ArrayLike,
    category_sizes: Sequence[int],
) -> JointVaeTerms:
    """The loss of JointVAE and its terms.

    Dupont 2018, Eq. 5, with KL_z and KL_c means over the batch:

      loss = -log p(x|z, c) + capacity_weight |KL_z - capacity|
             + category_capacity_weight |KL_c - C|,
      C = min(category_capacity, sum_v log category_sizes_v)

    A larger C than the logarithm of the number of codes can never be reached. The two
    penalties are properties of the batch: the penalty of the mean is less than the
    mean of penalties, so it takes the means, over all examples on all devices.

    Args:
      log_likelihood: `[...]`, log p(x|z, c) at (relaxed) draws.
      kl: `[..., latent_dim]`, KL of each Gaussian latent.
      category_kl: `[..., num_variables]`, KL of each categorical variable.
      batch_kl: `[]`, KL_z: mean over the batch of `kl` summed over latents.
      batch_category_kl: `[]`, KL_c: mean over the batch of `category_kl` summed, or of
        `concrete_kl_estimate` in its place.
      capacity: scalar, nats; like the other three at least 0 (a traced one is not
        checked).
      capacity_weight: scalar, gamma of the paper.
      category_capacity: scalar, nats.
      category_capacity_weight: scalar.
      category_sizes: number of categories of each variable, each at least 1.

    Returns:
      `JointVaeTerms`, nats per example.

    Raises:
      ValueError: if the shapes do not fit, `category_sizes` are not one for each
        variable, or a capacity or weight is known and not at least 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import joint_vae_objective
      >>> kl, category_kl = jnp.ones((1, 4)), jnp.ones((1, 1))
      >>> terms = joint_vae_objective(
      ...     jnp.array([-10.0]), kl, category_kl, kl.sum(), category_kl.sum(),
      ...     capacity=5.0, capacity_weight=30.0, category_capacity=1.5,
      ...     category_capacity_weight=30.0, category_sizes=(10,))
      >>> print(terms.loss, terms.elbo)
      [55.] [-15.]
    """
    log_likelihood, kl, category_kl = as_floats(
        log_likelihood=log_likelihood, kl=kl, category_kl=category_kl
    )
    batch_kl, batch_category_kl = as_floats(
        batch_kl=batch_kl, batch_category_kl=batch_category_kl
    )
    check_numbers_of_batch(batch_kl=batch_kl, batch_category_kl=batch_category_kl)
    check_one_axis_more(log_likelihood, "num_variables", category_kl=category_kl)
    if np.shape(category_sizes) != category_kl.shape[-1:]:
        raise ValueError(
            f"category_sizes must be {category_kl.shape[-1]} numbers, one per column "
            f"of category_kl, got {category_sizes!r}."
        )
    for size in category_sizes:
        _SIZE.check("category_sizes", size)
    limit = sum(math.log(size) for size in category_sizes)
    category_capacity = jnp.minimum(
        weight(batch_category_kl, category_capacity=category_capacity), limit
    )
    category_capacity_weight = weight(
        batch_category_kl, category_capacity_weight=category_capacity_weight
    )
    penalty = capacity_penalty(
        batch_kl, capacity=capacity, capacity_weight=capacity_weight
    ) + capacity_penalty(
        batch_category_kl,
        capacity=category_capacity,
        capacity_weight=category_capacity_weight,
    )
    gaussian_kl, category_kl = jnp.sum(kl, axis=-1), jnp.sum(category_kl, axis=-1)
    return JointVaeTerms(
        loss=broadcast_last(penalty, log_likelihood) - log_likelihood,
        elbo=elbo(log_likelihood, kl) - category_kl,
        log_likelihood=log_likelihood,
        kl=gaussian_kl + category_kl,
        gaussian_kl=gaussian_kl,
        category_kl=category_kl,
        kl_per_latent=kl,
        capacity_gap=batch_kl - capacity,
        category_capacity_gap=batch_category_kl - category_capacity,
    )
