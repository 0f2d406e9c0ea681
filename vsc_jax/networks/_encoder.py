"""A trunk and the linear heads that give the parameters of q(z|x)."""

from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from vsc_jax import _gates
from vsc_jax.networks._posterior import Posterior

Gate = Literal["relu", "log_sigmoid"]
Scale = Literal["log_var", "softplus_stddev"]


class Encoder(nn.Module):
    """Images to a `Posterior`.

    Attributes:
      trunk: module from `[..., height, width, channels]` to `[..., features]`.
      latent_dim: number of latents.
      gate: form of the slab head with linear output v: "relu" for
        `log P(z_j != 0) = -relu(-v)` as published with Variational Sparse Coding
        (https://github.com/Alfo5123/Variational-Sparse-Coding), "log_sigmoid" for
        `log P(z_j != 0) = log_sigmoid(v)`; None for a posterior without a spike.
        With "relu" a latent with v > 0 has no gradient through its own head.
      deterministic: True for a code without a log-variance (an autoencoder).
      scale: what the head of the scale gives: "log_var", or "softplus_stddev" for a
        standard deviation that is the softplus of a linear output, as in the code of
        CascadeVAE (https://github.com/snu-mllab/DisentanglementICML19).
      category_sizes: number of categories of each categorical variable with a head
        of its own.
    """

    trunk: nn.Module
    latent_dim: int
    gate: Gate | None = None
    deterministic: bool = False
    scale: Scale = "log_var"
    category_sizes: tuple[int, ...] = ()

    @nn.compact
    def __call__(self, x: jax.Array) -> Posterior:
        """Parameters of q(z|x), float32 `[..., latent_dim]`, of `x [..., h, w, c]`."""
        if self.gate not in (None, "relu", "log_sigmoid"):
            raise ValueError(
                f"gate must be None, 'relu' or 'log_sigmoid', got {self.gate!r}."
            )
        if self.scale not in ("log_var", "softplus_stddev"):
            raise ValueError(
                f"scale must be 'log_var' or 'softplus_stddev', got {self.scale!r}."
            )
        h = self.trunk(x).astype(jnp.float32)
        mean = nn.Dense(self.latent_dim, name="mean")(h)
        log_var = slab_logits = None
        if not self.deterministic:
            log_var = nn.Dense(self.latent_dim, name=self.scale)(h)
            if self.scale == "softplus_stddev":
                log_var = 2.0 * log_softplus(log_var)
        if self.gate is not None:
            slab_logits = nn.Dense(self.latent_dim, name="slab_logits")(h)
            if self.gate == "relu":
                slab_logits = _gates.relu_gate_logits(slab_logits)
        category_logits = tuple(
            nn.Dense(size, name=f"category_logits_{i}")(h)
            for i, size in enumerate(self.category_sizes)
        )
        return Posterior(mean, log_var, slab_logits, category_logits)


def log_softplus(x: jax.Array) -> jax.Array:
    """`log(softplus(x))`, finite and with a finite derivative for every finite x.

    Below -20 it is x to float32's precision, while the softplus itself underflows.
    """
    return jnp.where(x < -20.0, x, jnp.log(jax.nn.softplus(jnp.maximum(x, -20.0))))
