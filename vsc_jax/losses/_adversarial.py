"""What a discriminator of codes says: losses of both sides, in nats per example.

Nothing here stops a gradient: that is left to who knows the parameters.
"""

import jax
import jax.numpy as jnp

from vsc_jax._checks import as_floats, check_same_shape


def density_ratio_total_correlation(logits: jax.Array) -> jax.Array:
    """Log-density ratio of a two-logit discriminator: FactorVAE's estimate of TC.

    Kim and Mnih, "Disentangling by Factorising", 2018,
    https://arxiv.org/abs/1802.05983, Eq. 3: with D the probability that z is a sample
    of q(z) and not of prod_j q(z_j),

      TC(z) = KL(q(z) || prod_j q(z_j)) ~ E_q(z)[ log D(z) - log(1 - D(z)) ]

    and for the two logits of a softmax, class 0 being q(z), the logarithm of the ratio
    is `logits[..., 0] - logits[..., 1]`. TC is never negative, but this estimate **can
    be**: it is only as good as the discriminator, so log it beside
    `discriminator_accuracy`. At an accuracy of 1/2 it says nothing.

    Args:
      logits: `[..., 2]`, at z ~ q(z); class 0 is q(z), class 1 the permuted codes.

    Returns:
      `[...]`, nats; its mean over z ~ q(z) is the estimate.

    Raises:
      ValueError: if the last axis is not of size 2.
      TypeError: if `logits` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import density_ratio_total_correlation
      >>> print(density_ratio_total_correlation(jnp.array([[1.0, 3.0]])))
      [-2.]
    """
    (logits,) = as_floats(logits=logits)
    _check_two_logits(logits=logits)
    return logits[..., 0] - logits[..., 1]


def discriminator_loss(logits: jax.Array, permuted_logits: jax.Array) -> jax.Array:
    """Cross-entropy of FactorVAE's discriminator on a pair of codes.

    Kim and Mnih, "Disentangling by Factorising", 2018,
    https://arxiv.org/abs/1802.05983, Algorithm 2:

      1/2 CE(D(z), class 0) + 1/2 CE(D(permuted z'), class 1),
      CE(l, c) = -log softmax(l)_c

    It is log 2 for a discriminator that cannot tell the two apart.

    Args:
      logits: `[..., 2]`, at samples of q(z).
      permuted_logits: `[..., 2]`, at codes permuted per latent.

    Returns:
      `[...]`, nats.

    Raises:
      ValueError: if the shapes differ or the last axis is not of size 2.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import discriminator_loss
      >>> print(discriminator_loss(jnp.zeros((1, 2)), jnp.zeros((1, 2))))
      [0.6931472]
    """
    logits, permuted_logits = as_floats(logits=logits, permuted_logits=permuted_logits)
    _check_two_logits(logits=logits, permuted_logits=permuted_logits)
    check_same_shape(logits=logits, permuted_logits=permuted_logits)
    margin = logits[..., 0] - logits[..., 1]
    permuted_margin = permuted_logits[..., 0] - permuted_logits[..., 1]
    return 0.5 * gan_discriminator_loss(margin, permuted_margin)


def gan_discriminator_loss(
    prior_logits: jax.Array, code_logits: jax.Array
) -> jax.Array:
    """Loss of the discriminator of an adversarial autoencoder on a pair of codes.

    Goodfellow et al., "Generative Adversarial Nets", 2014,
    https://arxiv.org/abs/1406.2661, Eq. 1, as used on codes by Makhzani et al.,
    "Adversarial Autoencoders", 2015, https://arxiv.org/abs/1511.05644, Sec. 2:

      -log s(D(p)) - log(1 - s(D(z))),   p ~ p(z),  z = encoder(x),  s = sigmoid

    It is 2 log 2 for a discriminator that cannot tell the two apart.

    Args:
      prior_logits: `[...]`, at samples of the prior.
      code_logits: `[...]`, at codes of images.

    Returns:
      `[...]`, nats.

    Raises:
      ValueError: if the shapes differ.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import gan_discriminator_loss
      >>> print(gan_discriminator_loss(jnp.array([90.0]), jnp.array([3.0])))
      [3.0485873]
    """
    prior_logits, code_logits = as_floats(
        prior_logits=prior_logits, code_logits=code_logits
    )
    check_same_shape(prior_logits=prior_logits, code_logits=code_logits)
    return jax.nn.softplus(-prior_logits) + jax.nn.softplus(code_logits)


def gan_generator_loss(code_logits: jax.Array) -> jax.Array:
    """Non-saturating loss of the encoder of an adversarial autoencoder.

    Goodfellow et al., "Generative Adversarial Nets", 2014,
    https://arxiv.org/abs/1406.2661, Sec. 3: `-log s(D(z))` in place of
    `log(1 - s(D(z)))`, whose gradient vanishes where the discriminator is sure; on
    codes in Makhzani et al., "Adversarial Autoencoders", 2015,
    https://arxiv.org/abs/1511.05644, Sec. 2.

    Args:
      code_logits: `[...]`, at codes of images.

    Returns:
      `[...]`, nats.

    Raises:
      TypeError: if `code_logits` is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import gan_generator_loss
      >>> print(gan_generator_loss(jnp.array([0.0, -90.0])))
      [ 0.6931472 90.       ]
    """
    (code_logits,) = as_floats(code_logits=code_logits)
    return jax.nn.softplus(-code_logits)


def discriminator_accuracy(
    real_log_ratio: jax.Array, fake_log_ratio: jax.Array
) -> jax.Array:
    """Share of a pair of codes that a discriminator names rightly; a value to log.

    For the discriminators of Kim and Mnih, 2018, https://arxiv.org/abs/1802.05983
    (real: z ~ q(z), fake: permuted, see `density_ratio_total_correlation`) and of
    Makhzani et al., 2015, https://arxiv.org/abs/1511.05644 (real: prior, fake: codes):

      1/2 [real_log_ratio > 0] + 1/2 [fake_log_ratio < 0],   a zero counting as half

    Its derivative is zero.

    Args:
      real_log_ratio: `[...]`, log odds of "real" at real codes.
      fake_log_ratio: `[...]`, log odds of "real" at the others.

    Returns:
      `[...]`, between 0 and 1; the mean over pairs is 1/2 by guessing.

    Raises:
      ValueError: if the shapes differ.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import discriminator_accuracy
      >>> print(discriminator_accuracy(jnp.array([2.0, 2.0]), jnp.array([-1.0, 1.0])))
      [1.  0.5]
    """
    real_log_ratio, fake_log_ratio = as_floats(
        real_log_ratio=real_log_ratio, fake_log_ratio=fake_log_ratio
    )
    check_same_shape(real_log_ratio=real_log_ratio, fake_log_ratio=fake_log_ratio)
    return 0.5 + 0.25 * (jnp.sign(real_log_ratio) - jnp.sign(fake_log_ratio))


def _check_two_logits(**arrays: jax.Array) -> None:
    """Raises ValueError unless the last axis of each array has size 2."""
    for name, array in arrays.items():
        if array.shape[-1:] != (2,):
            raise ValueError(f"{name} must have shape [..., 2], got {array.shape}.")
