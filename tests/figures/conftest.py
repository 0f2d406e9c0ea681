"""Fixtures of a linear model, and of what would be drawn of it."""

import functools
from pathlib import Path

import jax
import pytest
from linear_model import LinearModel, MixedLinearModel, make_dataset


@pytest.fixture
def dataset():
    return make_dataset()


@pytest.fixture
def model():
    return LinearModel()


@pytest.fixture
def params(model):
    return model.init(jax.random.key(0))


@pytest.fixture
def mixed_model():
    return MixedLinearModel()


@pytest.fixture
def mixed_params(mixed_model):
    return mixed_model.init(jax.random.key(0))


@pytest.fixture
def colour_model():
    return LinearModel((8, 8, 3))


@pytest.fixture
def colour_dataset():
    return make_dataset(40, (8, 8, 3), labels=False)


@pytest.fixture
def calls(monkeypatch):
    """Name of a plot function -> its calls, in place of drawing."""
    recorded = {}

    def record(name, *args, **kwargs):
        recorded.setdefault(name, []).append((args, kwargs))
        return next(arg for arg in args if isinstance(arg, Path))

    for module in FIGURE_MODULES:
        for name in dir(module):
            if name.startswith(("plot_", "save_")):
                monkeypatch.setattr(module, name, functools.partial(record, name))
    return recorded
