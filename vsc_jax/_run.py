"""A trained model from its folder, on NumPy arrays."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vsc_jax.evaluation import has, map_batches
from vsc_jax.models import (
    DecodesCodes,
    EncodesImages,
    HasCategories,
    Model,
    Params,
    SamplesPrior,
)
from vsc_jax.training import restore_run

BATCH_SIZE = 500
# Beyond [0, 1], where images were resized.
_OVERSHOOT = 1e-3


class Run:
    """A trained model: `encode`, `categories`, `decode`, `reconstruct` and `sample`.

    Images are float arrays `[n, height, width, channels]`, in [0, 1] but for points;
    codes are `[n, code_dim]`: the Gaussian latents, then a one-hot vector for each
    categorical variable. For work inside JAX programs use `model` and `params`. Each
    method raises ValueError if the model cannot do it.

    Attributes:
      model: the model, with the capabilities of `vsc_jax.models` that it has.
      params: its parameters.
      weights: the scalar weights of the loss at the end of the run.
      step: number of updates done.
      meta: what was saved beside the state: config, model, optimizer, ...
    """

    def __init__(self, model: Model, params: Params, step: int, meta: dict[str, Any]):
        # What it can do is known from its protocols, one by one.
        self.model: Any = model
        self.params = params
        self.step = step
        self.meta = meta
        self.weights = {k: np.float32(v) for k, v in meta["weights"].items()}

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Codes of images, `[n, code_dim]`: means, then most probable categories.

        For VSC the mean of a latent is `slab_prob * mean`.
        """
        self._check(EncodesImages, "no encoder")
        return self._map(_expected_code, self._images(x))

    def categories(self, x: np.ndarray) -> np.ndarray:
        """The most probable category of each variable, int32 `[n, num_variables]`."""
        self._check(EncodesImages, "no encoder")
        self._check(HasCategories, "no categorical variables")
        return self._map(_categories, self._images(x))

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Mean images of codes `[n, code_dim]`."""
        self._check(DecodesCodes, "no decoder")
        z = np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.model.code_dim:
            raise ValueError(
                f"z must have shape [n, {self.model.code_dim}], got {z.shape}."
            )
        return self._map(_decode, z)

    def reconstruct(self, x: np.ndarray) -> np.ndarray:
        """Mean images of the expected codes of images."""
        return self.decode(self.encode(x))

    def sample(self, num_samples: int, *, seed: int = 0) -> np.ndarray:
        """Mean images of `num_samples` draws from the prior.

        Raises:
          ValueError: if the model has no prior, or the number is negative.
        """
        if num_samples < 0:
            raise ValueError(f"num_samples must be at least 0, got {num_samples}.")
        self._check(SamplesPrior, "no prior to sample from")
        key = jax.random.key(seed)
        z = self.model.sample_prior(self.params, key, num_samples, self.weights)
        return self.decode(np.asarray(z))

    def _check(self, capability: type, lacking: str) -> None:
        if not has(self.model, capability):
            raise ValueError(f"this model has {lacking}.")

    def _images(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x)
        if not np.issubdtype(x.dtype, np.floating):
            raise TypeError(f"x must be floats, got {x.dtype}; divide bytes by 255.")
        if x.shape[1:] != self.model.image_shape:
            expected = ", ".join(str(size) for size in self.model.image_shape)
            raise ValueError(f"x must have shape [n, {expected}], got {x.shape}.")
        if self._has_unit_range and x.size:
            low, high = x.min(), x.max()
            if not (low >= -_OVERSHOOT and high <= 1.0 + _OVERSHOOT):
                raise ValueError(
                    f"x must be in [0, 1], as the images of the run, got {low:.6g} to "
                    f"{high:.6g}; divide bytes by 255."
                )
        return x.astype(np.float32)

    @property
    def _has_unit_range(self) -> bool:
        """Whether the run was trained on pixels in [0, 1]; points are any numbers."""
        data = self.meta.get("config", {}).get("data", {})
        if data.get("normalization") == "mean_norm":
            return False
        return getattr(self.model, "mean_function", None) == "sigmoid"

    def _map(self, function: Callable[..., jax.Array], array: np.ndarray) -> np.ndarray:
        """`function` over batches of one size, so that it is compiled once."""
        num = len(array)
        if not num:  # one row of zeros has the shape and type of what there is none of
            array = np.zeros((1, *array.shape[1:]), np.float32)
        results = map_batches(
            lambda rows, _: function(self.model, self.params, array[rows]),
            np.arange(len(array)),
            min(BATCH_SIZE, len(array)),
        )
        return results[:num]


def load_run(workdir: str | Path, *, step: int | str = "newest") -> Run:
    """The trained model of a run.

    Args:
      workdir: folder of the run.
      step: "newest", "best" (lowest test loss) or the step of a kept checkpoint.

    Returns:
      A `Run`.

    Raises:
      FileNotFoundError: if the folder holds no checkpoint.
      CheckpointError: if the checkpoint cannot be read.
      ValueError: if there is no checkpoint of this step.
    """
    return Run(*restore_run(workdir, step=step))


@functools.partial(jax.jit, static_argnums=0)
def _expected_code(model: Any, params: Params, x: jax.Array) -> jax.Array:
    return model.encode(params, x).expected_code


@functools.partial(jax.jit, static_argnums=0)
def _categories(model: Any, params: Params, x: jax.Array) -> jax.Array:
    return model.encode(params, x).categories


@functools.partial(jax.jit, static_argnums=0)
def _decode(model: Any, params: Params, z: jax.Array) -> jax.Array:
    return model.decode(params, z)
