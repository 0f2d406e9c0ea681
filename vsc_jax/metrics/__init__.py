"""Scores of codes: arrays in, floats out; no metric ever sees a network."""

from vsc_jax.metrics._absolute_correlation import (
    CorrelationMap as CorrelationMap,
)
from vsc_jax.metrics._absolute_correlation import (
    absolute_correlation as absolute_correlation,
)
from vsc_jax.metrics._factor_vae_score import factor_vae_score as factor_vae_score
from vsc_jax.metrics._few_label_probe import few_label_probe as few_label_probe
from vsc_jax.metrics._hoyer import hoyer as hoyer
from vsc_jax.metrics._sparsity import jaccard_diversity as jaccard_diversity
from vsc_jax.metrics._sparsity import sparsity as sparsity
from vsc_jax.metrics._unsupervised_accuracy import (
    unsupervised_accuracy as unsupervised_accuracy,
)
