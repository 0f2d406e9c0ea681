"""A trained model from its folder, on NumPy arrays."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from vsc_jax._checks import check_real, check_unmasked
from vsc_jax._ranges import above, whole
from vsc_jax.evaluation import has, map_batches
from vsc_jax.models import (
    Classifies,
    DecodesClasses,
    DecodesCodes,
    EncodesImages,
    FindsObjects,
    FoundObjects,
    HasCategories,
    HasNoise,
    Model,
    Params,
    SamplesPrior,
)
from vsc_jax.training import restore_run

BATCH_SIZE = 500
# Beyond [0, 1], where images were resized.
_OVERSHOOT = 1e-3
_SEED = whole(0, 2**32 - 1)


class Run:
    """A trained model: `encode`, `decode`, `sample`, `predict`, `objects`, ...

    Images are float arrays `[n, height, width, channels]`, in [0, 1] but for points;
    codes are `[n, code_dim]`: the Gaussian latents, then a one-hot vector for each
    categorical variable. For work inside JAX programs use `model` and `params`. Each
    method raises ValueError if the model cannot do it.

    Attributes:
      model: the model, with the capabilities of `vsc_jax.models` that it has.
      params: its parameters.
      weights: the scalar weights of the loss at this step.
      step: number of updates done.
      meta: what was saved beside the state: config, model, optimizer, ...
    """

    def __init__(self, model: Model, params: Params, step: int, meta: dict[str, Any]):
        # What it can do is known from its protocols, one by one.
        self.model: Any = model
        self.params = params
        self.step = step
        self.meta = meta
        # A weight that is newer than the run has the value that changes nothing.
        weights = getattr(model, "default_weights", {}) | meta["weights"]
        self.weights = {k: np.float32(v) for k, v in weights.items()}

    def __repr__(self) -> str:
        name = type(self.model).__name__
        return f"<Run of {name} at step {self.step}>"

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

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The most probable label of each image, int32 `[n]`, as in scikit-learn."""
        return self.predict_proba(x).argmax(axis=1).astype(np.int32)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """The probability of each label `[n, num_classes]`; rows sum to 1."""
        self._check(Classifies, "no classifier")
        return self._map(_class_probs, self._images(x))

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Mean images of codes `[n, code_dim]`, which must be finite."""
        self._check(DecodesCodes, "no decoder")
        z = _on_host("z", z, "model.decode(params, z)")
        check_real(z=z.astype(np.int8) if z.dtype == bool else z)
        z = z.astype(np.float32)
        if z.ndim != 2 or z.shape[1] != self.model.code_dim:
            raise ValueError(
                f"z must have shape [n, {self.model.code_dim}], got {z.shape}."
            )
        if bad := np.count_nonzero(~np.isfinite(z)):
            raise ValueError(
                f"z must be finite, got {bad} values of {z.size} that are not; if the "
                "model made them it has diverged."
            )
        return self._map(_decode, z)

    def reconstruct(self, x: np.ndarray) -> np.ndarray:
        """Mean images of the expected codes of images."""
        return self.decode(self.encode(x))

    def objects(self, x: np.ndarray) -> FoundObjects:
        """What is found in images: presence, boxes, masks and codes of each slot.

        See `vsc_jax.models.FoundObjects`, here of NumPy arrays `[n, num_slots, ...]`.
        """
        self._check(FindsObjects, "no objects to find")
        return self._map(_objects, self._images(x))

    def sample(
        self,
        num_samples: int,
        *,
        seed: int = 0,
        stddev: float = 1.0,
        label: int | None = None,
    ) -> np.ndarray:
        """Mean images of `num_samples` draws from the prior.

        Args:
          num_samples: how many.
          seed: of the draws; those of another `stddev` or `label` are the same but for
            that.
          stddev: what the Gaussian latents of each draw are multiplied by: draws of
            N(0, stddev^2) where the prior is N(0, 1).
          label: the class of all images, of a model whose decoder is given it; None
            draws it from the prior too.

        Returns:
          `[num_samples, height, width, channels]`.

        Raises:
          ValueError: if the model has no prior or, with a label, no classes, or if a
            number is out of its range.
        """
        whole(0).check("num_samples", num_samples)
        above(0).check("stddev", stddev)
        self._check(SamplesPrior, "no prior to sample from")
        _SEED.check("seed", seed)
        key = jax.random.key(seed)
        z = self.model.sample_prior(self.params, key, num_samples, self.weights)
        if label is not None:
            self._check(DecodesClasses, "no classes, so label must be left out")
            whole(0, self.model.num_classes - 1).check("label", label)
            z = self.model.with_labels(z, np.full(num_samples, label))
        z = np.array(z)
        if stddev != 1.0:
            if has(self.model, HasNoise):
                raise ValueError(
                    "this model was trained on latents of a bounded prior, so stddev "
                    f"must be 1, got {stddev:g}."
                )
            z[:, : self.model.latent_dim] *= stddev
        return self.decode(z)

    def _check(self, capability: type, lacking: str) -> None:
        if not has(self.model, capability):
            raise ValueError(f"this model has {lacking}.")

    def _images(self, x: np.ndarray) -> np.ndarray:
        x = _on_host("x", x, "model.encode(params, x)")
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise TypeError(f"x must be floats, got {x.dtype}; divide bytes by 255.")
        if x.shape[1:] != self.model.image_shape:
            expected = ", ".join(str(size) for size in self.model.image_shape)
            raise ValueError(f"x must have shape [n, {expected}], got {x.shape}.")
        x = x.astype(np.float32)
        if self._has_unit_range and x.size:
            low, high = x.min(), x.max()
            if not (low >= -_OVERSHOOT and high <= 1.0 + _OVERSHOOT):
                raise ValueError(
                    f"x must be in [0, 1], as the images of the run, got {low:.6g} to "
                    f"{high:.6g}; divide bytes by 255."
                )
        return x

    @property
    def _has_unit_range(self) -> bool:
        """Whether the run was trained on pixels in [0, 1]; points are any numbers."""
        data = self.meta.get("config", {}).get("data", {})
        if data.get("normalization") == "mean_norm":
            return False
        return getattr(self.model, "mean_function", None) == "sigmoid"

    def _map(self, function: Callable[..., Any], array: np.ndarray) -> Any:
        """`function` over batches of a few sizes, so that it is compiled seldom."""
        num = len(array)
        if not num:  # one row of zeros has the shape and type of what there is none of
            array = np.zeros((1, *array.shape[1:]), np.float32)
        results = map_batches(
            lambda rows, _: function(self.model, self.params, array[rows]),
            np.arange(len(array)),
            min(BATCH_SIZE, 1 << (len(array) - 1).bit_length()),  # a power of two
        )
        return jax.tree.map(lambda rows: rows[:num], results)


def load_run(
    workdir: str | Path,
    *,
    step: int | str = "newest",
    model: Model | None = None,
) -> Run:
    """The trained model of a run.

    A checkpoint holds numbers, and no code: a run of networks of your own
    (`vsc_jax.networks.OwnNetworks`), or of a model of your own, is loaded with the same
    `model` that `vsc_jax.training.train` was given.

    Args:
      workdir: folder of the run.
      step: "newest", "best" (lowest test loss) or the step of a kept checkpoint.
      model: the model that was trained; None makes it of what the run says of it.

    Returns:
      A `Run`.

    Raises:
      FileNotFoundError: if the folder holds no checkpoint.
      CheckpointError: if the checkpoint cannot be read.
      ValueError: if there is no checkpoint of this step, if the model is needed, or if
        it is not the one that was trained.
      TypeError: if `workdir` is no path.
    """
    if not isinstance(workdir, str | os.PathLike):
        raise TypeError(f"workdir must be the path of a folder, got {workdir!r}.")
    return Run(*restore_run(workdir, step=step, model=model))


def _on_host(name: str, array: Any, inside: str) -> np.ndarray:
    """The argument as a NumPy array; `inside` is what to call in a JAX program."""
    if isinstance(array, Tracer):
        raise TypeError(
            f"{name} must be a NumPy array, got one that JAX traces; methods of Run "
            f"work on NumPy arrays, in a JAX program call {inside} of the Run."
        )
    check_unmasked(**{name: array})
    return np.asarray(array)


@functools.partial(jax.jit, static_argnums=0)
def _expected_code(model: Any, params: Params, x: jax.Array) -> jax.Array:
    return model.encode(params, x).expected_code


@functools.partial(jax.jit, static_argnums=0)
def _categories(model: Any, params: Params, x: jax.Array) -> jax.Array:
    return model.encode(params, x).categories


@functools.partial(jax.jit, static_argnums=0)
def _objects(model: Any, params: Params, x: jax.Array) -> FoundObjects:
    return model.find_objects(params, x)


@functools.partial(jax.jit, static_argnums=0)
def _class_probs(model: Any, params: Params, x: jax.Array) -> jax.Array:
    return jax.nn.softmax(model.class_logits(params, x))


@functools.partial(jax.jit, static_argnums=0)
def _decode(model: Any, params: Params, z: jax.Array) -> jax.Array:
    return model.decode(params, z)
