"""KL(q(z|x) || p(z)), latent by latent."""

from typing import Any

import numpy as np

from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._needs import needs
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.models import EncodesImages, HasKL

ACTIVE_KL = 0.01


def kl(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Means over images of the KL, its terms and latents, in nats.

    `active_latents` counts latents and variables whose mean KL is above 0.01 nats.
    """
    per_latent = mean_kl(context, options)
    total = np.sum(list(per_latent.values()), axis=0)
    return {
        "kl": float(total.sum()),
        "kl_terms": {name: float(term.sum()) for name, term in per_latent.items()},
        "kl_per_latent": {"total": total.tolist()}
        | {name: term.tolist() for name, term in per_latent.items()},
        "active_latents": int(np.count_nonzero(total > ACTIVE_KL)),
    }


def mean_kl(context: Context, options: EvaluationOptions) -> dict[str, np.ndarray]:
    """Means over the test images of each term `[latent_dim + variables]`, float64."""
    rows = context.once(draw_rows, options).test
    terms = kl_terms(context, rows)
    return {name: term.mean(axis=0) for name, term in terms.items()}


def kl_terms(context: Context, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Terms of the KL of each image `[n, latent_dim + variables]`, float64."""
    needs(context.model, HasKL)
    terms = context.encode(rows).kl or {}
    return {name: term.astype(np.float64) for name, term in terms.items()}


KL = Score("kl", (EncodesImages, HasKL), kl)
