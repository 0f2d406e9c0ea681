"""Whether the latents that all classes share tell the class."""

from typing import Any

from vsc_jax import metrics
from vsc_jax.evaluation._class_latents import shared_latents
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._labels import labels_of
from vsc_jax.evaluation.scores._probe import linear_probe
from vsc_jax.models import EncodesImages


def class_leak(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Test accuracy of two classifiers on posterior means of the shared latents.

    `logistic_regression`: see `vsc_jax.metrics.few_label_probe`; `nearest_neighbours`:
    of the 5 nearest training codes, see `vsc_jax.metrics.neighbour_probe`. Both learn
    from `num_labels` random training images, at most those of the options, and are
    tested on the test images that other scores are of. `num_shared_latents` counts the
    latents; where the decoder is given no class that is all of them, so that a plain
    VAE is what a model of classes is compared with. `majority_accuracy` is that of
    always answering the most frequent label. The probes are our own choice.
    """
    labels = labels_of(context.dataset)
    rows = context.once(draw_rows, options)
    shared = shared_latents(context.model)
    linear = context.once(linear_probe, options, tuple(shared.tolist()))
    nearest = metrics.neighbour_probe(
        context.encode(rows.labelled).mean[:, shared],
        labels[rows.labelled],
        context.encode(rows.test).mean[:, shared],
        labels[rows.test],
    )
    return {
        "num_shared_latents": len(shared),
        "num_labels": linear["num_labels"],
        "logistic_regression": linear["accuracy"],
        "nearest_neighbours": nearest["accuracy"],
        "majority_accuracy": linear["majority_accuracy"],
    }


CLASS_LEAK = Score(
    "class_leak",
    (EncodesImages,),
    class_leak,
    group="class_leak",
    asked=lambda options: options.num_labels > 0,
)
