"""Scores, one per file: of a model, and of codes whose ground truth is known."""

from vsc_jax.evaluation.scores._base import Score as Score
from vsc_jax.evaluation.scores._class_kl import ACTIVE_CLASS_KL as ACTIVE_CLASS_KL
from vsc_jax.evaluation.scores._class_kl import class_factors_of as class_factors_of
from vsc_jax.evaluation.scores._ground_truth import CHEAP_SCORES as CHEAP_SCORES
from vsc_jax.evaluation.scores._ground_truth import SCORES as SCORES
from vsc_jax.evaluation.scores._ground_truth import WITHOUT_FACTORS as WITHOUT_FACTORS
from vsc_jax.evaluation.scores._ground_truth import LabelledCodes as LabelledCodes
from vsc_jax.evaluation.scores._kl import ACTIVE_KL as ACTIVE_KL
from vsc_jax.evaluation.scores._list import MODEL_SCORES as MODEL_SCORES

__all__ = [
    "ACTIVE_CLASS_KL",
    "ACTIVE_KL",
    "CHEAP_SCORES",
    "MODEL_SCORES",
    "SCORES",
    "WITHOUT_FACTORS",
    "LabelledCodes",
    "Score",
    "class_factors_of",
]
