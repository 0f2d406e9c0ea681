"""Accuracy of categorical variables as classes."""

from typing import Any

from vsc_jax import metrics
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._factor_vae_score import asked, factor_codes
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import EncodesImages, HasCategories


def unsupervised_accuracy(
    context: Context, options: EvaluationOptions
) -> dict[str, Any]:
    """`vsc_jax.metrics.unsupervised_accuracy` of each variable "d0", "d1", ...

    Against the category factor of the data set, whose name is under `factor`. A
    variable that the weights of this step switch off, so that its KL is 0, is left out.
    """
    name = context.dataset.category_factor
    if name is None:
        raise NotApplicable("this data set has no factor for categories")
    codes = context.once(factor_codes, options)
    truth = codes.factors[:, context.dataset.factor_names.index(name)]
    scores = {
        f"d{i}": {"factor": name, **metrics.unsupervised_accuracy(column, truth)}
        for i, column in enumerate(codes.encoded.categories.T)
        if codes.kl_per_latent is None
        or codes.kl_per_latent[context.model.latent_dim + i] > 0.0
    }
    if not scores:
        raise NotApplicable("no categorical variable is in use at this step")
    return {**codes.results, "unsupervised_accuracy": scores}


UNSUPERVISED_ACCURACY = Score(
    "unsupervised_accuracy",
    (EncodesImages, HasCategories),
    unsupervised_accuracy,
    group="disentanglement",
    asked=asked,
)
