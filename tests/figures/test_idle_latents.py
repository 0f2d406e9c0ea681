"""Latents that say nothing of images are not drawn as if they did."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from linear_model import LinearModel

from vsc_jax.evaluation import Context
from vsc_jax.figures import FIGURES, _make_figures
from vsc_jax.figures._figure import FigureData

IDLE, SELDOM = 1, 0


@dataclasses.dataclass(frozen=True)
class IdleModel(LinearModel):
    """One latent has the prior for a posterior: its draws are the largest of all."""

    def encode(self, params, x):
        posterior = super().encode(params, x)
        return posterior._replace(
            mean=posterior.mean.at[:, IDLE].set(0.0),
            log_var=posterior.log_var.at[:, IDLE].set(0.0),
        )


@dataclasses.dataclass(frozen=True)
class SparseModel(LinearModel):
    """One latent says a little of every image, one says much of bright images alone."""

    bright: float = 1.0

    def kl_per_latent(self, params, x, posterior, weights):
        kl = jnp.full((len(x), self.latent_dim), 0.2)
        is_bright = x.mean(axis=(1, 2, 3)) > self.bright
        kl = kl.at[:, SELDOM].set(jnp.where(is_bright, 3.0, 0.0))
        return {"gaussian_kl": kl}


def data_of(model, dataset, params_of, tmp_path):
    context = Context(model, params_of(model), dataset)
    return FigureData(context, dataset.test_indices, tmp_path)


@pytest.mark.parametrize("name", ["traversals", "author_traversals", "interpretation"])
def test_an_idle_latent_is_not_moved(dataset, draw, calls, monkeypatch, name):
    chosen = [figure for figure in FIGURES if figure.name == name]
    monkeypatch.setattr(_make_figures, "FIGURES", chosen)
    figures = draw(IdleModel(), dataset)
    assert not figures.failed
    _, kwargs = calls[f"plot_{name}"][0]
    assert kwargs["row_labels"]
    assert not any(label.startswith(f"z{IDLE} ") for label in kwargs["row_labels"])


def test_what_says_much_of_few_images_is_active(dataset, params_of, tmp_path):
    """And not what says a little of all, though its mean is larger."""
    rows = dataset.test_indices
    brightness = np.sort(dataset.decode(rows).mean(axis=(1, 2, 3)))
    num_bright = max(2, len(rows) // 50)
    model = SparseModel(bright=float(brightness[-num_bright - 1]))
    data = data_of(model, dataset, params_of, tmp_path)
    assert data.latent_scores[SELDOM] < data.latent_scores[IDLE]
    assert data.active_latents.tolist() == [SELDOM]
    latents, (label,) = data.ranked_latents(10)
    assert latents.tolist() == [SELDOM]
    assert label == f"z{SELDOM} KL {data.latent_scores[SELDOM]:.2f} nats"


def test_of_idle_latents_alone_one_is_drawn(dataset, params_of, tmp_path):
    data = data_of(SparseModel(), dataset, params_of, tmp_path)
    assert not len(data.active_latents)
    assert len(data.ranked_latents(10)[0]) == 1


def test_interpolation_shows_gates_that_differ(spike_model, dataset, draw, calls):
    draw(spike_model, dataset)
    _, kwargs = calls["plot_interpolation"][0]
    differ = [int(label.rpartition(" ")[2]) for label in kwargs["row_labels"]]
    assert differ
    assert min(differ) > 0
