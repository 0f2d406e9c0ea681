"""Scores of a trained model, and the codes that its figures show."""

from vsc_jax.evaluation._batches import map_batches as map_batches
from vsc_jax.evaluation._class_latents import own_latents as own_latents
from vsc_jax.evaluation._class_latents import shared_latents as shared_latents
from vsc_jax.evaluation._code_changes import conditional_codes as conditional_codes
from vsc_jax.evaluation._code_changes import every_category as every_category
from vsc_jax.evaluation._code_changes import interpolation_codes as interpolation_codes
from vsc_jax.evaluation._code_changes import (
    interpretation_codes as interpretation_codes,
)
from vsc_jax.evaluation._code_changes import switch_categories as switch_categories
from vsc_jax.evaluation._codes import encoder_codes as encoder_codes
from vsc_jax.evaluation._codes import labelled_codes as labelled_codes
from vsc_jax.evaluation._context import Context as Context
from vsc_jax.evaluation._density import aggregate_density as aggregate_density
from vsc_jax.evaluation._encoded import Encoded as Encoded
from vsc_jax.evaluation._encoded import join_code as join_code
from vsc_jax.evaluation._evaluate import check_evaluation as check_evaluation
from vsc_jax.evaluation._evaluate import evaluate as evaluate
from vsc_jax.evaluation._evaluate import score_scalars as score_scalars
from vsc_jax.evaluation._inferred_latents import inferred_latents as inferred_latents
from vsc_jax.evaluation._layer_probe import read_off_layers as read_off_layers
from vsc_jax.evaluation._layers import layer_kl_maps as layer_kl_maps
from vsc_jax.evaluation._metric_scores import compute_scores as compute_scores
from vsc_jax.evaluation._metric_scores import mean_scores as mean_scores
from vsc_jax.evaluation._metric_scores import metric_scores as metric_scores
from vsc_jax.evaluation._metric_scores import metric_values as metric_values
from vsc_jax.evaluation._needs import MISSING_CAPABILITIES as MISSING_CAPABILITIES
from vsc_jax.evaluation._needs import has as has
from vsc_jax.evaluation._needs import needs as needs
from vsc_jax.evaluation._options import EvaluationOptions as EvaluationOptions
from vsc_jax.evaluation._ranking import class_means as class_means
from vsc_jax.evaluation._ranking import rank_latents as rank_latents
from vsc_jax.evaluation._rows import draw_rows as draw_rows
from vsc_jax.evaluation._traversals import (
    author_traversal_codes as author_traversal_codes,
)
from vsc_jax.evaluation._traversals import traversal_codes as traversal_codes
from vsc_jax.evaluation._traversals import traversal_values as traversal_values
from vsc_jax.evaluation.scores import ACTIVE_CLASS_KL as ACTIVE_CLASS_KL
from vsc_jax.evaluation.scores import ACTIVE_KL as ACTIVE_KL
from vsc_jax.evaluation.scores import CHEAP_SCORES as CHEAP_SCORES
from vsc_jax.evaluation.scores import MODEL_SCORES as MODEL_SCORES
from vsc_jax.evaluation.scores import SCORES as SCORES
from vsc_jax.evaluation.scores import WITHOUT_FACTORS as WITHOUT_FACTORS
from vsc_jax.evaluation.scores import LabelledCodes as LabelledCodes
from vsc_jax.evaluation.scores import Score as Score
from vsc_jax.evaluation.scores import class_factors_of as class_factors_of

__all__ = [
    "ACTIVE_CLASS_KL",
    "ACTIVE_KL",
    "CHEAP_SCORES",
    "MISSING_CAPABILITIES",
    "MODEL_SCORES",
    "SCORES",
    "WITHOUT_FACTORS",
    "Context",
    "Encoded",
    "EvaluationOptions",
    "LabelledCodes",
    "Score",
    "aggregate_density",
    "author_traversal_codes",
    "check_evaluation",
    "class_factors_of",
    "class_means",
    "compute_scores",
    "conditional_codes",
    "draw_rows",
    "encoder_codes",
    "evaluate",
    "every_category",
    "has",
    "inferred_latents",
    "interpolation_codes",
    "interpretation_codes",
    "join_code",
    "labelled_codes",
    "layer_kl_maps",
    "map_batches",
    "mean_scores",
    "metric_scores",
    "metric_values",
    "needs",
    "own_latents",
    "rank_latents",
    "read_off_layers",
    "score_scalars",
    "shared_latents",
    "switch_categories",
    "traversal_codes",
    "traversal_values",
]
