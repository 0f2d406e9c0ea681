"""What lacks the score's needs is NotApplicable; a wrong call is not."""

import inspect

import numpy as np
import pytest

from vsc_jax import metrics
from vsc_jax.metrics import NotApplicable

FACTORS = np.stack(np.divmod(np.arange(60) % 12, 4), axis=1)
CONSTANT = np.zeros((60, 2), np.int64)
CATEGORIES = FACTORS[:, :1]
LOG_VAR = np.full(FACTORS.shape, -4.0)

# Every score that takes factors is tested with none that vary; a score is found here
# as soon as `vsc_jax.metrics` exports it.
OF_FACTORS = sorted(
    name
    for name, function in inspect.getmembers(metrics, inspect.isfunction)
    if "factors" in inspect.signature(function).parameters
)


def _score(name, codes, factors, **options):
    second = (LOG_VAR,) if name == "jemmig" else ()
    return getattr(metrics, name)(codes, *second, factors, **options)


@pytest.mark.parametrize("name", OF_FACTORS)
def test_constant_factors_are_a_reason_not_an_error(name):
    with pytest.raises(NotApplicable, match="factors must have"):
        _score(name, FACTORS, CONSTANT)


@pytest.mark.parametrize("name", OF_FACTORS)
def test_mistakes_are_not_excused(name):
    for codes, factors in (
        (FACTORS[:30], FACTORS),
        (np.full(FACTORS.shape, np.nan), FACTORS),
        (FACTORS[:, 0], FACTORS),
    ):
        with pytest.raises(ValueError) as caught:
            _score(name, codes, factors)
        assert not isinstance(caught.value, NotApplicable), caught.value


@pytest.mark.parametrize("name", ["irs", "jemmig", "mcc"])
def test_categories_where_the_score_takes_none(name):
    with pytest.raises(NotApplicable, match=f"{name} takes no categories"):
        _score(name, FACTORS, FACTORS, categories=CATEGORIES)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda: metrics.jemmig(FACTORS, None, FACTORS), "needs the log-variance"),
        (lambda: metrics.udr([FACTORS]), "at least 2 models"),
        (lambda: metrics.unsupervised_scores([[1.0]]), "at least 2 rows"),
        (lambda: metrics.sap([[1.0]], [[1]]), "at least 2 rows"),
        (
            lambda: metrics.few_label_probe(FACTORS, [7] * 60, FACTORS, [7] * 60),
            "drawn are all 7",
        ),
        (
            lambda: metrics.downstream(FACTORS, FACTORS, num_labels=(1_000,)),
            "at most 40",
        ),
    ],
)
def test_other_reasons(call, reason):
    with pytest.raises(NotApplicable, match=reason):
        call()
