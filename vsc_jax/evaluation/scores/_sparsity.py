"""How many latents an image uses."""

from typing import Any

from vsc_jax import metrics
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._inferred_latents import without_noise
from vsc_jax.evaluation._needs import has
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._kl import mean_kl
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import BoundsLikelihood, EncodesImages, HasKL

EFFECTIVE = "effective_number"
GATE_KL = "spike_kl"


def sparsity(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """`vsc_jax.metrics.sparsity` of the Gaussian latents, all but one number."""
    scores = context.once(_sparsity, options)
    return {name: value for name, value in scores.items() if name != EFFECTIVE}


def effective_number(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """The number of always-on latents that cost as much as these gates.

    Where the prior of the gates depends on the image, the KL to it says nothing about
    `prior_slab_prob`; such a model defines no bound on log p(x).
    """
    if not _has_gates(context, options):
        raise NotApplicable("the codes of this model have no gates with a prior")
    if not has(context.model, BoundsLikelihood):
        raise NotApplicable("the gates of this model have no fixed prior")
    return {EFFECTIVE: context.once(_sparsity, options)[EFFECTIVE]}


def _has_gates(context: Context, options: EvaluationOptions) -> bool:
    weighted = "prior_slab_prob" in context.weights and has(context.model, HasKL)
    return weighted and GATE_KL in mean_kl(context, options)


def _sparsity(context: Context, options: EvaluationOptions) -> dict[str, float]:
    encoded = context.encode(context.once(draw_rows, options).test)
    encoded = without_noise(context.model, encoded)
    gates: dict[str, float] = {}
    if _has_gates(context, options) and has(context.model, BoundsLikelihood):
        gates = {
            "prior_slab_prob": float(context.weights["prior_slab_prob"]),
            GATE_KL: float(mean_kl(context, options)[GATE_KL].sum()),
        }
    return metrics.sparsity(encoded.slab_prob, encoded.expected_latents, **gates)


SPARSITY = Score("sparsity", (EncodesImages,), sparsity, group="sparsity")
EFFECTIVE_NUMBER = Score(
    EFFECTIVE, (EncodesImages,), effective_number, group="sparsity"
)
