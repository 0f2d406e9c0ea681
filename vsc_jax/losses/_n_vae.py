"""N-VAE: latents that all classes share, and a block of latents for each class.

Antoran and Miguel, "Disentangling and Learning Robust Representations with Natural
Clustering", 2019, https://arxiv.org/abs/1901.09415. The equations (6) and (7) below are
those of the authors' slides. The two values of `kl_scope` and the weights `beta` and
`label_weight` are our own; with their defaults the loss is equation (7).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, check_min_rank, check_one_axis_more, weight

N_VAE_KL_SCOPES = ("all", "active")


class NVaeTerms(NamedTuple):
    """What `n_vae_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised.
      elbo: `[...]`, `log_likelihood - kl + label_log_prob`, whatever the weights are.
      log_likelihood: `[...]`, log p(x|y, z).
      label_log_prob: `[...]`, log q(y|x).
      kl: `[...]`, `shared_kl + class_kl`.
      shared_kl: `[...]`, KL of the latents that all classes share.
      class_kl: `[...]`, KL of the blocks of the classes that count.
    """

    loss: jax.Array
    elbo: jax.Array
    log_likelihood: jax.Array
    label_log_prob: jax.Array
    kl: jax.Array
    shared_kl: jax.Array
    class_kl: jax.Array


def mask_classes(class_latents: jax.Array, one_hot: jax.Array) -> jax.Array:
    """The blocks of the classes, zero but for that of the label.

    What the decoder of N-VAE sees of them is `vec(c_y * [1, z_c])`, with c_y the
    one-hot label that multiplies the rows: this and, from the column of ones, the
    one-hot label itself.

    Args:
      class_latents: `[..., num_classes, class_dim]`, a block for each class.
      one_hot: `[..., num_classes]`, the label.

    Returns:
      `[..., num_classes, class_dim]`; the gradient with respect to every other block
      is exactly zero.

    Raises:
      ValueError: if the shapes do not fit.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import mask_classes
      >>> print(mask_classes(jnp.array([[5.0], [7.0]]), jnp.array([0.0, 1.0])))
      [[0.]
       [7.]]
    """
    class_latents, one_hot = as_floats(class_latents=class_latents, one_hot=one_hot)
    check_min_rank(1, one_hot=one_hot)
    check_one_axis_more(one_hot, "class_dim", class_latents=class_latents)
    return class_latents * one_hot[..., None]


def n_vae_objective(
    log_likelihood: jax.Array,
    shared_kl: jax.Array,
    class_kl: jax.Array,
    class_logits: jax.Array,
    one_hot: jax.Array,
    *,
    beta: ArrayLike = 1.0,
    class_beta: ArrayLike = 1.0,
    label_weight: ArrayLike = 1.0,
    kl_scope: str = "all",
) -> NVaeTerms:
    """The loss of N-VAE and its terms.

    With z_s the latents that all classes share, z_c the blocks of the classes, y the
    label and q(y|x) = softmax(class_logits), equation (7) of the slides is

      E_q(z|x)[log p(x|y, z)] - KL(q(z_s|x) || p(z_s))
        - class_beta KL(q(z_c|x) || p(z_c)) + log q(y|x)

    and equation (6) the same with class_beta = 1. The loss is

      -log p(x|y, z) + beta (KL_s + class_beta KL_c) - label_weight log q(y|x)

    The decoder ignores the blocks of the other classes, see `mask_classes`, so that
    their KL does nothing but pull them to the prior. With `kl_scope` "active" they are
    taken as drawn from the prior, and their KL is 0.

    Args:
      log_likelihood: `[...]`, log p(x|y, z) at a draw z ~ q(z|x).
      shared_kl: `[..., shared_dim]`, KL of each shared latent; summed here.
      class_kl: `[..., num_classes, class_dim]`, KL of each latent of each block.
      class_logits: `[..., num_classes]`, of q(y|x), up to a constant; finite.
      one_hot: `[..., num_classes]`, the label.
      beta: scalar, weight of both KLs, for a warm-up from 0 to 1; like the other two at
        least 0 (a traced one is not checked).
      class_beta: scalar, weight of the KL of the blocks beside the other one.
      label_weight: scalar, weight of log q(y|x).
      kl_scope: "all" for the KL of all blocks, as equation (7) reads, or "active" for
        that of the label's own block.

    Returns:
      `NVaeTerms`, nats per example.

    Raises:
      ValueError: if the shapes do not fit, a weight is known and not at least 0, or
        `kl_scope` is unknown.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import n_vae_objective
      >>> terms = n_vae_objective(
      ...     jnp.array([-10.0]), jnp.ones((1, 3)), jnp.ones((1, 4, 2)),
      ...     jnp.array([[50.0, 0.0, 0.0, 0.0]]), jnp.array([[1.0, 0.0, 0.0, 0.0]]),
      ...     class_beta=2.0)
      >>> print(terms.loss, terms.elbo)
      [29.] [-21.]
    """
    if kl_scope not in N_VAE_KL_SCOPES:
        raise ValueError(
            f"kl_scope must be one of {', '.join(N_VAE_KL_SCOPES)}, got {kl_scope!r}."
        )
    log_likelihood, shared_kl, class_kl = as_floats(
        log_likelihood=log_likelihood, shared_kl=shared_kl, class_kl=class_kl
    )
    class_logits, one_hot = as_floats(class_logits=class_logits, one_hot=one_hot)
    check_one_axis_more(log_likelihood, "shared_dim", shared_kl=shared_kl)
    check_one_axis_more(log_likelihood, "num_classes", one_hot=one_hot)
    check_one_axis_more(one_hot, "class_dim", class_kl=class_kl)
    if class_logits.shape != one_hot.shape:
        raise ValueError(
            f"class_logits must have the shape of one_hot, {one_hot.shape}, got "
            f"{class_logits.shape}."
        )
    beta = weight(log_likelihood, beta=beta)
    class_beta = weight(log_likelihood, class_beta=class_beta)
    label_weight = weight(log_likelihood, label_weight=label_weight)
    if kl_scope == "active":
        class_kl = mask_classes(class_kl, one_hot)
    shared, of_classes = jnp.sum(shared_kl, axis=-1), jnp.sum(class_kl, axis=(-2, -1))
    label_log_prob = jnp.sum(one_hot * jax.nn.log_softmax(class_logits), axis=-1)
    kl = shared + of_classes
    weighted_kl = beta * (shared + class_beta * of_classes)
    return NVaeTerms(
        loss=weighted_kl - log_likelihood - label_weight * label_log_prob,
        elbo=log_likelihood - kl + label_log_prob,
        log_likelihood=log_likelihood,
        label_log_prob=label_log_prob,
        kl=kl,
        shared_kl=shared,
        class_kl=of_classes,
    )
