"""Latents that say nothing of images are not drawn as if they did."""

import dataclasses

import pytest
from linear_model import LinearModel

from vsc_jax.figures import FIGURES, _make_figures

IDLE = 1


@dataclasses.dataclass(frozen=True)
class IdleModel(LinearModel):
    """One latent has the prior for a posterior: its draws are the largest of all."""

    def encode(self, params, x):
        posterior = super().encode(params, x)
        return posterior._replace(
            mean=posterior.mean.at[:, IDLE].set(0.0),
            log_var=posterior.log_var.at[:, IDLE].set(0.0),
        )


@pytest.mark.parametrize("name", ["traversals", "author_traversals", "interpretation"])
def test_an_idle_latent_is_not_moved(dataset, draw, calls, monkeypatch, name):
    chosen = [figure for figure in FIGURES if figure.name == name]
    monkeypatch.setattr(_make_figures, "FIGURES", chosen)
    figures = draw(IdleModel(), dataset)
    assert not figures.failed
    _, kwargs = calls[f"plot_{name}"][0]
    assert kwargs["row_labels"]
    assert not any(label.startswith(f"z{IDLE} ") for label in kwargs["row_labels"])


def test_interpolation_shows_gates_that_differ(spike_model, dataset, draw, calls):
    draw(spike_model, dataset)
    _, kwargs = calls["plot_interpolation"][0]
    differ = [int(label.rpartition(" ")[2]) for label in kwargs["row_labels"]]
    assert differ
    assert min(differ) > 0
