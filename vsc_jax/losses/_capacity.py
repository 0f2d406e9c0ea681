"""The penalty that holds a KL at a given number of nats.

- Burgess et al., "Understanding disentangling in beta-VAE", 2018,
  https://arxiv.org/abs/1804.03599
- Dupont, "Learning Disentangled Joint Continuous and Discrete Representations",
  NeurIPS 2018, https://arxiv.org/abs/1804.00104 (JointVAE)
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, weight


def capacity_penalty(
    kl: jax.Array, *, capacity: ArrayLike, capacity_weight: ArrayLike
) -> jax.Array:
    """`capacity_weight |kl - capacity|`; with the batch's mean KL, a batch property.

    Burgess et al. 2018, Eq. 8; Dupont 2018, Eq. 5. In both the capacity rises during
    training (`vsc_jax.schedules.linear`). Both mean the KL of the whole data set, and
    the code of JointVAE takes that of the batch: give `kl.mean(0)` of the KLs of all
    examples, from all devices, since the penalty of the mean is less than the mean of
    penalties.

    Args:
      kl: `[...]`, KL in nats, already summed over latents.
      capacity: scalar, nats, at least 0 (a traced one is not checked).
      capacity_weight: scalar, gamma of both papers, at least 0 (a traced one is not
        checked).

    Returns:
      `[...]`, nats. Its derivative with respect to `kl` is plus or minus
      `capacity_weight`, however near the capacity is.

    Raises:
      ValueError: if capacity or weight is no scalar, or known and not at least 0.
      TypeError: if `kl` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import capacity_penalty
      >>> kl = jnp.array([4.0, 5.0, 6.5])
      >>> print(capacity_penalty(kl, capacity=5.0, capacity_weight=30.0))
      [30.  0. 45.]
    """
    (kl,) = as_floats(kl=kl)
    capacity = weight(kl, capacity=capacity)
    return weight(kl, capacity_weight=capacity_weight) * jnp.abs(kl - capacity)
