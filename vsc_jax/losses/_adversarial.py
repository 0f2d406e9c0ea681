"""Adversarial losses on latent codes, of both players, in nats per example.

- Goodfellow et al., "Generative Adversarial Nets", 2014,
  https://arxiv.org/abs/1406.2661
- Makhzani et al., "Adversarial Autoencoders", 2015, https://arxiv.org/abs/1511.05644

No gradient is stopped here: only the caller knows whose parameters are trained.
"""

import jax
import jax.numpy as jnp

from vsc_jax._checks import as_floats, check_same_shape


def gan_discriminator_loss(
    prior_logits: jax.Array, code_logits: jax.Array
) -> jax.Array:
    """Loss of the discriminator of an adversarial autoencoder on a pair of codes.

    Goodfellow et al. 2014, Eq. 1, as used on codes by Makhzani et al. 2015, Sec. 2:

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

    Goodfellow et al. 2014, Sec. 3: `-log s(D(z))` in place of `log(1 - s(D(z)))`,
    whose gradient vanishes where the discriminator is sure; on codes in Makhzani et al.
    2015, Sec. 2.

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
    """Share of a pair of codes that a discriminator classifies correctly, for the log.

    For the discriminators of FactorVAE (real: z ~ q(z), fake: permuted, see
    `density_ratio_total_correlation`) and of adversarial autoencoders (real: prior,
    fake: codes):

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
