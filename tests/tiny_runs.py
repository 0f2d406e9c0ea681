"""A data set and a model so small that training them takes no time."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax import models, training
from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.models import keep_local

IMAGE_SHAPE = (6, 5, 1)
BATCH_SIZE = 16


def tiny_dataset(num_train=50, num_test=20, seed=0) -> Dataset:
    """Bright rectangles on black, and their height as the label."""
    rng = np.random.default_rng(seed)
    num = num_train + num_test
    heights = rng.integers(1, 6, num)
    images = rng.integers(0, 30, (num, *IMAGE_SHAPE))
    for image, height in zip(images, heights, strict=True):
        image[:height, 1:4] += 200
    order = rng.permutation(num).astype(np.int32)
    return Dataset(
        name="tiny",
        images=images.astype(np.uint8),
        format=ImageFormat(IMAGE_SHAPE),
        train_indices=order[:num_train],
        test_indices=order[num_train:],
        factors=heights[:, None].astype(np.int32),
        factor_names=("height",),
        factor_sizes=(6,),
    )


def tiny_model(name="vae", **options):
    """With few units where the model has such fields; others give theirs."""
    kind: Any = models.MODELS[name]
    known = {field.name for field in dataclasses.fields(kind) if field.init}
    tiny = {"hidden": (8,), "image_shape": IMAGE_SHAPE, "latent_dim": 3}
    fields = {field: value for field, value in tiny.items() if field in known}
    if name == "multi_entity_vae":  # cells of one pixel
        fields |= {"channels": (), "grid_channels": (5,), "decoder_channels": (6,)}
        fields |= {"object_dim": 3}
    return models.create_model(name, **fields | options)


def tiny_options(model, **options) -> training.TrainOptions:
    weights = model.default_weights | options.pop("weights", {})
    rate = options.pop("learning_rate", 0.01)
    defaults = {"num_steps": 20, "batch_size": BATCH_SIZE, "log_every": 5}
    return training.TrainOptions(
        learning_rate=rate if callable(rate) else lambda step: rate,
        weights={
            name: value if callable(value) else lambda step, value=value: value
            for name, value in weights.items()
        },
        **defaults | {"checkpoint_every": 10, "num_test_images": 20} | options,
    )


def run_tiny(
    workdir: Path, model=None, dataset=None, score=None, callbacks=(), **options
):
    """`train` with a `meta` from which `load_run` can work."""
    model = model or tiny_model()
    options = tiny_options(model, **options)
    known = type(model) in models.MODELS.values()  # or a test's own
    meta = {
        "model": models.describe_model(model) if known else {},
        "optimizer": dict(options.optimizer),
    }
    return training.train(
        model,
        dataset or tiny_dataset(),
        options,
        workdir=workdir,
        meta=meta,
        score=score,
        callbacks=callbacks,
        show_progress=False,
    )


def assert_same(one, two) -> None:
    """Every leaf equal, bit for bit."""
    jax.tree.map(np.testing.assert_array_equal, *jax.device_get((one, two)))


def pair(loss):
    """A loss as `jax.value_and_grad(..., has_aux=True)` takes it."""

    def both(*args, **kwargs):
        output = loss(*args, **kwargs)
        return output.loss, output.metrics

    return both


def kl_of(model, params, x, weights):
    return model.kl_per_latent(params, x, model.encode(params, x), weights)


def importance_of(model, params, x, key, weights):
    posterior = model.encode(params, x)
    return model.log_importance_weight(params, x, posterior, key, weights)


class BatchNoise(NamedTuple):
    normal: jax.Array
    prior: jax.Array


@dataclasses.dataclass(frozen=True)
class BatchVAE(models.VAE):
    """A VAE whose loss has properties of the whole batch: an MMD and a covariance."""

    gathers: bool = True

    @property
    def weight_fields(self) -> dict[str, models.Weight]:
        values = {"beta": 1.0, "mmd_weight": 20.0, "covariance_weight": 10.0}
        return {name: models.Weight(value) for name, value in values.items()}

    def noise(self, key: jax.Array, batch_size: int) -> BatchNoise:
        shape = (2, batch_size, self.latent_dim)
        return BatchNoise(*jax.random.normal(key, shape))

    def loss(
        self,
        params,
        batch,
        noise,
        weights,
        *,
        gather: Callable[[jax.Array], jax.Array] = keep_local,
    ):
        if not self.gathers:
            gather = keep_local
        output = super().loss(params, batch, noise.normal, weights)
        mean, log_var = self.encode(params, batch.x).gaussian()
        z = mean + jnp.exp(0.5 * log_var) * noise.normal
        all_z, all_prior = gather(z), gather(noise.prior)

        def kernel(a, b):  # inverse multiquadratic, mean over all pairs
            squares = jnp.sum((a[:, None] - b[None]) ** 2, -1)
            return jnp.mean(1.0 / (1.0 + squares))

        mmd = kernel(z, all_z) - 2.0 * kernel(z, all_prior)
        mmd += kernel(noise.prior, all_prior)
        centred = all_z - all_z.mean(0, keepdims=True)
        covariance = centred.T @ centred / len(all_z)
        off_diagonal = jnp.sum(covariance**2) - jnp.sum(jnp.diag(covariance) ** 2)
        loss = output.loss + weights["mmd_weight"] * mmd
        loss += weights["covariance_weight"] * off_diagonal
        more = {"mmd": mmd, "off_diagonal": off_diagonal}
        return output._replace(loss=loss, metrics=output.metrics | more)


def batch_vae(**options) -> BatchVAE:
    return BatchVAE(image_shape=IMAGE_SHAPE, latent_dim=3, hidden=(8,), **options)


def read_log(workdir: Path) -> list[dict[str, Any]]:
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]
