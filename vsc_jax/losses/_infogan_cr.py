"""InfoGAN-CR: a loss by which pairs of images show which code they share.

Lin, Thekumparampil, Fanti and Oh, "InfoGAN-CR and ModelCentrality: Self-supervised
Model Training and Selection for Disentangling GANs", ICML 2020,
https://arxiv.org/abs/1906.06034; code: https://github.com/fjxmlzn/InfoGAN-CR.
"""

import jax
import jax.numpy as jnp

from vsc_jax._checks import as_floats, check_categories, check_same_shape


def contrastive_loss(shared_logits: jax.Array, shared: jax.Array) -> jax.Array:
    """Cross-entropy of a guess which code a pair of generated images shares.

    The contrastive regulariser of Lin et al. 2020, Sec. 3. Of the codes of the pair one
    is the same and the others are drawn anew; H sees both images. Both H and, times a
    weight, the generator make it smaller:

      -sum_j shared_j log softmax(shared_logits)_j

    It is log num_codes where H guesses.

    Args:
      shared_logits: `[..., num_codes]`, of H at the pair, up to a constant.
      shared: `[..., num_codes]`, one-hot, the code that is the same.

    Returns:
      `[...]`, nats.

    Raises:
      ValueError: if the shapes differ or are without a code.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import contrastive_loss
      >>> print(contrastive_loss(jnp.array([[0.0, 0.0]]), jnp.array([[0.0, 1.0]])))
      [0.6931472]
    """
    shared_logits, shared = as_floats(shared_logits=shared_logits, shared=shared)
    check_categories(shared_logits=shared_logits)
    check_same_shape(shared_logits=shared_logits, shared=shared)
    return -jnp.sum(shared * jax.nn.log_softmax(shared_logits), axis=-1)
