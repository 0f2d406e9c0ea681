"""What lacks the score's needs is NotApplicable; a wrong call is not."""

import inspect

import numpy as np
import pytest
from score_calls import SCORES, call, taking

from vsc_jax import metrics
from vsc_jax.metrics import NotApplicable

FACTORS = np.stack(np.divmod(np.arange(60) % 12, 4), axis=1)
OF_FACTORS = taking(["factors"])
# Scores say of an argument that they never take "refused".
WITHOUT_CATEGORIES = [
    name
    for name in taking(["categories"])
    if "categories: refused" in inspect.getdoc(SCORES[name])
]


@pytest.mark.parametrize("name", OF_FACTORS)
def test_constant_factors_are_a_reason_not_an_error(name):
    with pytest.raises(NotApplicable, match="factors must have"):
        call(name, FACTORS, np.zeros_like(FACTORS))


@pytest.mark.parametrize("name", OF_FACTORS)
def test_mistakes_are_not_excused(name):
    for codes, factors in (
        (FACTORS[:30], FACTORS),
        (np.full(FACTORS.shape, np.nan), FACTORS),
        (FACTORS[:, 0], FACTORS),
    ):
        with pytest.raises(ValueError) as caught:
            call(name, codes, factors)
        assert not isinstance(caught.value, NotApplicable), caught.value


@pytest.mark.parametrize("name", WITHOUT_CATEGORIES)
def test_categories_where_the_score_takes_none(name):
    with pytest.raises(NotApplicable, match=f"{name} takes no categories"):
        call(name, FACTORS, FACTORS, categories=FACTORS[:, :1])


@pytest.mark.parametrize("name", sorted(set(OF_FACTORS) - set(WITHOUT_CATEGORIES)))
def test_categories_where_the_score_takes_them(name):
    assert "categories" in inspect.signature(SCORES[name]).parameters
    assert call(name, FACTORS, FACTORS, categories=FACTORS[:, :1])


@pytest.mark.parametrize(
    ("score", "reason"),
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
def test_other_reasons(score, reason):
    with pytest.raises(NotApplicable, match=reason):
        score()
