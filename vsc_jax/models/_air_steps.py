"""The steps of Attend-Infer-Repeat: what is found in an image, one after the other."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vsc_jax import sampling
from vsc_jax.models._air_networks import LARGEST_WINDOW, WHERE_DIM, AIRNetworks
from vsc_jax.models._base import Params
from vsc_jax.networks import crop_windows, log_softplus

# Relaxed steps end when the sum of all 1 - z passes this.
STOPPING_SUM = 0.99


class AIRNoise(NamedTuple):
    """The randomness of one step of training.

    Attributes:
      presence: `[batch, num_slots]`, standard logistic.
      where: `[batch, num_slots, 3]`, standard normal.
      what: `[batch, num_slots, what_dim]`, standard normal.
    """

    presence: jax.Array
    where: jax.Array
    what: jax.Array


class Steps(NamedTuple):
    """What the steps found, each with a second axis of steps.

    Attributes:
      presence_logits: `[batch, num_slots]`, that there is an object, if the step is
        reached.
      log_odds: `[batch, num_slots]`, the draw of the presence, before it is rounded or
        squashed.
      reached: `[batch, num_slots]`, whether the step counts, 0 or 1.
      present: `[batch, num_slots]`, whether its object does.
      shown: `[batch, num_slots]`, what its window is multiplied by.
      where_mean: `[batch, num_slots, 3]`, of q(where), and its log-variance.
      where_log_var: `[batch, num_slots, 3]`.
      size: `[batch, num_slots, 2]`, height and width of the window as shares.
      centre: `[batch, num_slots, 2]`, y and x of its middle, -1 to 1.
      what_mean: `[batch, num_slots, what_dim]`, of q(what), and its log-variance.
      what_log_var: `[batch, num_slots, what_dim]`.
      what: `[batch, num_slots, what_dim]`, the draw, or the mean.
      given: `[batch, num_slots, found_dim]`, what each step was handed.
    """

    presence_logits: jax.Array
    log_odds: jax.Array
    reached: jax.Array
    present: jax.Array
    shown: jax.Array
    where_mean: jax.Array
    where_log_var: jax.Array
    size: jax.Array
    centre: jax.Array
    what_mean: jax.Array
    what_log_var: jax.Array
    what: jax.Array
    given: jax.Array


def take_steps(
    model: AIRNetworks, params: Params, x: jax.Array, noise: AIRNoise | None = None
) -> Steps:
    """All steps on images `[batch, height, width, channels]`.

    Without noise every step is taken, and where and what are means. A step is not told
    whether the one before it found an object, for it counts only if that is so.
    """
    inference, encoder = model.inference(), model.encoder()
    gates: Any = inference.apply(params["inference"], x, method="look")
    state: Any = inference.apply(params["inference"], gates, method="start")
    found = jnp.zeros((len(x), model.found_dim))
    reached, stopping_sum = jnp.ones(len(x)), jnp.zeros(len(x))
    steps = []
    for t in range(model.num_slots):
        given = found
        output: Any = inference.apply(
            params["inference"], state, gates, given, method="step"
        )
        state, numbers = output
        logits, loc, scale = jnp.split(numbers, (1, 1 + WHERE_DIM), axis=-1)
        logits = logits[:, 0]
        mean, log_var = where_posterior(model, loc, scale)
        where = mean
        if noise is not None:
            where = sampling.gaussian_from_noise(mean, log_var, noise.where[:, t])
        size, centre = window_of(model, where)
        glimpse = crop_windows(
            x,
            size,
            centre,
            model.glimpse_shape[:2],
            align_corners=model.align_corners,
        )
        looks: Any = encoder.apply(params["encoder"], glimpse)
        what_mean, what_log_var = looks.gaussian()
        what = what_mean
        if noise is not None:
            what = sampling.gaussian_from_noise(
                what_mean, what_log_var, noise.what[:, t]
            )
        log_odds = logits
        if noise is None:
            z = present = jnp.ones_like(logits)
        elif model.estimator == "concrete":
            log_odds = (logits + noise.presence[:, t]) / model.temperature
            z = jax.nn.sigmoid(log_odds)
            stopping_sum += 1.0 - z
            present = jnp.where(stopping_sum < STOPPING_SUM, 1.0, 0.0)
        else:
            log_odds = logits + noise.presence[:, t]
            z = present = reached * jnp.where(log_odds > 0.0, 1.0, 0.0)
        steps.append(
            Steps(
                presence_logits=logits,
                log_odds=log_odds,
                reached=reached,
                present=present,
                shown=present * z,
                where_mean=mean,
                where_log_var=log_var,
                size=size,
                centre=centre,
                what_mean=what_mean,
                what_log_var=what_log_var,
                what=what,
                given=given,
            )
        )
        reached = present
        found = jnp.concatenate([where, what], axis=1)
    return jax.tree.map(lambda *leaves: jnp.stack(leaves, axis=1), *steps)


def where_posterior(
    model: AIRNetworks, loc: jax.Array, scale: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Mean and log-variance of q(where): the prior's where the network gives 0."""
    mean, log_var = (jnp.broadcast_to(prior, loc.shape) for prior in model.where_prior)
    return mean + loc, log_var + 2.0 * log_softplus(scale)


def window_of(model: AIRNetworks, where: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Size and middle of a window, `[..., 2]` each, of where `[..., 3]`."""
    size, place = where[..., :1], where[..., 1:]
    if model.window == "zoom":
        zoom = jnp.maximum(size, 1.0 / LARGEST_WINDOW)
        size, centre = 1.0 / zoom, -place / zoom
    else:
        size, centre = jax.nn.sigmoid(size), jnp.tanh(place)
    return jnp.broadcast_to(size, centre.shape), centre
