"""Fixtures of a linear model with known scores."""

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
