"""InfoGAN (Chen et al. 2016): a GAN whose images keep the codes they are made from."""

import dataclasses
import math
from typing import Any, ClassVar, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from vsc_jax import losses, sampling
from vsc_jax._ranges import check_choices, check_ranges, ranged, whole
from vsc_jax.models._base import (
    Batch,
    Gather,
    LossOutput,
    Method,
    Params,
    Player,
    Weight,
    Weights,
    keep_local,
    mean_output,
)
from vsc_jax.models._generated_codes import GeneratedCodes
from vsc_jax.networks import (
    BATCH_STATS,
    DTYPES,
    INITIALIZERS,
    CodeHead,
    Generator,
    ImageDiscriminator,
    Posterior,
    gan_channels,
    init_params,
)

CHOICES = {
    "network": ("mlp", "conv"),
    "norm": ("batch", "spectral"),
    "dtype": DTYPES,
    "initializer": INITIALIZERS,
}
# log 1/3, the logarithm of the variance of the uniform distribution on -1 to 1.
_UNIFORM_LOG_VAR = -math.log(3.0)


class InfoGANNoise(NamedTuple):
    """The codes of one step, each `[batch, code_dim]`: draws from the prior.

    Attributes:
      discriminator: of the images that the discriminator learns from.
      generator: of those that the generator learns from.
    """

    discriminator: jax.Array
    generator: jax.Array


@dataclasses.dataclass(frozen=True)
class InfoGAN(GeneratedCodes, Method):
    """A GAN with codes that can be read off its images.

    Chen et al., InfoGAN, https://arxiv.org/abs/1606.03657; settings and networks of its
    code, https://github.com/openai/InfoGAN. Codes and their prior are those of
    `GeneratedCodes`. Each step has two players:

        discriminator [discriminator, posterior]:
            -log s(D(x)) - log(1 - s(D(G(c)))) - category_weight L_d - code_weight L_z
        generator [generator]:
            -log s(D(G(c'))) - category_weight L_d - code_weight L_z

    with s the sigmoid, c and c' draws of the prior, and L_d and L_z the sums over codes
    of the bounds `log size + log Q(d|G(c))` and `log 2 + log Q(z|G(c))` on the
    information that images hold of them (`vsc_jax.losses.infogan_objective`). Q works
    on the features of D and moves with it, so that both players make them larger.

    Images of the data and generated ones are normalised apart, each by the moments of
    its own batch. The running averages with which codes are later read off images are
    of the data in D, and of generated images in Q, which sees no others. The loss of
    the discriminator says nothing of how good a model is: the checkpoint with the
    lowest one is no better than others.

    Images are encoded by Q, which says nothing of the noise: its mean is 0. Decoding
    what was read off an image gives an image with the same codes, and nothing makes it
    the same image. There is no bound on log p(x), and no KL.

    Attributes:
      learned_stddev: whether Q of a continuous code has a standard deviation of its own
        for each image; otherwise it is 1, as in the MNIST experiment of the code.
      network: "conv" (that of the code at 28 pixels, more layers at 32 and 64) or
        "mlp".
      hidden: widths of the hidden layers of an MLP discriminator; the generator mirrors
        them.
      channels: of the strided convolutions; None takes those that belong to the image
        size.
      features: width of the dense layer beside the convolutions.
      code_features: width of the layer before the parameters of Q.
      norm: of D and Q, "batch" or "spectral", see
        `vsc_jax.networks.ImageDiscriminator`.
      dtype: of the networks, "float32" or "bfloat16"; last layers and losses stay
        in float32.
      initializer: see `vsc_jax.networks.init_params`; the code has "dcgan", a normal of
        standard deviation 0.02.
    """

    learned_stddev: bool = False
    network: str = "mlp"
    hidden: tuple[int, ...] = ranged((400,), whole(1))
    channels: tuple[int, ...] | None = ranged(None, whole(1))
    features: int = ranged(1024, whole(1))
    code_features: int = ranged(128, whole(1))
    norm: str = "batch"
    dtype: str = "float32"
    initializer: str = "pytorch"

    # The generator gives the mean of pixels in [0, 1].
    mean_function: ClassVar[str] = "sigmoid"

    def __post_init__(self) -> None:
        check_choices(self, CHOICES)
        check_ranges(self)
        self.sizes()  # an image size that does not fit the network is refused here

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """`category_weight` and `code_weight`, both the paper's lambda, 1 on MNIST."""
        return {"category_weight": Weight(1.0), "code_weight": Weight(1.0)}

    @property
    def players(self) -> tuple[Player, ...]:
        """First the discriminator with Q, then the generator."""
        return (
            Player("discriminator", ("discriminator", "posterior"), self.loss),
            Player("generator", ("generator",), self.generator_loss),
        )

    def sizes(self) -> dict[str, Any]:
        """Sizes of the trunk of a discriminator, as options of its module."""
        if self.network == "mlp":
            return {"channels": None, "hidden": self.hidden}
        channels = gan_channels(self.image_shape, self.channels)
        return {"channels": channels, "hidden": (self.features,)}

    def generator(self, **mode) -> Generator:
        """The Flax module of G; `mode` has the options of training."""
        sizes = self.sizes()
        sizes["hidden"] = sizes["hidden"][::-1]
        return Generator(self.image_shape, **sizes, dtype=jnp.dtype(self.dtype), **mode)

    def discriminator(self, **mode) -> ImageDiscriminator:
        """The Flax module of D."""
        options: dict[str, Any] = {"norm": self.norm, "dtype": jnp.dtype(self.dtype)}
        return ImageDiscriminator(**self.sizes(), **options, **mode)

    def code_head(self, **mode) -> CodeHead:
        """The Flax module of Q, on the features that D gives."""
        options: dict[str, Any] = {"norm": self.norm, "dtype": jnp.dtype(self.dtype)}
        return CodeHead(
            self.num_codes,
            self.category_sizes,
            self.code_features,
            self.learned_stddev,
            **options,
            **mode,
        )

    def init(self, key: jax.Array) -> Params:
        """Parameters `{"generator": ..., "discriminator": ..., "posterior": ...}`."""
        widths = self.sizes()["hidden"]
        modules = {
            "generator": (self.generator(), (self.code_dim,)),
            "discriminator": (self.discriminator(), self.image_shape),
            "posterior": (self.code_head(), widths[-1:]),
        }
        keys = jax.random.split(key, len(modules))
        return {
            group: init_params(
                module, k, jnp.zeros((1, *shape)), initializer=self.initializer
            )
            for k, (group, (module, shape)) in zip(keys, modules.items(), strict=True)
        }

    def noise(self, key: jax.Array, batch_size: int) -> Any:
        """An `InfoGANNoise`: codes for each of the players."""
        keys = jax.random.split(key)
        return InfoGANNoise(*(self.draw_codes(k, batch_size) for k in keys))

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Loss of D and Q, in nats per image of the data with a generated one.

        The generator gets no gradient. In the log `discriminator_accuracy` is 1/2 where
        D cannot tell the two apart. `mutual_information` is the bound of all codes;
        those of single ones end with `_d0`, ... for the categorical and with `_z0`, ...
        for the continuous ones.
        """
        x, _ = self.generate(params, noise.discriminator, gather)
        _, real_logits, of_data = self.discriminate(params, batch.x, gather)
        fake = jax.lax.stop_gradient(x)
        features, fake_logits, _ = self.discriminate(params, fake, gather)
        posterior, of_codes = self.read_codes(params, features, gather)
        information = self.information(posterior, noise.discriminator)
        objective = losses.infogan_objective(
            losses.gan_discriminator_loss(real_logits, fake_logits),
            *information,
            category_weight=weights["category_weight"],
            code_weight=weights["code_weight"],
        )
        per_code = {
            f"mutual_information_{kind}{i}": values
            for kind, columns in zip("dz", information, strict=True)
            for i, values in enumerate(columns.T)
        }
        states = {"discriminator": of_data, "posterior": of_codes}
        accuracy = losses.discriminator_accuracy(real_logits, fake_logits)
        return mean_output(
            objective,
            model_state={group: state for group, state in states.items() if state},
            discriminator_accuracy=accuracy,
            **per_code,
        )

    def generator_loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Loss of G, in nats per generated image; D and Q get no gradient."""
        frozen = jax.lax.stop_gradient(params)
        x, state = self.generate(params, noise.generator, gather)
        features, fake_logits, _ = self.discriminate(frozen, x, gather)
        posterior, _ = self.read_codes(frozen, features, gather)
        objective = losses.infogan_objective(
            losses.gan_generator_loss(fake_logits),
            *self.information(posterior, noise.generator),
            category_weight=weights["category_weight"],
            code_weight=weights["code_weight"],
        )
        return LossOutput(
            objective.loss.mean(),
            {"generator_adversarial_loss": objective.adversarial_loss.mean()},
            {"generator": state},
        )

    def generate(
        self, params: Params, codes: jax.Array, gather: Gather
    ) -> tuple[jax.Array, Any]:
        """Images in training mode, and the statistics to go on with."""
        module = self.generator(train=True, gather=gather)
        x_logits, state = _apply(module, params["generator"], codes)
        return jax.nn.sigmoid(x_logits), state

    def discriminate(
        self, params: Params, x: jax.Array, gather: Gather
    ) -> tuple[jax.Array, jax.Array, Any]:
        """Features and logits in training mode, and the statistics to go on with."""
        module = self.discriminator(train=True, gather=gather)
        (features, logits), state = _apply(module, params["discriminator"], x)
        return features, logits, state

    def read_codes(
        self, params: Params, features: jax.Array, gather: Gather
    ) -> tuple[Posterior, Any]:
        """Q in training mode, and the statistics to go on with."""
        module = self.code_head(train=True, gather=gather)
        return _apply(module, params["posterior"], features)

    def information(
        self, posterior: Posterior, codes: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Terms of the bounds, `[batch, variables]` and `[batch, num_codes]`."""
        z, one_hots = self.split_codes(codes)
        log_var = posterior.log_var
        if log_var is None:
            log_var = jnp.zeros_like(posterior.mean)
        pairs = zip(posterior.category_logits, one_hots, strict=True)
        of_categories = [losses.category_information(*pair) for pair in pairs]
        return (
            jnp.stack(of_categories, axis=-1) if of_categories else z[:, :0],
            losses.uniform_code_information(z, posterior.mean, log_var),
        )

    def encode(self, params: Params, x: jax.Array) -> Posterior:
        """Q of images `[batch, height, width, channels]`.

        Without `learned_stddev` there is no log-variance, for it would say nothing of
        the image.
        """
        features, _ = self.discriminator().apply(params["discriminator"], x)  # type: ignore[misc]
        output: Any = self.code_head().apply(params["posterior"], features)
        unknown = jnp.zeros((*output.mean.shape[:-1], self.noise_dim))
        log_var = output.log_var
        if log_var is not None:
            of_noise = jnp.full_like(unknown, _UNIFORM_LOG_VAR)
            log_var = jnp.concatenate([log_var, of_noise], axis=-1)
        mean = jnp.concatenate([output.mean, unknown], axis=-1)
        return output._replace(mean=mean, log_var=log_var)

    def sample_posterior(
        self, params: Params, posterior: Posterior, key: jax.Array
    ) -> jax.Array:
        """Codes of images `[batch, code_dim]`, and fresh noise.

        Continuous codes are the mean of Q, or draws of it if its deviation is learned;
        of a categorical one it is the most probable category.
        """
        key_z, key_noise = jax.random.split(key)
        z = posterior.mean
        if posterior.log_var is not None:
            z = sampling.sample_gaussian(key_z, z, posterior.log_var)
        fresh = jax.random.uniform(key_noise, z.shape, minval=-1.0)
        rest = posterior.expected_code[..., self.latent_dim :]
        codes, noise = z[..., : self.num_codes], fresh[..., self.num_codes :]
        return jnp.concatenate([codes, noise, rest], axis=-1)

    def decode(self, params: Params, z: jax.Array) -> jax.Array:
        """Images `[batch, height, width, channels]` of codes `[batch, code_dim]`."""
        x_logits: Any = self.generator().apply(params["generator"], z)
        return jax.nn.sigmoid(x_logits)


def _apply(module: nn.Module, variables: Any, inputs: jax.Array) -> tuple[Any, Any]:
    """Output and new statistics, `{}` of a network that keeps none."""
    output, state = module.apply(variables, inputs, mutable=BATCH_STATS)
    return output, dict(state)
