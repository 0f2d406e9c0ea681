"""All figures of a model: what is drawn from what."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

from vsc_jax.datasets import Dataset
from vsc_jax.evaluation._passes import check_weights
from vsc_jax.figures._category_traversals import draw_categories
from vsc_jax.figures._data import DECODE_BATCH, Figures, collect
from vsc_jax.figures._figure_groups import (
    draw_classes,
    draw_code_changes,
    draw_latents,
    draw_sources,
    draw_traversals,
)
from vsc_jax.figures._latent_bars import plot_reconstructions
from vsc_jax.figures._points import draw_aggregate_posterior, draw_points
from vsc_jax.models import Model, Params

# Draws from the prior that are shown as points.
NUM_POINTS = 400


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
    `interpretation.png` (`interpretation_codes`); `conditional_samples.png`
    (`conditional_codes`; a posterior with a spike); `interpolation.png`
    (`interpolation_codes`, with gates rounded to 0 or 1 at both ends);
    `latent_bars.png`; `prior_samples.png`; `kl_per_latent.png`; for models with
    categorical variables `traversals_per_category.png` (rows are categories, a block
    per latent), `category_samples.png` (draws from the prior with every category) and
    `category_confusion.png` (categories against a factor named "shape" or "label");
    `class_gates.png` (labelled data and a posterior with a spike);
    `class_magnitudes.png` (labelled data); `correlation.png` (data with sources);
    `aggregate_posterior.png` (two latents). Of a data set of points, only
    `points.png`, `kl_per_latent.png` and `aggregate_posterior.png`.

    All that move or rank latents take the Gaussian ones; categories stay.

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
      threshold: on |z_j|: which latents are moved or drawn anew, as published.
      sources: `[len(dataset.images), num_sources]`, the values that drew the images,
        for `correlation.png`; None takes `dataset.sources`, and without those the
        factors where all have two values.
      source_names: one per column of `sources`; None takes the names that the data
        set has for its own and numbers those given here.
      batch_size: images encoded at a time.

    Returns:
      A `Figures`.

    Raises:
      ValueError: if `weights` lacks a name.
    """
    weights = check_weights(model, weights)
    out_dir = Path(out_dir)
    indices = np.random.default_rng(seed).permutation(dataset.test_indices)
    key_codes, key_prior = jax.random.split(jax.random.key(seed))
    data = collect(
        model, params, dataset, weights, indices[:num_images], out_dir,
        key=key_codes, batch_size=batch_size,
    )  # fmt: skip
    num_draws = NUM_POINTS if dataset.format.points else DECODE_BATCH
    prior = model.sample_prior(params, key_prior, num_draws, weights)
    prior = None if prior is None else np.asarray(prior)
    if dataset.format.points:
        return _join(
            draw_points(data, dataset, prior),
            draw_aggregate_posterior(data, dataset, prior),
        )
    reconstructions = plot_reconstructions(
        data.x,
        data.decode(data.z[: len(data.x)]),
        out_dir / "reconstructions.png",
        max_value=data.max_value,
    )
    return _join(
        Figures([reconstructions], {}),
        draw_traversals(
            data,
            num_traversals=num_traversals,
            num_values=num_values,
            delta=delta,
            threshold=threshold,
        ),
        draw_code_changes(data, seed=seed, threshold=threshold),
        draw_latents(data, prior),
        draw_categories(data, dataset, prior, num_values=num_values),
        draw_classes(data, dataset),
        draw_sources(data, dataset, sources=sources, source_names=source_names),
        draw_aggregate_posterior(data, dataset, prior),
    )


def _join(*groups: Figures) -> Figures:
    return Figures(
        [path for group in groups for path in group.paths],
        {name: why for group in groups for name, why in group.skipped.items()},
    )
