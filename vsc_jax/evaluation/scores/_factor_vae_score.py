"""The FactorVAE score of codes, as they are and made normal."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax import metrics
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._encoded import Encoded
from vsc_jax.evaluation._inferred_latents import without_noise
from vsc_jax.evaluation._needs import has
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_images
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._ground_truth import NO_FACTORS
from vsc_jax.evaluation.scores._kl import kl_terms
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import EncodesImages, HasCategories, HasKL

PROTOCOLS = ("cascade", "locatello")


@runtime_checkable
class TransportsToNormal(Protocol):
    """A prior that can be transported to a standard normal distribution."""

    def to_normal(self, z: np.ndarray) -> ArrayLike:
        """Codes `[n, latent_dim]` of the prior as codes of a standard normal."""
        ...


class FactorCodes(NamedTuple):
    """Codes of images with their factors.

    Attributes:
      encoded: of each image.
      factors: int32 `[n, num_factors]`.
      kl_per_latent: mean KL of each latent, then of each categorical variable,
        float64; None for a model that has no KL.
    """

    encoded: Encoded
    factors: np.ndarray
    kl_per_latent: np.ndarray | None

    @property
    def results(self) -> dict[str, Any]:
        """What every score of these codes states."""
        kl = self.kl_per_latent
        known = {} if kl is None else {"kl_per_latent": kl.tolist()}
        return {"num_images": len(self.factors), **known}


def factor_codes(context: Context, options: EvaluationOptions) -> FactorCodes:
    """Images of both splits, for the published scores are of all images.

    10,000 random ones of all dSprites moved the score of rotated factors by at most
    0.02.

    Raises:
      NotApplicable: if the data set has no factors.
    """
    if context.dataset.factors is None:
        raise NotApplicable(NO_FACTORS)
    rows = draw_images(context, options.disentanglement_images)
    encoded, kl = without_noise(context.model, context.encode(rows)), None
    if has(context.model, HasKL):
        kl = np.sum([term.mean(0) for term in kl_terms(context, rows).values()], axis=0)
    return FactorCodes(encoded, context.dataset.factors[rows], kl)


def factor_vae_score(
    context: Context, options: EvaluationOptions, *, protocol: str
) -> dict[str, Any]:
    """`vsc_jax.metrics.factor_vae_score` of the means E_q[z] and the categories."""
    _check_factors(context)
    codes = context.once(factor_codes, options)
    scores = _score(context, codes, codes.encoded.expected_latents, protocol)
    return {**codes.results, "factor_vae_score": {protocol: scores}}


def normal_codes(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """The same after the transport of the codes to a normal distribution.

    Both are published for Student-t priors.
    """
    prior = getattr(context.model, "prior", None)
    if not isinstance(prior, TransportsToNormal):
        raise NotApplicable(
            "the prior of this model has no transport to a normal distribution"
        )
    _check_factors(context)
    codes = context.once(factor_codes, options)
    normal = np.asarray(prior.to_normal(codes.encoded.expected_latents))
    scores = {name: _score(context, codes, normal, name) for name in PROTOCOLS}
    return {**codes.results, "factor_vae_score": scores}


def _score(
    context: Context, codes: FactorCodes, latents: np.ndarray, protocol: str
) -> dict[str, Any]:
    has_categories = has(context.model, HasCategories)
    scores = metrics.factor_vae_score(
        latents,
        codes.factors,
        categories=codes.encoded.categories if has_categories else None,
        kl_per_latent=codes.kl_per_latent,
        protocol=protocol,
        seed=context.seed,
    )
    names = context.dataset.factor_names
    return {**scores, "factors": [names[k] for k in scores["factors"]]}


def _check_factors(context: Context) -> None:
    """Raises NotApplicable unless two factors vary, before any image is encoded."""
    factors = context.dataset.factors
    if factors is None:
        raise NotApplicable(NO_FACTORS)
    # A factor can be fixed where two images or more share a value of it.
    counts = [np.unique(column, return_counts=True)[1] for column in factors.T]
    if sum(np.count_nonzero(count > 1) > 1 for count in counts) < 2:
        raise NotApplicable(
            "these images have fewer than two factors with two values or more"
        )


def asked(options: EvaluationOptions) -> bool:
    """Whether there are to be disentanglement scores."""
    return options.disentanglement_images > 0


def _of_protocol(protocol: str) -> Callable[..., dict[str, Any]]:
    return functools.partial(factor_vae_score, protocol=protocol)


FACTOR_VAE_SCORE = Score(
    "factor_vae_score",
    (EncodesImages,),
    _of_protocol("cascade"),
    group="disentanglement",
    asked=asked,
)
FACTOR_VAE_SCORE_LOCATELLO = FACTOR_VAE_SCORE._replace(
    name="factor_vae_score_locatello", compute=_of_protocol("locatello")
)
NORMAL_CODES = Score(
    "disentanglement_of_normal_codes",
    (EncodesImages,),
    normal_codes,
    group="disentanglement_of_normal_codes",
    asked=asked,
)
