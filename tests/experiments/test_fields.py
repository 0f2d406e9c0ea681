"""Fields of configs alone, and the names that errors give to fields."""

import dataclasses

import pytest

from experiments._errors import UserError
from experiments._fields import (
    LEARNING_RATE,
    DataOptions,
    FigureOptions,
    config_values,
    named_fields,
    sample_model,
)
from vsc_jax.models import MODELS


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("latent_dim must be 1."), "model.latent_dim must be 1."),
        (TypeError("features  must\nbe 1."), "model.features must be 1."),
        (ValueError("kind must be 1."), "model.name must be 1."),
        (ValueError("seed must be 1."), "seed must be 1."),
        (ValueError("the latent_dim must be 1."), "the latent_dim must be 1."),
    ],
)
def test_an_error_gets_the_name_that_the_field_has_in_the_config(error, message):
    names = {"latent_dim": 3, "features": 4}
    with (
        pytest.raises(UserError) as caught,
        named_fields("model", names, kind="model.name"),
    ):
        raise error
    assert str(caught.value) == message


def test_other_errors_stay():
    with pytest.raises(OSError, match="gone"), named_fields("data", ["path"]):
        raise OSError("gone")


def test_a_none_is_an_empty_tuple_in_a_config():
    model = sample_model("vae")
    assert model.channels is None
    values = config_values(model)
    assert values["channels"] == ()
    assert values["hidden"] == model.hidden
    assert values.keys() == {field.name for field in dataclasses.fields(model)}


def test_there_is_a_sample_of_every_model():
    for name, kind in MODELS.items():
        assert type(sample_model(name)) is kind
    with pytest.raises(
        UserError, match=r"model.name must be one of autoencoder, .*vcs"
    ):
        sample_model("vcs")


def test_defaults_are_in_their_ranges():
    DataOptions()
    FigureOptions()
    assert LEARNING_RATE.default in LEARNING_RATE.range
    assert 0.0 not in LEARNING_RATE.range


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DataOptions(num_train=-1), "num_train must be a whole number of at"),
        (
            lambda: DataOptions(image_size=5000),
            "image_size must be .*at most 4096, got",
        ),
        (lambda: FigureOptions(traversal_delta=0.0), "traversal_delta must be above 0"),
    ],
)
def test_values_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
