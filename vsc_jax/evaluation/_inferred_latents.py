"""Which latents an encoder says something of."""

from typing import Any

import numpy as np

from vsc_jax.evaluation._encoded import Encoded
from vsc_jax.evaluation._needs import has
from vsc_jax.models import HasNoise


def inferred_latents(model: Any) -> np.ndarray:
    """`[n]`, the Gaussian latents that are not noise of the decoder: mostly all."""
    return np.arange(model.latent_dim - _noise_dim(model))


def without_noise(model: Any, encoded: Encoded) -> Encoded:
    """The same of the inferred latents alone.

    The mean of noise is the same for all images, so that it takes no part in scores.
    """
    if not _noise_dim(model):
        return encoded
    latents = inferred_latents(model)
    names = ("mean", "log_var", "slab_logits", "slab_prob")
    given = {name: getattr(encoded, name) for name in names}
    return encoded._replace(
        **{name: None if a is None else a[:, latents] for name, a in given.items()}
    )


def _noise_dim(model: Any) -> int:
    return model.noise_dim if has(model, HasNoise) else 0
