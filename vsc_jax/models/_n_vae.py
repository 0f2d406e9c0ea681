"""N-VAE (Antoran & Miguel 2019): shared latents, and a block of them per class."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax import losses, sampling
from vsc_jax._ranges import check_choices, check_flag, check_ranges, ranged, whole
from vsc_jax.models._base import (
    Batch,
    Gather,
    LossOutput,
    Params,
    Weight,
    Weights,
    keep_local,
    mean_output,
)
from vsc_jax.models._image_model import DecoderOutput, ImageModel
from vsc_jax.models._labels import check_label_factor, labels_of
from vsc_jax.models._mixed_model import MixedModel
from vsc_jax.networks import Classifier, OwnNetworks, Posterior, init_params


class _Code(NamedTuple):
    """The parts of a code `[..., code_dim]`.

    Attributes:
      shared: `[..., shared_dim]`.
      blocks: `[..., num_classes, class_dim]`.
      one_hot: `[..., num_classes]`.
    """

    shared: jax.Array
    blocks: jax.Array
    one_hot: jax.Array


@dataclasses.dataclass(frozen=True)
class NVAE(MixedModel):
    """A VAE with latents of all classes and latents of one class: it USES LABELS.

    Loss: -(log p(x|y, z) - beta (KL_s + class_beta KL_c) + label_weight log q(y|x)),
    see `losses.n_vae_objective`; the encoder q(z|x) does not see y. A code has first
    the shared latents, then a block of latents per class, then the label as a one-hot
    vector; the decoder is given it with the blocks of the other classes set to zero
    (`losses.mask_classes`). Antoran & Miguel, Disentangling and Learning Robust
    Representations with Natural Clustering, https://arxiv.org/abs/1901.09415: the loss
    is that of the authors' slides. Networks, numbers of latents and weights here are
    our own choice, for neither the paper's nor any code of it was at hand.

    Without a label, y is the most probable class of the classifier q(y|x), and the
    bound on log p(x) draws it from there, with a uniform prior.
    `class_dim = 0` is a VAE whose decoder is given the label.

    Attributes:
      latent_dim: number of all Gaussian latents, which follows from the fields below:
        `shared_dim + num_classes * class_dim`.
      category_sizes: `(num_classes,)`, the same.
      num_classes: number of labels.
      shared_dim: number of latents that all classes share.
      class_dim: number of latents of each class.
      label_factor: which column of `batch.factors` is the label.
      kl_scope: "all" for the KL of all blocks in the loss, or "active" for that of the
        label's own. With "active" the blocks of other classes than the most probable
        one are their prior N(0, I) in `encode` too, for nothing trains them.
      share_trunk: whether q(y|x) is a linear layer on the features of the encoder,
        whose trunk then learns from both. Otherwise it has a trunk of its own, of the
        same form, and the encoder gets no gradient of it.
    """

    latent_dim: int = dataclasses.field(init=False)
    category_sizes: tuple[int, ...] = dataclasses.field(init=False)
    num_classes: int = ranged(10, whole(2))
    shared_dim: int = ranged(8, whole(1))
    class_dim: int = ranged(2, whole(0))
    label_factor: int = ranged(0, whole(0))
    kl_scope: str = "all"
    share_trunk: bool = False

    def __post_init__(self) -> None:
        check_ranges(self)
        check_flag("share_trunk", self.share_trunk)
        check_choices(self, {"kl_scope": losses.N_VAE_KL_SCOPES})
        if isinstance(self.network, OwnNetworks) and not self.share_trunk:
            raise ValueError(
                "share_trunk must be True with networks of your own, whose encoder "
                "gives the logits of the label too, got False."
            )
        own = self.num_classes * self.class_dim
        object.__setattr__(self, "latent_dim", self.shared_dim + own)
        object.__setattr__(self, "category_sizes", (self.num_classes,))
        super().__post_init__()

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """`beta` of all KLs, `class_beta` of those of the blocks beside it.

        And `label_weight` of log q(y|x). With all of them 1, the defaults, the loss is
        equation (6) of the slides, with another `class_beta` equation (7).
        """
        return {
            "beta": Weight(1.0),
            "class_beta": Weight(1.0),
            "label_weight": Weight(1.0),
        }

    def check_dataset(
        self,
        factor_names: Sequence[str],
        factor_sizes: Sequence[int],
        train_factors: np.ndarray | None = None,
    ) -> None:
        """Raises ValueError unless every class is a value of the label with images."""
        check_label_factor(
            self.num_classes,
            self.label_factor,
            factor_names,
            factor_sizes,
            train_factors,
        )

    @property
    def class_latents(self) -> np.ndarray:
        """Which latents are of one class alone, int `[num_classes, class_dim]`."""
        own = np.arange(self.shared_dim, self.latent_dim)
        return own.reshape(self.num_classes, self.class_dim)

    def with_labels(self, z: jax.Array, labels: jax.Array) -> jax.Array:
        """Codes `[..., code_dim]` of these classes, int `[...]`; the latents stay."""
        return self.code(z[..., : self.latent_dim], self.one_hots(labels[..., None]))

    @property
    def heads(self) -> dict[str, Any]:
        """What the encoder gives, as options of `build_networks`."""
        return {"category_sizes": self.category_sizes if self.share_trunk else ()}

    def classifier(self) -> Classifier:
        """The Flax module of q(y|x) with a trunk of its own."""
        encoder, _ = self.networks()
        return Classifier(encoder.trunk, self.num_classes)

    def init(self, key: jax.Array) -> Params:
        """Parameters of "encoder" and "decoder"; "classifier" for one of its own."""
        if self.share_trunk:
            return super().init(key)
        key_networks, key_classifier = jax.random.split(key)
        return super().init(key_networks) | {
            "classifier": init_params(
                self.classifier(),
                key_classifier,
                jnp.zeros((1, *self.image_shape)),
                initializer=self.initializer,
            )
        }

    def noise(self, key: jax.Array, batch_size: int) -> jax.Array:
        """Standard normal `[batch_size, latent_dim]`."""
        return jax.random.normal(key, (batch_size, self.latent_dim))

    def encoder_output(self, params: Params, x: jax.Array) -> Posterior:
        """q(z|x) of all blocks as the network gives it, and the logits of q(y|x)."""
        posterior = ImageModel.encode(self, params, x)
        if self.share_trunk:
            return posterior
        logits: Any = self.classifier().apply(params["classifier"], x)
        return posterior._replace(category_logits=(logits,))

    def encode(self, params: Params, x: jax.Array) -> Posterior:
        """Parameters of q(z|x), and the logits of q(y|x).

        With the `kl_scope` "active" the blocks of other classes than the most probable
        one are N(0, I).
        """
        posterior = self.encoder_output(params, x)
        if self.kl_scope == "all":
            return posterior
        (chosen,) = self.one_hots(posterior.categories)
        mean, log_var = posterior.gaussian()
        return posterior._replace(
            mean=self._masked(mean, chosen), log_var=self._masked(log_var, chosen)
        )

    def class_logits(self, params: Params, x: jax.Array) -> jax.Array:
        """Logits of q(y|x) `[batch, num_classes]`."""
        if self.share_trunk:
            return self.encoder_output(params, x).category_logits[0]
        return self.classifier().apply(params["classifier"], x)  # type: ignore[return-value]

    def decoder_output(self, params: Params, z: jax.Array) -> DecoderOutput:
        """As in `ImageModel`, of the code without the blocks of other classes."""
        one_hot = self._split(z).one_hot
        latents = self._masked(z[..., : self.latent_dim], one_hot)
        return super().decoder_output(params, self.code(latents, [one_hot]))

    def _split(self, code: jax.Array) -> _Code:
        """The parts of a code; of Gaussian latents alone `one_hot` has no columns."""
        latents = code[..., self.shared_dim : self.latent_dim]
        # With class_dim = 0 a -1 in the shape would stand for any number.
        shape = (*code.shape[:-1], self.num_classes, self.class_dim)
        return _Code(
            shared=code[..., : self.shared_dim],
            blocks=latents.reshape(shape),
            one_hot=code[..., self.latent_dim :],
        )

    def _masked(self, latents: jax.Array, one_hot: jax.Array) -> jax.Array:
        """`[..., latent_dim]` with zeros for the blocks of other classes."""
        parts = self._split(latents)
        blocks = losses.mask_classes(parts.blocks, one_hot)
        shape = (*latents.shape[:-1], self.num_classes * self.class_dim)
        return jnp.concatenate([parts.shared, blocks.reshape(shape)], axis=-1)

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: jax.Array,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean negative objective at one draw of z, in nats per image, and its terms.

        In the log `kl_per_latent` has zeros for the blocks that `kl_scope` leaves out,
        and `label_accuracy` is the share of images whose most probable class is right.
        """
        posterior = self.encoder_output(params, batch.x)
        mean, log_var = posterior.gaussian()
        z = sampling.gaussian_from_noise(mean, log_var, noise)
        labels = labels_of(batch, self.label_factor, method="N-VAE", without="vae")
        (one_hot,) = self.one_hots(labels[:, None])
        output = self.decoder_output(params, self.code(z, [one_hot]))
        kl = losses.gaussian_kl(mean, log_var)
        if self.kl_scope == "active":
            kl = self._masked(kl, one_hot)
        parts = self._split(kl)
        objective = losses.n_vae_objective(
            self.log_likelihood(output, batch.x),
            parts.shared,
            parts.blocks,
            posterior.category_logits[0],
            one_hot,
            beta=weights["beta"],
            class_beta=weights["class_beta"],
            label_weight=weights["label_weight"],
            kl_scope=self.kl_scope,
        )
        right = posterior.categories[:, 0] == labels
        return mean_output(
            objective, kl_per_latent=kl, label_accuracy=right.astype(jnp.float32)
        )

    def kl_per_latent(
        self, params: Params, x: jax.Array, posterior: Posterior, weights: Weights
    ) -> dict[str, jax.Array]:
        """`shared_kl` and `class_kl` to N(0, 1), `category_kl` to the uniform.

        The last one is that of q(y|x), which is given no label.
        """
        kl = losses.gaussian_kl(*posterior.gaussian())
        category_kl = losses.categorical_kl(posterior.category_logits[0])
        padded, padded_category = self.padded_kl(kl, category_kl[:, None])
        is_shared = jnp.arange(padded.shape[-1])[None] < self.shared_dim
        return {
            "shared_kl": jnp.where(is_shared, padded, 0.0),
            "class_kl": jnp.where(is_shared, 0.0, padded),
            "category_kl": padded_category,
        }

    def log_importance_weight(
        self,
        params: Params,
        x: jax.Array,
        posterior: Posterior,
        key: jax.Array,
        weights: Weights,
    ) -> jax.Array:
        """`log p(x|y, z) + log p(z) + log p(y) - log q(z|x) - log q(y|x)` `[batch]`.

        With z ~ q(z|x) and y ~ q(y|x), whose prior is uniform: a bound on log p(x) of
        an image without a label.
        """
        return self.importance_weight_of_draws(params, x, posterior, key)
