"""The scores of `vsc_jax.metrics` of codes, by name: all but one need factors."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from vsc_jax import metrics

NO_FACTORS = "this data set has no ground-truth factors"


class LabelledCodes(NamedTuple):
    """Codes of images with their ground truth, one row per image.

    Attributes:
      codes: `[n, latent_dim]`, means of the Gaussian latents.
      factors: int32 `[n, num_factors]`; None where the ground truth is not known.
      categories: int32 `[n, num_variables]`; None without categorical variables.
      log_var: `[n, latent_dim]`; None where q(z|x) is no Gaussian of mean `codes`:
        deterministic codes, or latents that can be exactly zero.
    """

    codes: np.ndarray
    factors: np.ndarray | None
    categories: np.ndarray | None = None
    log_var: np.ndarray | None = None


CodeScore = Callable[[LabelledCodes, LabelledCodes, int], dict[str, Any]]


def factors_of(codes: LabelledCodes) -> np.ndarray:
    """The factors.

    Raises:
      NotApplicable: if there are none.
    """
    if codes.factors is None:
        raise metrics.NotApplicable(NO_FACTORS)
    return codes.factors


def _with_test(function: Callable[..., dict[str, Any]], **options) -> CodeScore:
    """A score that learns on one part and is taken on the other."""

    def score(train: LabelledCodes, test: LabelledCodes, seed: int) -> dict[str, Any]:
        return function(
            train.codes,
            factors_of(train),
            test.codes,
            factors_of(test),
            categories=train.categories,
            categories_test=test.categories,
            seed=seed,
            **options,
        )

    return score


def _of_all(function: Callable[..., dict[str, Any]], **options) -> CodeScore:
    """A score of one set of codes, which takes a seed if it draws something."""
    seeded = "seed" in inspect.signature(function).parameters

    def score(train: LabelledCodes, _: LabelledCodes, seed: int) -> dict[str, Any]:
        given = {"seed": seed} if seeded else {}
        return function(
            train.codes,
            factors_of(train),
            categories=train.categories,
            **given,
            **options,
        )

    return score


def _unsupervised(train: LabelledCodes, _: LabelledCodes, seed: int) -> dict[str, Any]:
    return metrics.unsupervised_scores(train.codes, categories=train.categories)


def _jemmig(train: LabelledCodes, _: LabelledCodes, seed: int) -> dict[str, Any]:
    factors = factors_of(train)
    if train.log_var is None:
        raise metrics.NotApplicable(
            "jemmig needs the log-variance of Gaussian posteriors, got None: these "
            "codes are deterministic or have a spike at zero."
        )
    return metrics.jemmig(
        train.codes, train.log_var, factors, categories=train.categories
    )


# Name on the command line -> the score, and the entry of its result that is its value.
SCORES: dict[str, tuple[CodeScore, str]] = {
    "beta_vae_score": (_of_all(metrics.beta_vae_score), "beta_vae_score"),
    "dci": (_with_test(metrics.dci), "disentanglement"),
    "dcimig": (_of_all(metrics.dcimig), "dcimig"),
    "downstream": (_with_test(metrics.downstream), "downstream"),
    "explicitness": (_with_test(metrics.explicitness), "explicitness"),
    "factor_vae_score": (
        _of_all(metrics.factor_vae_score, protocol="locatello"),
        "factor_vae_score",
    ),
    "info_mec": (_of_all(metrics.info_mec), "info_m"),
    "irs": (_of_all(metrics.irs), "irs"),
    "jemmig": (_jemmig, "jemmig"),
    "mcc": (_of_all(metrics.mcc), "mcc"),
    "med": (_with_test(metrics.med), "med"),
    "mig": (_of_all(metrics.mig), "mig"),
    "mig_sup": (_of_all(metrics.mig_sup), "mig_sup"),
    "modularity": (_of_all(metrics.modularity), "modularity"),
    "sap": (_with_test(metrics.sap), "sap"),
    "unsupervised_scores": (_unsupervised, "gaussian_total_correlation"),
}
# Those that take codes alone.
WITHOUT_FACTORS = ("unsupervised_scores",)
# Less than a second each for 10,000 codes of 10 latents.
CHEAP_SCORES = ("mig", "modularity", "mcc", "unsupervised_scores")
