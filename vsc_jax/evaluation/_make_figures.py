"""All figures of a model: what is drawn from what."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax import metrics
from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.evaluation._charts import (
    plot_class_gates,
    plot_correlation,
    plot_kl_per_latent,
)
from vsc_jax.evaluation._encode import Encoded, padded_batches, posterior_arrays
from vsc_jax.evaluation._evaluate import ACTIVE_KL, LABEL, check_weights
from vsc_jax.evaluation._image_figures import (
    plot_latent_bars,
    plot_prior_samples,
    plot_reconstructions,
)
from vsc_jax.evaluation._traversal_figures import (
    plot_author_traversals,
    plot_traversals,
    save_traversal_gif,
)
from vsc_jax.evaluation._traversals import (
    author_traversal_codes,
    traversal_codes,
    traversal_values,
)
from vsc_jax.models import Model, Params, Weights

_DECODE_BATCH = 64


class Figures(NamedTuple):
    """What was drawn, and what was not.

    Attributes:
      paths: of the files, in the order in which a report shows them.
      skipped: name of a figure -> why this model or data set does not have it.
    """

    paths: list[Path]
    skipped: dict[str, str]


def make_figures(
    model: Model,
    params: Params,
    dataset: Dataset,
    weights: Mapping[str, float | jax.Array],
    out_dir: str | Path,
    *,
    seed: int = 0,
    num_images: int = 2_000,
    num_traversals: int = 10,
    num_values: int = 9,
    delta: float = 0.2,
    threshold: float = 1e-4,
    sources: np.ndarray | None = None,
    source_names: Sequence[str] | None = None,
    batch_size: int = 500,
) -> Figures:
    """Draws every figure that the model and the data set have something for.

    Files: `reconstructions.png`; `traversals.png` and `traversals.gif` (the active
    latents with the largest KL; without a prior, with the largest variance);
    `author_traversals.png` (the protocol of `author_traversal_codes`);
    `latent_bars.png`; `prior_samples.png`; `kl_per_latent.png`; `class_gates.png`
    (labelled data and a posterior with a spike); `correlation.png` (data with sources).

    Args:
      model: the model.
      params: its parameters.
      dataset: its test images are used.
      weights: every name of `model.default_weights`.
      out_dir: folder, made if missing.
      seed: of the choice of images and of all draws.
      num_images: test images that rank latents and give the range of their values.
      num_traversals: rows of the traversals at most.
      num_values: columns of the traversals.
      delta: step of the published traversal protocol.
      threshold: on |z_j| of that protocol.
      sources: `[len(dataset.images), num_sources]`, the values that drew the images,
        for `correlation.png`; None takes the factors where all have two values.
      source_names: one per column of `sources`.
      batch_size: images encoded at a time.

    Returns:
      A `Figures`.

    Raises:
      ValueError: if `weights` lacks a name.
    """
    weights = check_weights(model, weights)
    out_dir = Path(out_dir)
    skipped: dict[str, str] = {}
    paths: list[Path] = []
    rng = np.random.default_rng(seed)
    indices = rng.permutation(dataset.test_indices)[:num_images]
    key_codes, key_prior = jax.random.split(jax.random.key(seed))
    sample = _sample(
        model, params, dataset, indices, key=key_codes, weights=weights,
        batch_size=batch_size,
    )  # fmt: skip
    x = dataset.decode(indices[:16])
    scaled = dataset.format.unit_norm or dataset.format.divisor != 1.0
    max_value = float(max(x.max(), 1e-6)) if scaled else 1.0
    decode = functools.partial(_decode_all, model, params)

    paths.append(
        plot_reconstructions(
            x,
            decode(sample.z[: len(x)]),
            out_dir / "reconstructions.png",
            max_value=max_value,
        )
    )
    latents, labels = _rank(sample, num_traversals)
    # The animation has a moment between every two columns of the picture.
    values = traversal_values(sample.z, latents, num_values=2 * num_values - 1)
    base = sample.encoded.mean[0] * (sample.encoded.slab_prob[0] > 0.5)
    frames = decode(traversal_codes(base, latents, values))
    ranges = [f"{low:.1f} to {high:.1f}" for low, high in values[:, [0, -1]]]
    paths.append(
        plot_traversals(
            x[0],
            frames[:, ::2],
            out_dir / "traversals.png",
            row_labels=[f"{a}\n{b}" for a, b in zip(labels, ranges, strict=True)],
            max_value=max_value,
            title="Traversals: each row changes one latent of the code of the input, "
            "over the range that it has where it is used (5 % to 95 %); the others "
            "stay",
        )
    )
    paths.append(
        save_traversal_gif(
            frames, out_dir / "traversals.gif", row_labels=labels, max_value=max_value
        )
    )
    moved, codes = author_traversal_codes(
        sample.z[0], threshold=threshold, delta=delta, max_latents=num_traversals
    )
    if len(moved):
        paths.append(
            plot_author_traversals(
                decode(codes),
                out_dir / "author_traversals.png",
                row_labels=[f"z{j} = {sample.z[0, j]:+.2f}" for j in moved],
                max_value=max_value,
                title="Published protocol: each row moves one non-zero latent of a "
                f"sampled code by {delta:g} per frame, towards zero and through it",
            )
        )
    else:
        skipped["author_traversals"] = "every latent of the sampled code is zero"
    paths.append(
        plot_latent_bars(
            x[:4],
            sample.z[: len(x[:4])],
            decode(sample.z[: len(x[:4])]),
            out_dir / "latent_bars.png",
            max_value=max_value,
        )
    )
    prior = model.sample_prior(params, key_prior, _DECODE_BATCH, weights)
    if prior is None:
        skipped["prior_samples"] = "this model has no prior"
    else:
        paths.append(
            plot_prior_samples(
                decode(np.asarray(prior)),
                out_dir / "prior_samples.png",
                max_value=max_value,
                title=_prior_title(np.asarray(prior)),
            )
        )
    if sample.kl:
        terms = {name: term.mean(axis=0) for name, term in sample.kl.items()}
        paths.append(plot_kl_per_latent(terms, out_dir / "kl_per_latent.png"))
    else:
        skipped["kl_per_latent"] = "this model has no prior"
    more = _draw_factors(
        dataset,
        indices,
        sample,
        out_dir,
        sources=sources,
        source_names=source_names,
    )
    return Figures(paths + more.paths, skipped | more.skipped)


class _Sample(NamedTuple):
    """Test images as the model sees them, one row per image."""

    encoded: Encoded
    z: np.ndarray
    kl: dict[str, np.ndarray]


def _sample(
    model: Model,
    params: Params,
    dataset: Dataset,
    indices: np.ndarray,
    *,
    key: jax.Array,
    weights: Weights,
    batch_size: int,
) -> _Sample:
    parts = []
    batch_size = min(batch_size, len(indices))
    for i, (rows, num) in enumerate(padded_batches(indices, batch_size)):
        part = _codes(
            params,
            dataset.images[rows],
            jax.random.fold_in(key, i),
            weights,
            model=model,
            image_format=dataset.format,
        )
        parts.append(jax.tree.map(lambda a, num=num: np.asarray(a)[:num], part))
    encoded, z, kl = jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)
    return _Sample(Encoded(*encoded), z, kl)


def _rank(sample: _Sample, num: int) -> tuple[np.ndarray, list[str]]:
    """Latents that matter most, and a label that says how much."""
    if sample.kl:
        score = np.sum([term.mean(axis=0) for term in sample.kl.values()], axis=0)
        form = "z{} KL {:.2f} nats"
    else:
        score = sample.encoded.expected_code.std(axis=0)
        form = "z{} st. dev. {:.2f}"
    latents = np.argsort(-score, kind="stable")[:num]
    if sample.kl:
        latents = latents[: max(1, np.count_nonzero(score[latents] > ACTIVE_KL))]
    return latents, [form.format(j, score[j]) for j in latents]


def _prior_title(z: np.ndarray) -> str:
    counts = np.count_nonzero(z, axis=1)
    if (counts == z.shape[1]).all():
        return "Decoded draws from the prior"
    return (
        "Decoded draws from the prior; on average "
        f"{counts.mean():.1f} of {z.shape[1]} latents are not zero"
    )


def _draw_factors(
    dataset: Dataset,
    indices: np.ndarray,
    sample: _Sample,
    out_dir: Path,
    *,
    sources: np.ndarray | None,
    source_names: Sequence[str] | None,
) -> Figures:
    """The two figures that compare latents with ground truth."""
    paths: list[Path] = []
    skipped: dict[str, str] = {}
    factors = dataset.factors
    if LABEL not in dataset.factor_names or factors is None:
        skipped["class_gates"] = 'this data set has no factor named "label"'
    elif not sample.encoded.has_spike:
        skipped["class_gates"] = "the posterior of this model has no spike"
    else:
        labels = factors[indices, dataset.factor_names.index(LABEL)]
        present = np.unique(labels)
        gates = [sample.encoded.slab_prob[labels == k].mean(axis=0) for k in present]
        paths.append(
            plot_class_gates(
                np.stack(gates),
                out_dir / "class_gates.png",
                class_names=[str(k) for k in present],
            )
        )
    if sources is None and factors is not None and set(dataset.factor_sizes) == {2}:
        sources, source_names = factors, dataset.factor_names
    if sources is None:
        skipped["correlation"] = (
            "the sources of the images of this data set are unknown"
        )
    else:
        paths.append(
            plot_correlation(
                metrics.absolute_correlation(sample.z, np.asarray(sources)[indices]),
                out_dir / "correlation.png",
                source_names=source_names,
            )
        )
    return Figures(paths, skipped)


def _decode_all(model: Model, params: Params, z: np.ndarray) -> np.ndarray:
    """Images `[..., height, width, channels]` of codes `[..., latent_dim]`."""
    flat = np.asarray(z, np.float32).reshape(-1, z.shape[-1])
    images = [
        np.asarray(_decode(params, flat[rows], model=model))[:num]
        for rows, num in padded_batches(np.arange(len(flat)), _DECODE_BATCH)
    ]
    return np.concatenate(images).reshape(*z.shape[:-1], *model.image_shape)


@functools.partial(jax.jit, static_argnames=("model",))
def _decode(params: Params, z: jax.Array, *, model: Model) -> jax.Array:
    return model.decode(params, z).astype(jnp.float32)


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _codes(
    params: Params,
    stored: jax.Array,
    key: jax.Array,
    weights: Weights,
    *,
    model: Model,
    image_format: ImageFormat,
) -> tuple[Any, jax.Array, dict[str, jax.Array]]:
    x = image_format.decode(stored)
    posterior = model.encode(params, x)
    z = model.sample_posterior(params, posterior, key)
    return posterior_arrays(posterior), z, model.kl_per_latent(params, x, weights)
