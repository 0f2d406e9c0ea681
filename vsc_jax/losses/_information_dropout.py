"""Information Dropout: the noise of a unit is learned, and what it lets through costs.

Achille and Soatto, "Information Dropout: Learning Optimal Representations Through Noisy
Computation", 2018, https://arxiv.org/abs/1611.01353; formulas and constants are those
of the authors' code, https://github.com/ucla-vision/information-dropout. A unit with
the value f, not negative, is multiplied by log-normal noise:

  z = f exp(alpha eps),  eps ~ N(0, 1),

so that log z ~ N(log f, alpha^2).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import (
    as_floats,
    check_one_axis_more,
    check_same_shape,
    check_scalars,
    positive_scalar,
    weight,
)

# Below it a value counts as this one in a logarithm, as in the authors' code.
_SMALLEST_VALUE = 1e-4


class InformationDropoutTerms(NamedTuple):
    """What `information_dropout_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised.
      log_likelihood: `[...]`, log p(y|z) of what is to be told from the noisy units.
      kl: `[...]`, information of all units of all layers.
    """

    loss: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array


def information_dropout_kl(
    log_stddev: jax.Array, *, max_stddev: ArrayLike
) -> jax.Array:
    """KL(p(z|x) || q(z)) of each unit behind a relu, with a log-uniform prior.

    The prior has a constant density of log z, and an atom at z = 0 for units that are
    off. It is improper, so the KL is known up to a constant, which is chosen such that
    a unit with the largest noise costs nothing:

      -log(alpha / max_stddev)

    The value of the unit has no part in it. As in the authors' code it is that of a
    unit which is off too.

    Args:
      log_stddev: `[...]`, log alpha of each unit, at most log(max_stddev) for a KL
        that is not negative.
      max_stddev: scalar, above 0, the largest alpha that there can be.

    Returns:
      `[...]`, nats; sum over the units of a layer for what it costs an example.

    Raises:
      ValueError: if `max_stddev` is known and not above 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import information_dropout_kl
      >>> log_stddev = jnp.log(jnp.array([0.7, 0.07]))
      >>> print(information_dropout_kl(log_stddev, max_stddev=0.7))
      [0.        2.3025851]
    """
    (log_stddev,) = as_floats(log_stddev=log_stddev)
    return jnp.log(positive_scalar(log_stddev, max_stddev=max_stddev)) - log_stddev


def information_dropout_log_normal_kl(
    value: jax.Array,
    log_stddev: jax.Array,
    *,
    prior_mean: ArrayLike = 0.0,
    prior_log_stddev: ArrayLike = 0.0,
) -> jax.Array:
    """KL(p(z|x) || q(z)) of each unit behind a softplus, with a log-normal prior.

    With log z ~ N(m, s^2) under the prior it is that of two normal distributions,

      (alpha^2 + (log f - m)^2) / (2 s^2) - log(alpha / s) - 1/2

    where f counts as 0.0001 if it is below that. The authors' code learns one m and one
    s for each layer, from 0 and 1 on.

    Args:
      value: `[...]`, f, the unit without noise.
      log_stddev: `[...]`, log alpha of each unit.
      prior_mean: scalar, m.
      prior_log_stddev: scalar, log s.

    Returns:
      `[...]`, nats; sum over the units of a layer for what it costs an example.

    Raises:
      ValueError: if the shapes do not fit.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import information_dropout_log_normal_kl
      >>> value = jnp.exp(jnp.array([0.0, 2.0]))
      >>> print(information_dropout_log_normal_kl(value, jnp.zeros(2)).round(5))
      [0. 2.]
    """
    value, log_stddev = as_floats(value=value, log_stddev=log_stddev)
    check_same_shape(value=value, log_stddev=log_stddev)
    check_scalars(prior_mean=prior_mean, prior_log_stddev=prior_log_stddev)
    mean = jnp.asarray(prior_mean, value.dtype)
    log_scale = jnp.asarray(prior_log_stddev, value.dtype)
    distance = jnp.log(jnp.maximum(value, _SMALLEST_VALUE)) - mean
    log_ratio = log_stddev - log_scale
    squares = jnp.exp(2.0 * log_ratio) + jnp.square(distance * jnp.exp(-log_scale))
    return 0.5 * squares - log_ratio - 0.5


def information_dropout_objective(
    log_likelihood: jax.Array, layer_kl: jax.Array, *, beta: ArrayLike = 0.0
) -> InformationDropoutTerms:
    """The loss of a network with Information Dropout and its terms.

    Equation (3) of the paper, the Lagrangian of the information bottleneck, at one draw
    of the noise:

      -log p(y|z) + beta sum_layers KL_layer

    Here beta is the price of a nat. The authors' code divides the KL by the number of
    training images, so that its beta is that number times this one: its 3 for the
    50,000 images of CIFAR-10 is 6e-5 here, and its 0.5 for cluttered MNIST 1e-5.

    Args:
      log_likelihood: `[...]`, log p(y|z) of the label, or of an image that is to be
        reconstructed.
      layer_kl: `[..., num_layers]`, KL of each layer, summed over its units.
      beta: scalar, price of a nat, at least 0 (a traced one is not checked).

    Returns:
      `InformationDropoutTerms`, nats per example.

    Raises:
      ValueError: if the shapes do not fit, or beta is known and not at least 0.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import information_dropout_objective
      >>> terms = information_dropout_objective(
      ...     jnp.array([-0.5]), jnp.array([[300.0, 200.0]]), beta=0.001)
      >>> print(terms.loss, terms.kl)
      [1.] [500.]
    """
    log_likelihood, layer_kl = as_floats(
        log_likelihood=log_likelihood, layer_kl=layer_kl
    )
    check_one_axis_more(log_likelihood, "num_layers", layer_kl=layer_kl)
    kl = jnp.sum(layer_kl, axis=-1)
    price = weight(log_likelihood, beta=beta)
    return InformationDropoutTerms(price * kl - log_likelihood, log_likelihood, kl)
