"""Fixtures of linear models, and of what would be drawn of them."""

import functools
import sys
from pathlib import Path

import numpy as np
import pytest
from linear_model import (
    LinearAutoencoder,
    LinearModel,
    MixedLinearAutoencoder,
    MixedLinearModel,
    make_dataset,
)

from vsc_jax.evaluation import Context
from vsc_jax.figures import FIGURES, make_figures


@pytest.fixture
def dataset():
    return make_dataset()


@pytest.fixture
def unlabelled():
    return make_dataset(labels=False)


@pytest.fixture
def model():
    return LinearModel()


@pytest.fixture
def spike_model():
    return LinearModel(spike=True)


@pytest.fixture
def autoencoder():
    return LinearAutoencoder()


@pytest.fixture
def mixed_model():
    return MixedLinearModel()


@pytest.fixture
def mixed_autoencoder():
    return MixedLinearAutoencoder()


def initial_params(model):
    """As `model.init`, in NumPy: nothing is compiled."""
    size = int(np.prod(model.image_shape))
    columns = np.random.default_rng(0).normal(size=(size, model.code_dim))
    decoder = np.linalg.qr(columns)[0].astype(np.float32)
    return {"decoder": decoder, "bias": np.full(size, 0.5, np.float32)}


@pytest.fixture
def params_of():
    return initial_params


@pytest.fixture
def draw(tmp_path):
    """Draws the figures of a model into an empty folder."""

    def draw(model, dataset, *, seed=0, **options):
        context = Context(model, initial_params(model), dataset, seed=seed)
        return make_figures(context, tmp_path / "figures", **options)

    return draw


@pytest.fixture
def calls(monkeypatch):
    """Name of a plot function -> its calls, in place of drawing."""
    recorded = {}

    def record(name, *args, **kwargs):
        recorded.setdefault(name, []).append((args, kwargs))
        return next(arg for arg in args if isinstance(arg, Path))

    for module in {sys.modules[figure.draw.__module__] for figure in FIGURES}:
        for name in dir(module):
            if name.startswith(("plot_", "save_")):
                monkeypatch.setattr(module, name, functools.partial(record, name))
    return recorded
