"""KL(q(z|x) || p(z)), latent by latent."""

from typing import Any

import numpy as np

from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._needs import needs
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.models import EncodesImages, HasKL

# Of Duan et al., https://arxiv.org/abs/1905.12614, for UDR.
ACTIVE_KL = 0.01
# Our own choice.
MAIN_SHARE = 0.95


def kl(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Means over images of the KL, its terms and latents, in nats.

    `active_latents` counts latents and variables whose mean KL is above 0.01 nats, the
    threshold of Duan et al. for latents that say anything at all; most of the KL can be
    in far fewer. `main_latents` is the smallest number of them that have 95 % of the
    KL, our own choice of a count of those that matter.
    """
    per_latent = mean_kl(context, options)
    total = np.sum(list(per_latent.values()), axis=0)
    return {
        "kl": float(total.sum()),
        "kl_terms": {name: float(term.sum()) for name, term in per_latent.items()},
        "kl_per_latent": {"total": total.tolist()}
        | {name: term.tolist() for name, term in per_latent.items()},
        "active_latents": int(np.count_nonzero(total > ACTIVE_KL)),
        "main_latents": num_main(total),
    }


def num_main(kl_per_latent: np.ndarray) -> int:
    """The smallest number of latents that have 95 % of the KL; 0 if there is none."""
    largest_first = np.sort(np.maximum(kl_per_latent, 0.0))[::-1]
    sums = np.cumsum(largest_first)
    return int(np.count_nonzero(sums < MAIN_SHARE * sums[-1])) + int(sums[-1] > 0.0)


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
