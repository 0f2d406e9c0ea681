"""Priors by name and options."""

import dataclasses
import json

import pytest

from vsc_jax.priors import (
    PRIORS,
    GaussianMixturePrior,
    LearnedGaussianPrior,
    create_prior,
)


def test_names():
    assert list(PRIORS) == [
        "standard_normal",
        "gaussian",
        "learned_gaussian",
        "student_t",
        "gaussian_mixture",
        "sparse",
    ]


@pytest.mark.parametrize("name", PRIORS)
def test_every_name_makes_its_class_and_survives_json(name):
    prior = create_prior(name)
    assert isinstance(prior, PRIORS[name])
    options = json.loads(json.dumps(dataclasses.asdict(prior)))
    again = create_prior(name, **options)
    assert again == prior and hash(again) == hash(prior)


def test_nested_lists_become_tuples():
    prior = create_prior(
        "gaussian_mixture", means=[[0, 1], [2, 3]], component_weights=[1, 2]
    )
    assert prior == GaussianMixturePrior(
        means=((0, 1), (2, 3)), component_weights=(1, 2)
    )
    assert hash(prior) is not None
    learned = create_prior("learned_gaussian", initial=[3.0, 1.0])
    assert learned == LearnedGaussianPrior(initial=(3.0, 1.0))


def test_unknown_names_and_options_are_refused():
    with pytest.raises(ValueError, match=r"one of standard_normal, .* got 'cauchy'"):
        create_prior("cauchy")
    message = r"prior 'student_t' has no option 'nu'; its options are df"
    with pytest.raises(TypeError, match=message):
        create_prior("student_t", nu=3.0)
    with pytest.raises(TypeError, match=r"it has no options"):
        create_prior("standard_normal", variance=1.0)
    with pytest.raises(ValueError, match=r"df must be above 0"):
        create_prior("student_t", df=-1.0)


def test_options_without_a_name_are_refused():
    message = r"takes the options of a prior by name, got \{'df': 5.0\}; write"
    with pytest.raises(TypeError, match=message):
        create_prior("student_t", {"df": 5.0})
    with pytest.raises(
        ValueError, match=r"prior must be one of .*, got \['gaussian'\]"
    ):
        create_prior(["gaussian"])
    with pytest.raises(ValueError, match="variances must be above 0, got '2'"):
        create_prior("gaussian", variances="2")
