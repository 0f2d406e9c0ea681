"""A trained model from its folder, on NumPy arrays."""

import functools
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vsc_jax.models import Model, Params, create_model
from vsc_jax.training._checkpoints import CheckpointError, Checkpoints, read_meta
from vsc_jax.training._state import create_optimizers, init_state

BATCH_SIZE = 500


class Run:
    """A trained model: `encode`, `categories`, `decode`, `reconstruct` and `sample`.

    Images are float arrays `[n, height, width, channels]`, in [0, 1] but for points;
    codes are `[n, code_dim]`: the Gaussian latents, then a one-hot vector for each
    categorical variable. For work inside JAX programs use `model` and `params`.

    Attributes:
      model: the `Model`.
      params: its parameters.
      weights: the scalar weights of the loss at the end of the run.
      step: number of updates done.
      meta: what was saved beside the state: config, model, dataset, ...
    """

    def __init__(self, model: Model, params: Params, step: int, meta: dict[str, Any]):
        self.model = model
        self.params = params
        self.step = step
        self.meta = meta
        self.weights = {k: np.float32(v) for k, v in meta["weights"].items()}

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Codes of images, `[n, code_dim]`: means, then most probable categories.

        For VSC the mean of a latent is `slab_prob * mean`.
        """
        return self._map(_expected_code, self._images(x))

    def categories(self, x: np.ndarray) -> np.ndarray:
        """The most probable category of each variable, int32 `[n, num_variables]`."""
        return self._map(_categories, self._images(x))

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Mean images of codes `[n, code_dim]`."""
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
        key = jax.random.key(seed)
        z = self.model.sample_prior(self.params, key, num_samples, self.weights)
        if z is None:
            raise ValueError("this model has no prior to sample from.")
        return self.decode(np.asarray(z))

    def _images(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x)
        if not np.issubdtype(x.dtype, np.floating):
            raise TypeError(f"x must be floats, got {x.dtype}; divide bytes by 255.")
        if x.shape[1:] != self.model.image_shape:
            expected = ", ".join(str(size) for size in self.model.image_shape)
            raise ValueError(f"x must have shape [n, {expected}], got {x.shape}.")
        return x

    def _map(self, function, array: np.ndarray) -> np.ndarray:
        """`function` over batches of one size, so that it is compiled once."""
        size = min(BATCH_SIZE, max(len(array), 1))
        num_batches = max(-(-len(array) // size), 1)
        padded = np.zeros((num_batches * size, *array.shape[1:]), np.float32)
        padded[: len(array)] = array
        results = [
            np.asarray(function(self.model, self.params, batch))
            for batch in np.split(padded, num_batches)
        ]
        return np.concatenate(results)[: len(array)]


@functools.partial(jax.jit, static_argnums=0)
def _expected_code(model: Model, params: Params, x: jax.Array) -> jax.Array:
    return model.encode(params, x).expected_code


@functools.partial(jax.jit, static_argnums=0)
def _categories(model: Model, params: Params, x: jax.Array) -> jax.Array:
    return model.encode(params, x).categories


@functools.partial(jax.jit, static_argnums=0)
def _decode(model: Model, params: Params, z: jax.Array) -> jax.Array:
    return model.decode(params, z)


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
    workdir = Path(workdir)
    meta = read_meta(workdir)
    if meta is None:
        raise FileNotFoundError(
            f"no readable checkpoint in {workdir.absolute() / 'checkpoints'}; expected "
            "the folder of a run, as printed by `python -m experiments.run`."
        )
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in meta["model"].items()
    }
    model = create_model(**fields)
    optimizers = create_optimizers(model, **meta["optimizer"])
    template = jax.jit(lambda: init_state(model, optimizers, 0))()
    checkpoints = Checkpoints(workdir, read_only=True)
    try:
        steps = checkpoints.steps()
        if step == "newest":
            wanted = steps[-1]
        elif step == "best":
            wanted = checkpoints.best_step()
        else:
            wanted = step
        if wanted not in steps:
            raise ValueError(
                f"step must be 'newest', 'best' or one of {steps}, got {step!r}."
            )
        try:
            state, meta = checkpoints.restore(wanted, template)
        except Exception as error:  # a damaged file raises anything
            raise CheckpointError(
                f"the checkpoint of step {wanted} in {workdir} cannot be read; "
                f"choose another one of {steps} with step=..."
            ) from error
    finally:
        checkpoints.close()
    return Run(model, state.variables, int(state.step), meta)
