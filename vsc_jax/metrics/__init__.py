"""Scores of codes: arrays in, floats out; no metric ever sees a network."""

from vsc_jax.metrics._absolute_correlation import (
    CorrelationMap as CorrelationMap,
)
from vsc_jax.metrics._absolute_correlation import (
    absolute_correlation as absolute_correlation,
)
from vsc_jax.metrics._beta_vae_score import beta_vae_score as beta_vae_score
from vsc_jax.metrics._box_iou import box_iou as box_iou
from vsc_jax.metrics._centres_on_objects import (
    centres_on_objects as centres_on_objects,
)
from vsc_jax.metrics._class_factors import class_factors as class_factors
from vsc_jax.metrics._dci import dci as dci
from vsc_jax.metrics._downstream import downstream as downstream
from vsc_jax.metrics._factor_vae_score import factor_vae_score as factor_vae_score
from vsc_jax.metrics._few_label_probe import few_label_probe as few_label_probe
from vsc_jax.metrics._hoyer import hoyer as hoyer
from vsc_jax.metrics._info_mec import info_mec as info_mec
from vsc_jax.metrics._irs import irs as irs
from vsc_jax.metrics._jemmig import jemmig as jemmig
from vsc_jax.metrics._mask_ari import mask_ari as mask_ari
from vsc_jax.metrics._mcc import mcc as mcc
from vsc_jax.metrics._med import med as med
from vsc_jax.metrics._mig import dcimig as dcimig
from vsc_jax.metrics._mig import mig as mig
from vsc_jax.metrics._mig import mig_sup as mig_sup
from vsc_jax.metrics._model_centrality import (
    generated_factor_score as generated_factor_score,
)
from vsc_jax.metrics._model_centrality import model_centrality as model_centrality
from vsc_jax.metrics._modularity_explicitness import (
    explicitness as explicitness,
)
from vsc_jax.metrics._modularity_explicitness import modularity as modularity
from vsc_jax.metrics._neighbour_probe import neighbour_probe as neighbour_probe
from vsc_jax.metrics._not_applicable import NotApplicable as NotApplicable
from vsc_jax.metrics._object_count import count_accuracy as count_accuracy
from vsc_jax.metrics._sap import sap as sap
from vsc_jax.metrics._sparsity import jaccard_diversity as jaccard_diversity
from vsc_jax.metrics._sparsity import sparsity as sparsity
from vsc_jax.metrics._udr import udr as udr
from vsc_jax.metrics._unsupervised_accuracy import (
    unsupervised_accuracy as unsupervised_accuracy,
)
from vsc_jax.metrics._unsupervised_scores import (
    unsupervised_scores as unsupervised_scores,
)

__all__ = [
    "CorrelationMap",
    "NotApplicable",
    "absolute_correlation",
    "beta_vae_score",
    "box_iou",
    "centres_on_objects",
    "class_factors",
    "count_accuracy",
    "dci",
    "dcimig",
    "downstream",
    "explicitness",
    "factor_vae_score",
    "few_label_probe",
    "generated_factor_score",
    "hoyer",
    "info_mec",
    "irs",
    "jaccard_diversity",
    "jemmig",
    "mask_ari",
    "mcc",
    "med",
    "mig",
    "mig_sup",
    "model_centrality",
    "modularity",
    "neighbour_probe",
    "sap",
    "sparsity",
    "udr",
    "unsupervised_accuracy",
    "unsupervised_scores",
]
