"""Every score of a model, in the order in which they are computed and shown."""

from vsc_jax.evaluation.scores._aggregate_posterior import (
    MARGINAL_KL,
    MUTUAL_INFORMATION,
    OVERLAP,
)
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._class_kl import CLASS_KL
from vsc_jax.evaluation.scores._class_leak import CLASS_LEAK
from vsc_jax.evaluation.scores._class_mmd import CLASS_MMD
from vsc_jax.evaluation.scores._classification import CLASSIFICATION
from vsc_jax.evaluation.scores._distance_to_prior import DISTANCE_TO_PRIOR
from vsc_jax.evaluation.scores._elbo import ELBO, IWAE
from vsc_jax.evaluation.scores._factor_vae_score import (
    FACTOR_VAE_SCORE,
    FACTOR_VAE_SCORE_LOCATELLO,
    NORMAL_CODES,
)
from vsc_jax.evaluation.scores._kl import KL
from vsc_jax.evaluation.scores._kl_decomposition import KL_DECOMPOSITION
from vsc_jax.evaluation.scores._layers import LAYER_DEPENDENCE, LAYER_PROBE, LAYERS
from vsc_jax.evaluation.scores._loss import LOSS
from vsc_jax.evaluation.scores._objects import OBJECT_SCORES
from vsc_jax.evaluation.scores._probe import PROBE
from vsc_jax.evaluation.scores._sample_agreement import SAMPLE_AGREEMENT
from vsc_jax.evaluation.scores._sparsity import EFFECTIVE_NUMBER, SPARSITY
from vsc_jax.evaluation.scores._squared_error import SQUARED_ERROR
from vsc_jax.evaluation.scores._unsupervised_accuracy import UNSUPERVISED_ACCURACY

MODEL_SCORES: tuple[Score, ...] = (
    LOSS,
    SQUARED_ERROR,
    ELBO,
    IWAE,
    KL,
    KL_DECOMPOSITION,
    SPARSITY,
    EFFECTIVE_NUMBER,
    PROBE,
    CLASSIFICATION,
    LAYERS,
    LAYER_DEPENDENCE,
    LAYER_PROBE,
    CLASS_LEAK,
    CLASS_KL,
    SAMPLE_AGREEMENT,
    *OBJECT_SCORES,
    FACTOR_VAE_SCORE,
    FACTOR_VAE_SCORE_LOCATELLO,
    UNSUPERVISED_ACCURACY,
    NORMAL_CODES,
    OVERLAP,
    MUTUAL_INFORMATION,
    MARGINAL_KL,
    DISTANCE_TO_PRIOR,
    CLASS_MMD,
)
