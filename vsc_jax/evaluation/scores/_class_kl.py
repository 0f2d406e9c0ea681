"""Which classes use the latents that they have for themselves."""

from typing import Any

import numpy as np

from vsc_jax import metrics
from vsc_jax.evaluation._class_latents import own_latents
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._kl import kl_terms
from vsc_jax.evaluation.scores._labels import labels_of
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import DecodesClasses, EncodesImages, HasKL

# Our own choice, as in `vsc_jax.metrics.class_factors`.
ACTIVE_CLASS_KL = 0.1


def class_kl(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """`vsc_jax.metrics.class_factors` of the test images, in nats.

    `own_kl`: a list per class, of the mean KL of each of its own latents over images of
    it, None without any. `detected`: those of 0.1 nats or more, with the name of the
    class, the place of the latent in its block, and the KL; `num_detected` counts them
    and `num_classes_with_factors` their classes. `mean_own_kl` and `mean_off_kl`: of
    the block of the own class, and mean of the others. A model that has posteriors of
    its most probable class alone, and the prior for the others, has 0 in an image whose
    label it misses.
    """
    rows = context.once(draw_rows, options).test
    found = class_factors_of(context, rows)
    names = context.dataset.label_names
    detected = [
        {"class": names[k] if names else str(k), "latent": d, "kl": kl}
        for k, d, kl in found["detected"]
    ]
    own = found["own_kl"]
    return {
        "own_kl": [None if np.isnan(row).any() else row.tolist() for row in own],
        "detected": detected,
        "num_detected": len(detected),
        "num_classes_with_factors": len({k for k, *_ in found["detected"]}),
        "mean_own_kl": found["mean_own_kl"],
        "mean_off_kl": found["mean_off_kl"],
    }


def class_factors_of(context: Context, rows: np.ndarray) -> dict[str, Any]:
    """`vsc_jax.metrics.class_factors` of rows `[n]` of the data set.

    Raises:
      NotApplicable: if no class has latents for itself, or there are no labels.
    """
    labels = labels_of(context.dataset)[rows]
    own = own_latents(context.model)
    if not own.size:
        raise NotApplicable("all latents of this model are shared by the classes")
    kl = np.sum(list(kl_terms(context, rows).values()), axis=0)
    return metrics.class_factors(kl[:, own], labels, active_kl=ACTIVE_CLASS_KL)


CLASS_KL = Score(
    "class_kl", (EncodesImages, DecodesClasses, HasKL), class_kl, group="class_kl"
)
