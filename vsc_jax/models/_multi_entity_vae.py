"""Multi-Entity VAE (Nash et al. 2017): objects where the encoder's KL is largest."""

import dataclasses
import math
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax import losses, sampling
from vsc_jax._ranges import above, check_choices, check_ranges, ranged, whole
from vsc_jax.models._base import (
    Batch,
    Gather,
    LossOutput,
    Method,
    Params,
    Weight,
    Weights,
    keep_local,
    mean_output,
)
from vsc_jax.models._capabilities import FoundObjects
from vsc_jax.models._cells import tight_boxes, top_cells
from vsc_jax.networks import (
    DTYPES,
    INITIALIZERS,
    BroadcastDecoder,
    GridEncoder,
    Posterior,
    cell_centres,
    init_params,
)

CHOICES = {
    "composition": losses.COMPOSITIONS,
    "kl_scope": losses.MULTI_ENTITY_KL_SCOPES,
    "likelihood": ("bernoulli", "gaussian"),
    "dtype": DTYPES,
    "initializer": INITIALIZERS,
}


class _Cells(NamedTuple):
    """What the encoder says of images.

    Attributes:
      kl: `[batch, num_cells]`, KL of each cell, in nats.
      chosen: `int [batch, num_slots]`, the cells of the slots.
      mean: `[batch, num_slots, object_dim]`, of the chosen cells.
      log_var: the same.
      place: `[batch, num_slots, 2]`, `(y, x)` of their middles, from -1 to 1.
    """

    kl: jax.Array
    chosen: jax.Array
    mean: jax.Array
    log_var: jax.Array
    place: jax.Array


@dataclasses.dataclass(frozen=True)
class MultiEntityVAE(Method):
    """A set of objects, each in the cell of a grid where the code says most.

    Nash et al., The Multi-Entity Variational Autoencoder,
    https://charlienash.github.io/assets/docs/mevae2017.pdf, of which the abstract was
    at hand, and no code: networks, selection and loss are our own choice.

    The encoder gives a Gaussian for each cell of a grid, and K, its KL to N(0, I). The
    `num_slots` cells with the largest K are chosen, without a gradient; a draw of each
    with the place of its cell is decoded by one network for all, and what it draws is
    put together on a background of one colour (`vsc_jax.losses.compose_objects`). The
    loss (`vsc_jax.losses.multi_entity_vae_objective`) charges for what cells say that
    are not chosen, too, so that K is a map of where objects are.

    A slot holds an object if K of its cell is above a threshold. As codes of images the
    model has the means of the latents of each slot, then its place; the largest K comes
    first. Which cells are chosen depends on the image and is not paid for, so there is
    no bound on log p(x), and no prior to draw images from.

    Attributes:
      image_shape: `(height, width, channels)`.
      num_slots: the most objects that can be found.
      object_dim: latents of an object.
      presence_kl: K in nats above which a slot holds an object; None takes log(number
        of cells / number of slots), about what it costs to say which cells hold one.
      composition: "softmax" or "sum".
      kl_scope: "all" or "selected": the cells whose KL is in the loss.
      channels: of the strided convolutions of the encoder, which halve the image.
      grid_channels: of the 3x3 convolutions that follow, on the grid of cells.
      decoder_channels: of the convolutions of the decoder, on all pixels.
      decoder_kernel: their size, 1 or 3; see `vsc_jax.networks.BroadcastDecoder`.
      likelihood: p(x|z), "bernoulli" or "gaussian".
      likelihood_scale: standard deviation of "gaussian".
      background: brightness of the background at first; it is learned.
      dtype: of the networks, "float32" or "bfloat16"; last layers and losses stay
        in float32.
      initializer: see `vsc_jax.networks.init_params`.
    """

    image_shape: tuple[int, int, int]
    num_slots: int = ranged(2, whole(1))
    object_dim: int = ranged(10, whole(1))
    presence_kl: float | None = ranged(None, above(0))
    composition: str = "softmax"
    kl_scope: str = "all"
    channels: tuple[int, ...] = ranged((32, 64), whole(1))
    grid_channels: tuple[int, ...] = ranged((64,), whole(1))
    decoder_channels: tuple[int, ...] = ranged((32, 32, 32), whole(1))
    decoder_kernel: int = ranged(3, whole(1, 3))
    likelihood: str = "bernoulli"
    likelihood_scale: float = ranged(0.1, above(0))
    background: float = ranged(0.01, above(0, high=1))
    dtype: str = "float32"
    initializer: str = "tf_slim"

    # The decoder gives the mean of pixels in [0, 1].
    mean_function: ClassVar[str] = "sigmoid"

    def __post_init__(self) -> None:
        check_choices(self, CHOICES)
        check_ranges(self)
        if self.decoder_kernel == 2:
            raise ValueError("decoder_kernel must be 1 or 3, got 2.")
        height, width, _ = self.image_shape
        cell = 2 ** len(self.channels)
        if height % cell or width % cell:
            raise ValueError(
                f"image_shape must be divisible by {cell}, for each of the "
                f"{len(self.channels)} channels halves the image, got {height}x{width}."
            )
        rows, columns = self.grid_shape
        if self.num_slots > rows * columns:
            raise ValueError(
                f"num_slots must be at most {rows * columns}, the number of cells, got "
                f"{self.num_slots}."
            )

    @property
    def grid_shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        cell = 2 ** len(self.channels)
        return self.image_shape[0] // cell, self.image_shape[1] // cell

    @property
    def least_kl(self) -> float:
        """K in nats above which a slot holds an object."""
        if self.presence_kl is not None:
            return self.presence_kl
        return math.log(math.prod(self.grid_shape) / self.num_slots)

    @property
    def latent_dim(self) -> int:
        """Width of a code: latents and place of each slot."""
        return self.num_slots * (self.object_dim + 2)

    @property
    def code_dim(self) -> int:
        """Width of a code."""
        return self.latent_dim

    @property
    def slot_latents(self) -> np.ndarray:
        """Which latents are those of each slot, int `[num_slots, object_dim + 2]`."""
        return np.arange(self.latent_dim).reshape(self.num_slots, -1)

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """`beta`: the weight of the KL."""
        return {"beta": Weight(1.0)}

    def encoder(self) -> GridEncoder:
        """The Flax module of q(z|x)."""
        dtype = jnp.dtype(self.dtype)
        return GridEncoder(self.object_dim, self.channels, self.grid_channels, dtype)

    def decoder(self) -> BroadcastDecoder:
        """The Flax module that draws an object: a mask logit, then colour logits."""
        return BroadcastDecoder(
            self.image_shape[:2],
            1 + self.image_shape[2],
            self.decoder_channels,
            self.decoder_kernel,
            jnp.dtype(self.dtype),
        )

    def init(self, key: jax.Array) -> Params:
        """Parameters `{"encoder": ..., "decoder": ..., "background": ...}`."""
        key_encoder, key_decoder = jax.random.split(key)
        x = jnp.zeros((1, *self.image_shape))
        z, place = jnp.zeros((1, self.object_dim)), jnp.zeros((1, 2))
        options = {"initializer": self.initializer}
        logit = math.log(self.background / (1.0 - self.background))
        return {
            "encoder": init_params(self.encoder(), key_encoder, x, **options),
            "decoder": init_params(self.decoder(), key_decoder, z, place, **options),
            "background": {"logits": jnp.full(self.image_shape[2], logit)},
        }

    def noise(self, key: jax.Array, batch_size: int) -> Any:
        """Standard normal draws `[batch, num_slots, object_dim]`."""
        return jax.random.normal(key, (batch_size, self.num_slots, self.object_dim))

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Loss in nats per image.

        In the log `num_objects` is the mean number of slots with an object.
        """
        cells = self._cells(params, batch.x)
        z = sampling.gaussian_from_noise(cells.mean, cells.log_var, noise)
        image = self._draw(params, z, cells.place)
        one_hots = jax.nn.one_hot(cells.chosen, cells.kl.shape[1])
        terms = losses.multi_entity_vae_objective(
            self._log_likelihood(image.x_logits, batch.x),
            cells.kl,
            one_hots.sum(axis=1),
            beta=weights["beta"],
            kl_scope=self.kl_scope,
        )
        found = self._slot_kl(cells) > self.least_kl
        return mean_output(terms, num_objects=found.sum(axis=1).astype(jnp.float32))

    def find_objects(self, params: Params, x: jax.Array) -> FoundObjects:
        """The objects of images, those with the largest K first.

        Presence is s(K - threshold), with s the sigmoid: above 1/2 where K is above the
        threshold. Masks are the shares of pixels at the means of the latents. A box is
        the smallest one around the pixels of which the slot has more than a half; if
        there is none, it is the middle of the cell, with no height and width. Codes are
        the means of the latents, `[batch, num_slots, object_dim]`.
        """
        cells = self._cells(params, x)
        image = self._draw(params, cells.mean, cells.place)
        boxes = tight_boxes(image.masks > 0.5)
        middle = 0.5 * (cells.place + 1.0)
        empty = jnp.concatenate([middle, jnp.zeros_like(middle)], axis=-1)
        return FoundObjects(
            presence=jax.nn.sigmoid(self._slot_kl(cells) - self.least_kl),
            boxes=jnp.where(boxes[..., 2:3] > 0.0, boxes, empty),
            masks=image.masks,
            codes=cells.mean,
        )

    def kl_map(self, params: Params, x: jax.Array) -> jax.Array:
        """K of each cell `[batch, rows, columns]`, in nats."""
        return self._cells(params, x).kl.reshape(len(x), *self.grid_shape)

    def encode(self, params: Params, x: jax.Array) -> Posterior:
        """Means of the latents and place of each slot, `[batch, latent_dim]`."""
        cells = self._cells(params, x)
        codes = jnp.concatenate([cells.mean, cells.place], axis=-1)
        return Posterior(codes.reshape(len(x), self.latent_dim))

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """The code itself: it is that of the means."""
        del params, key
        return posterior.mean

    def decode(self, params: Params, z: jax.Array) -> jax.Array:
        """Mean of p(x|z) `[batch, height, width, channels]` of codes."""
        slots = z.reshape(len(z), self.num_slots, self.object_dim + 2)
        image = self._draw(params, slots[..., :-2], slots[..., -2:])
        return jax.nn.sigmoid(image.x_logits)

    def _cells(self, params: Params, x: jax.Array) -> _Cells:
        outputs: Any = self.encoder().apply(params["encoder"], x)
        kl_map = losses.gaussian_kl(*outputs).sum(axis=-1)
        chosen = top_cells(kl_map, self.num_slots)
        mean, log_var = (
            jnp.take_along_axis(a.reshape(len(x), -1, self.object_dim), index, axis=1)
            for index in [chosen[..., None]]
            for a in outputs
        )
        rows, columns = self.grid_shape
        place = [
            cell_centres(rows)[chosen // columns],
            cell_centres(columns)[chosen % columns],
        ]
        kl = kl_map.reshape(len(x), -1)
        return _Cells(kl, chosen, mean, log_var, jnp.stack(place, axis=-1))

    def _slot_kl(self, cells: _Cells) -> jax.Array:
        return jnp.take_along_axis(cells.kl, cells.chosen, axis=1)

    def _draw(
        self, params: Params, z: jax.Array, place: jax.Array
    ) -> losses.ComposedImage:
        lead = z.shape[:2]
        drawn: Any = self.decoder().apply(
            params["decoder"],
            z.reshape(-1, self.object_dim),
            place.reshape(-1, 2),
        )
        drawn = drawn.reshape(*lead, *drawn.shape[1:])
        return losses.compose_objects(
            drawn[..., 1:],
            drawn[..., 0],
            params["background"]["logits"],
            composition=self.composition,
        )

    def _log_likelihood(self, x_logits: jax.Array, x: jax.Array) -> jax.Array:
        if self.likelihood == "bernoulli":
            return losses.bernoulli_log_likelihood(x_logits, x)
        log_var = 2.0 * math.log(self.likelihood_scale)
        return losses.gaussian_log_likelihood(
            jax.nn.sigmoid(x_logits), x, log_var=log_var
        )
