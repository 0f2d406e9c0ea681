"""A linear classifier on the codes."""

from typing import Any

from vsc_jax import metrics
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._inferred_latents import inferred_latents
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._labels import labels_of
from vsc_jax.models import EncodesImages


def probe(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """`vsc_jax.metrics.few_label_probe` on posterior means."""
    latents = tuple(inferred_latents(context.model).tolist())
    return dict(context.once(linear_probe, options, latents))


def linear_probe(
    context: Context, options: EvaluationOptions, latents: tuple[int, ...]
) -> dict[str, float]:
    """The same on those of some latents."""
    labels = labels_of(context.dataset)
    rows = context.once(draw_rows, options)
    return metrics.few_label_probe(
        context.encode(rows.labelled).mean[:, latents],
        labels[rows.labelled],
        context.encode(rows.test).mean[:, latents],
        labels[rows.test],
        num_labels=options.num_labels,
        seed=context.seed,
    )


PROBE = Score(
    "probe",
    (EncodesImages,),
    probe,
    group="probe",
    asked=lambda options: options.num_labels > 0,
)
