"""InfoGAN: an adversarial loss minus a bound on the information that images keep.

Chen, Duan, Houthooft, Schulman, Sutskever and Abbeel, "InfoGAN: Interpretable
Representation Learning by Information Maximizing Generative Adversarial Nets", 2016,
https://arxiv.org/abs/1606.03657; code: https://github.com/openai/InfoGAN. The
adversarial losses themselves are `gan_discriminator_loss` and `gan_generator_loss`, at
the logits of real images and of generated ones.

For a code c that the generator was given and an image x that it made of it, any
distribution Q gives (Eq. 5 there; the entropy of c is a constant and written out)

  I(c; x) >= L(c, Q) = H(c) + E[log Q(c|x)].

The code of the authors logs another constant for continuous codes: the cross-entropy
of the uniform codes to N(0, 1), 1.09 nats where H(c) is log 2. Gradients are the same.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    check_categories,
    check_one_axis_more,
    check_same_shape,
    weight,
)
from vsc_jax.losses._density import gaussian_log_prob

# Of the uniform distribution on -1 to 1.
_UNIFORM_ENTROPY = math.log(2.0)


class InfoGanTerms(NamedTuple):
    """What `infogan_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised.
      adversarial_loss: `[...]`, of the player, as given.
      mutual_information: `[...]`, of all codes, whatever the weights are; its mean over
        a batch estimates the bound.
    """

    loss: jax.Array
    adversarial_loss: jax.Array
    mutual_information: jax.Array


def category_information(
    category_logits: jax.Array, categories: jax.Array
) -> jax.Array:
    """Term of the bound on I(c; x) of a categorical code, uniform over its categories.

    Chen et al. 2016, Eq. 5, with H(c) = log size and Q = softmax(category_logits):

      log size + sum_k categories_k log Q_k

    Its mean over draws of c and x is at most log size, reached where Q is right and
    sure, and 0 where Q guesses.

    Args:
      category_logits: `[..., size]`, of Q at the generated image, up to a constant.
      categories: `[..., size]`, the code that it was generated from, one-hot.

    Returns:
      `[...]`, nats.

    Raises:
      ValueError: if the shapes differ or are without a category.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import category_information
      >>> logits, one_hot = jnp.array([[0.0, 0.0], [90.0, 0.0]]), jnp.eye(2)[:1]
      >>> print(category_information(logits, jnp.concatenate([one_hot, one_hot])))
      [0.        0.6931472]
    """
    category_logits, categories = as_floats(
        category_logits=category_logits, categories=categories
    )
    check_categories(category_logits=category_logits)
    check_same_shape(category_logits=category_logits, categories=categories)
    log_prob = jnp.sum(categories * jax.nn.log_softmax(category_logits), axis=-1)
    return math.log(category_logits.shape[-1]) + log_prob


def uniform_code_information(
    codes: jax.Array, mean: jax.Array, log_var: jax.Array
) -> jax.Array:
    """Terms of the bound on I(c_j; x) of continuous codes, uniform on -1 to 1.

    Chen et al. 2016, Eq. 5, with H(c_j) = log 2 and Q = N(mean, exp(log_var)):

      log 2 + log N(codes_j; mean_j, exp(log_var_j))

    With the fixed standard deviation 1 of the authors' MNIST experiment (log_var = 0)
    it is at most log 2 - 1/2 log 2 pi = -0.23: there it bounds nothing, and only its
    differences mean something.

    Args:
      codes: `[..., num_codes]`, that the image was generated from.
      mean: `[..., num_codes]`, of Q at the generated image.
      log_var: `[..., num_codes]`, of Q.

    Returns:
      `[..., num_codes]`, nats.

    Raises:
      ValueError: if a shape differs.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import uniform_code_information
      >>> code = jnp.array([0.5])
      >>> print(uniform_code_information(code, code, jnp.zeros(1)))
      [-0.22579134]
    """
    codes, mean, log_var = as_floats(codes=codes, mean=mean, log_var=log_var)
    check_same_shape(codes=codes, mean=mean, log_var=log_var)
    return _UNIFORM_ENTROPY + gaussian_log_prob(codes, mean, log_var)


def infogan_objective(
    adversarial_loss: jax.Array,
    category_information: jax.Array,
    code_information: jax.Array,
    *,
    category_weight: ArrayLike = 1.0,
    code_weight: ArrayLike = 1.0,
) -> InfoGanTerms:
    """The loss of either player of InfoGAN, and its terms.

    Chen et al. 2016, Eq. 6, where lambda is both weights; the discriminator, of which Q
    is a part, and the generator both make the information larger:

      adversarial_loss - category_weight sum_v category_information_v
                       - code_weight sum_j code_information_j

    Args:
      adversarial_loss: `[...]`, `gan_discriminator_loss` or `gan_generator_loss`.
      category_information: `[..., num_variables]`, `category_information` of each
        categorical code.
      code_information: `[..., num_codes]`, `uniform_code_information`.
      category_weight: scalar, at least 0 (a traced one is not checked).
      code_weight: scalar, at least 0 (a traced one is not checked).

    Returns:
      `InfoGanTerms`, nats per example.

    Raises:
      ValueError: if the shapes do not fit, or a weight is known and not at least 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import infogan_objective
      >>> terms = infogan_objective(
      ...     jnp.array([1.5]), jnp.array([[2.0]]), jnp.array([[0.5, 0.25]]))
      >>> print(terms.loss, terms.mutual_information)
      [-1.25] [2.75]
    """
    adversarial_loss, category_information, code_information = as_floats(
        adversarial_loss=adversarial_loss,
        category_information=category_information,
        code_information=code_information,
    )
    check_one_axis_more(
        adversarial_loss, "num_variables", category_information=category_information
    )
    check_one_axis_more(
        adversarial_loss, "num_codes", code_information=code_information
    )
    category_weight = weight(adversarial_loss, category_weight=category_weight)
    code_weight = weight(adversarial_loss, code_weight=code_weight)
    of_categories = jnp.sum(category_information, axis=-1)
    of_codes = jnp.sum(code_information, axis=-1)
    return InfoGanTerms(
        loss=adversarial_loss
        - category_weight * of_categories
        - code_weight * of_codes,
        adversarial_loss=adversarial_loss,
        mutual_information=of_categories + of_codes,
    )
