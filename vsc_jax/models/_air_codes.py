"""Codes of Attend-Infer-Repeat: where and what of each slot, then their number."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax import losses, priors, sampling
from vsc_jax.models._air_networks import WHERE_DIM, AIRNetworks
from vsc_jax.models._air_steps import take_steps, window_of
from vsc_jax.models._base import Params
from vsc_jax.models._capabilities import FoundObjects
from vsc_jax.networks import Posterior, place_windows


@dataclasses.dataclass(frozen=True)
class AIRCodes(AIRNetworks):
    """What is found in an image as a code, and the image of a code.

    A code has `where` and `what` of the first slot, of the second, and so on, and then
    the number of objects as a one-hot vector; what slots behind that number have does
    not matter. A step knows what those before it found: q(z|x) is that of each slot
    given the means of the slots before it.

    Attributes: see `AIR`.
    """

    @property
    def latent_dim(self) -> int:
        """Number of Gaussian latents of all slots."""
        return self.num_slots * self.found_dim

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """One variable, the number of objects: 0 to `num_slots`."""
        return (self.num_slots + 1,)

    @property
    def code_dim(self) -> int:
        """Width of a code."""
        return self.latent_dim + self.num_slots + 1

    @property
    def slot_latents(self) -> np.ndarray:
        """Which latents are of which slot, int `[num_slots, 3 + what_dim]`."""
        return np.arange(self.latent_dim).reshape(self.num_slots, self.found_dim)

    def encode(self, params: Params, x: jax.Array) -> Posterior:
        """q(z|x): each `[batch, latent_dim]`, and the logits of the number."""
        steps = take_steps(self, params, x)

        def flat(where: jax.Array, what: jax.Array) -> jax.Array:
            both = jnp.concatenate([where, what], axis=-1)
            return both.reshape(len(x), self.latent_dim)

        return Posterior(
            flat(steps.where_mean, steps.what_mean),
            flat(steps.where_log_var, steps.what_log_var),
            None,
            (priors.count_log_prob(steps.presence_logits),),
        )

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """One draw z `[batch, code_dim]` from q(z|x)."""
        key_z, key_count = jax.random.split(key)
        z = sampling.sample_gaussian(key_z, *posterior.gaussian())
        (logits,) = posterior.category_logits
        count = jax.random.categorical(key_count, logits)
        one_hot = jax.nn.one_hot(count, self.num_slots + 1)
        return jnp.concatenate([z, one_hot], axis=-1)

    def decode(self, params: Params, z: jax.Array) -> jax.Array:
        """Mean of p(x|z) `[batch, height, width, channels]`, at most white."""
        slots = z[:, : self.latent_dim].reshape(-1, self.num_slots, self.found_dim)
        counts = z[:, self.latent_dim :]
        # Slot t is there where there are t objects or more.
        present = jnp.cumsum(counts[:, :0:-1], axis=-1)[:, ::-1]
        size, centre = window_of(self, slots[..., :WHERE_DIM])
        drawn = self.draw_windows(params, slots[..., WHERE_DIM:], size, centre)
        return jnp.minimum(jnp.einsum("bt,bthwc->bhwc", present, drawn), 1.0)

    def draw_windows(
        self, params: Params, what: jax.Array, size: jax.Array, centre: jax.Array
    ) -> jax.Array:
        """The window of each slot in a black image, as if it was there.

        Args:
          params: of the model.
          what: `[batch, num_slots, what_dim]`.
          size: `[batch, num_slots, 2]`, see `vsc_jax.networks.place_windows`.
          centre: `[batch, num_slots, 2]`.

        Returns:
          `[batch, num_slots, height, width, channels]`, in [0, 1].
        """
        logits: Any = self.decoder().apply(params["decoder"], what)
        return place_windows(
            jax.nn.sigmoid(logits + self.decoder_bias),
            size,
            centre,
            self.image_shape[:2],
            align_corners=self.align_corners,
        )

    def find_objects(self, params: Params, x: jax.Array) -> FoundObjects:
        """The objects of images `[batch, height, width, channels]`, a slot per step.

        Places and looks are means. Boxes are the windows, cut off at the edges, and
        masks the brightness of what is drawn in them times the presence; where windows
        add up to more than 1 a pixel is shared in proportion. Codes are the means of
        what an object looks like, `[batch, num_slots, what_dim]`.
        """
        steps = take_steps(self, params, x)
        presence = losses.presence_prob(steps.presence_logits)
        drawn = self.draw_windows(params, steps.what, steps.size, steps.centre)
        lit = presence[..., None, None] * drawn.max(axis=-1)
        masks = lit / jnp.maximum(1.0, lit.sum(axis=1, keepdims=True))
        begin = jnp.clip(0.5 * (steps.centre + 1.0 - steps.size), 0.0, 1.0)
        end = jnp.clip(0.5 * (steps.centre + 1.0 + steps.size), 0.0, 1.0)
        boxes = jnp.concatenate([begin, end - begin], axis=-1)
        return FoundObjects(presence, boxes, masks, steps.what)
