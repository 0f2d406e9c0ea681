"""Which latents all classes share, and which the decoder sees for a class."""

from typing import Any

import numpy as np

from vsc_jax.evaluation._inferred_latents import inferred_latents
from vsc_jax.evaluation._needs import has
from vsc_jax.models import DecodesClasses


def shared_latents(model: Any) -> np.ndarray:
    """`[n]`, inferred latents that no class has for itself: mostly all."""
    latents = inferred_latents(model)
    if not has(model, DecodesClasses):
        return latents
    return np.setdiff1d(latents, model.class_latents)


def own_latents(model: Any) -> np.ndarray:
    """`[num_classes, class_dim]`, those of one class; no columns without any."""
    if not has(model, DecodesClasses):
        return np.zeros((1, 0), int)
    return np.asarray(model.class_latents, int)
