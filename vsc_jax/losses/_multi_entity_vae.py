"""Multi-Entity VAE: a set of objects, found by the KL of the cells of a grid.

Nash et al., "The Multi-Entity Variational Autoencoder", 2017,
https://charlienash.github.io/assets/docs/mevae2017.pdf. Of the paper the abstract was
at hand and no code: a code is a set of vectors, one for each object, and where an image
needs information is where objects are. All formulas below are our own choice.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import log_sigmoid, log_softmax, logsumexp, sigmoid
from jax.typing import ArrayLike

from vsc_jax._checks import as_floats, check_min_rank, check_one_axis_more, weight

MULTI_ENTITY_KL_SCOPES = ("all", "selected")
COMPOSITIONS = ("softmax", "sum")


class ComposedImage(NamedTuple):
    """What `compose_objects` returns.

    Attributes:
      x_logits: `[..., height, width, channels]`, logits of the mean of the image.
      masks: `[..., num_slots, height, width]`, the share of each pixel that is the
        object's, in [0, 1].
    """

    x_logits: jax.Array
    masks: jax.Array


class MultiEntityVaeTerms(NamedTuple):
    """What `multi_entity_vae_objective` returns.

    Attributes:
      loss: `[...]`, to be minimised.
      log_likelihood: `[...]`, log p(x|z).
      kl: `[...]`, of the cells that count.
      selected_kl: `[...]`, of the cells that were chosen.
      other_kl: `[...]`, of all other cells.
    """

    loss: jax.Array
    log_likelihood: jax.Array
    kl: jax.Array
    selected_kl: jax.Array
    other_kl: jax.Array


def compose_objects(
    colour_logits: jax.Array,
    mask_logits: jax.Array,
    background_logits: jax.Array,
    *,
    composition: str = "softmax",
) -> ComposedImage:
    """An image of objects that were drawn apart, on a background of one colour.

    With c_k the colour logits of object k, a_k its mask logit, b the logits of the
    background and s the sigmoid, at each pixel

      softmax: m = softmax(0, a_1, ..., a_N),  mean = m_0 s(b) + sum_k m_k s(c_k)
      sum:     m_k = s(a_k),                   mean = s(b + sum_k m_k c_k)

    In the first an object hides what is behind it, and the shares of a pixel sum to 1
    with that of the background; in the second objects that meet add up. Both come as
    logits, so that a likelihood of them is finite however sure a pixel is.

    Args:
      colour_logits: `[..., num_slots, height, width, channels]`, of each object.
      mask_logits: `[..., num_slots, height, width]`, of each object.
      background_logits: `[channels]`, the colour of the background.
      composition: "softmax" or "sum".

    Returns:
      `ComposedImage`.

    Raises:
      ValueError: if the shapes do not fit or `composition` is unknown.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import compose_objects
      >>> colour_logits = jnp.full((1, 1, 2, 1), 50.0)
      >>> image = compose_objects(
      ...     colour_logits, jnp.array([[[50.0, 0.0]]]), jnp.array([-50.0]))
      >>> print(image.masks, image.x_logits[0, 1])
      [[[1.  0.5]]] [0.]
    """
    if composition not in COMPOSITIONS:
        raise ValueError(
            f"composition must be one of {', '.join(COMPOSITIONS)}, got "
            f"{composition!r}."
        )
    colour_logits, mask_logits, background_logits = as_floats(
        colour_logits=colour_logits,
        mask_logits=mask_logits,
        background_logits=background_logits,
    )
    check_min_rank(3, mask_logits=mask_logits)
    check_one_axis_more(mask_logits, "channels", colour_logits=colour_logits)
    if background_logits.shape != colour_logits.shape[-1:]:
        raise ValueError(
            f"background_logits must have shape {colour_logits.shape[-1:]}, a value "
            f"per channel, got {background_logits.shape}."
        )
    if composition == "sum":
        masks = sigmoid(mask_logits)
        drawn = jnp.sum(masks[..., None] * colour_logits, axis=-4)
        return ComposedImage(
            drawn + jnp.broadcast_to(background_logits, drawn.shape), masks
        )
    # The background is slot 0, with the mask logit 0: only differences count.
    mask_logits = jnp.concatenate(
        [jnp.zeros_like(mask_logits[..., :1, :, :]), mask_logits], axis=-3
    )
    behind = jnp.broadcast_to(background_logits, colour_logits[..., :1, :, :, :].shape)
    colour_logits = jnp.concatenate([behind, colour_logits], axis=-4)
    log_masks = log_softmax(mask_logits, axis=-3)
    shares = log_masks[..., None]
    # log of the mean, and of 1 - mean, each without the difference of the other from 1.
    log_on = logsumexp(shares + log_sigmoid(colour_logits), axis=-4)
    log_off = logsumexp(shares + log_sigmoid(-colour_logits), axis=-4)
    return ComposedImage(log_on - log_off, jnp.exp(log_masks[..., 1:, :, :]))


def multi_entity_vae_objective(
    log_likelihood: jax.Array,
    cell_kl: jax.Array,
    selected: jax.Array,
    *,
    beta: ArrayLike = 1.0,
    kl_scope: str = "all",
) -> MultiEntityVaeTerms:
    """The loss of a Multi-Entity VAE and its terms.

    With K the KL of the Gaussian of each cell of a grid to N(0, I), summed over its
    latents, and the image decoded from draws of a few chosen cells alone,

      all:      loss = -log p(x|z) + beta sum over all cells of K
      selected: loss = -log p(x|z) + beta sum over chosen cells of K

    What a cell that is not chosen says is not decoded, so that under "all" its K is
    driven to 0, and K becomes a map of where objects are. Under "selected" nothing
    holds it there.

    Args:
      log_likelihood: `[...]`, log p(x|z) at a draw of the chosen cells.
      cell_kl: `[..., num_cells]`, K of each cell.
      selected: `[..., num_cells]`, 1 for a cell that was chosen, else 0; without a
        gradient.
      beta: scalar, weight of the KL, at least 0 (a traced one is not checked).
      kl_scope: "all" or "selected".

    Returns:
      `MultiEntityVaeTerms`, nats per example.

    Raises:
      ValueError: if the shapes do not fit, `beta` is known and not at least 0, or
        `kl_scope` is unknown.
      TypeError: if an array is not floating.

    Example:
      >>> import jax.numpy as jnp
      >>> from vsc_jax.losses import multi_entity_vae_objective
      >>> terms = multi_entity_vae_objective(
      ...     jnp.array([-10.0]), jnp.array([[5.0, 1.0, 0.0]]),
      ...     jnp.array([[1.0, 0.0, 0.0]]), beta=2.0)
      >>> print(terms.loss, terms.selected_kl, terms.other_kl)
      [22.] [5.] [1.]
    """
    if kl_scope not in MULTI_ENTITY_KL_SCOPES:
        raise ValueError(
            f"kl_scope must be one of {', '.join(MULTI_ENTITY_KL_SCOPES)}, got "
            f"{kl_scope!r}."
        )
    log_likelihood, cell_kl, selected = as_floats(
        log_likelihood=log_likelihood, cell_kl=cell_kl, selected=selected
    )
    check_one_axis_more(log_likelihood, "num_cells", cell_kl=cell_kl, selected=selected)
    if cell_kl.shape != selected.shape:
        raise ValueError(
            f"selected must have the shape of cell_kl, {cell_kl.shape}, got "
            f"{selected.shape}."
        )
    beta = weight(log_likelihood, beta=beta)
    selected_kl = jnp.sum(selected * cell_kl, axis=-1)
    other_kl = jnp.sum((1.0 - selected) * cell_kl, axis=-1)
    kl = selected_kl + other_kl if kl_scope == "all" else selected_kl
    return MultiEntityVaeTerms(
        loss=beta * kl - log_likelihood,
        log_likelihood=log_likelihood,
        kl=kl,
        selected_kl=selected_kl,
        other_kl=other_kl,
    )
