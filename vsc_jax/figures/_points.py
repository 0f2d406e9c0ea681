"""Figures of models with two latents and of data sets of points."""

import numpy as np

from vsc_jax.datasets import Dataset
from vsc_jax.figures._aggregate_posterior import plot_aggregate_posterior, plot_points
from vsc_jax.figures._data import FigureData, Figures
from vsc_jax.figures._kl_per_latent import plot_kl_per_latent

_DRAWN_DIM = 2


def draw_points(
    data: FigureData, dataset: Dataset, prior: np.ndarray | None
) -> Figures:
    """Points, their reconstructions and decoded draws: what pictures are elsewhere."""
    x = dataset.decode(data.indices).reshape(len(data.indices), -1)
    decoded = data.decode(data.z).reshape(x.shape)
    samples = None if prior is None else data.decode(prior).reshape(len(prior), -1)
    paths = [plot_points(x, decoded, samples, data.out_dir / "points.png")]
    if not data.kl:
        return Figures(paths, {"kl_per_latent": "this model has no prior"})
    terms = {name: term.mean(axis=0) for name, term in data.kl.items()}
    path = plot_kl_per_latent(terms, data.out_dir / "kl_per_latent.png")
    return Figures([*paths, path], {})


def draw_aggregate_posterior(
    data: FigureData, dataset: Dataset, prior: np.ndarray | None
) -> Figures:
    """The density of q(z), where there are two latents."""
    name, log_var = "aggregate_posterior", data.encoded.log_var
    if data.latent_dim != _DRAWN_DIM:
        return Figures([], {name: "only two latents can be drawn as a density"})
    if log_var is None or data.encoded.has_spike or prior is None:
        return Figures([], {name: "it needs a Gaussian posterior and a prior"})
    classes = None
    if dataset.factors is not None and dataset.factors.shape[1] == 1:
        classes = dataset.factors[data.indices, 0]
    path = plot_aggregate_posterior(
        data.encoded.mean,
        log_var,
        prior[:, :_DRAWN_DIM],
        data.out_dir / f"{name}.png",
        classes=classes,
    )
    return Figures([path], {})
