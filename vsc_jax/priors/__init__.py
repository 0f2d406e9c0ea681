"""Priors: draws, log-densities and closed-form KLs, one value per latent."""

from vsc_jax.priors._base import LearnedPrior as LearnedPrior
from vsc_jax.priors._base import Prior as Prior
from vsc_jax.priors._create import PRIORS as PRIORS
from vsc_jax.priors._create import create_prior as create_prior
from vsc_jax.priors._gaussian import GaussianPrior as GaussianPrior
from vsc_jax.priors._gaussian import LearnedGaussianPrior as LearnedGaussianPrior
from vsc_jax.priors._gaussian import anisotropic_variances as anisotropic_variances
from vsc_jax.priors._gaussian_mixture import (
    GaussianMixturePrior as GaussianMixturePrior,
)
from vsc_jax.priors._kl import has_closed_form_kl as has_closed_form_kl
from vsc_jax.priors._kl import latent_kl as latent_kl
from vsc_jax.priors._object_count import COUNT_PRIORS as COUNT_PRIORS
from vsc_jax.priors._object_count import count_log_prob as count_log_prob
from vsc_jax.priors._object_count import (
    presence_prior_logits as presence_prior_logits,
)
from vsc_jax.priors._pca import pca_variances as pca_variances
from vsc_jax.priors._sparse import SparsePrior as SparsePrior
from vsc_jax.priors._spike_slab import SpikeSlabPrior as SpikeSlabPrior
from vsc_jax.priors._standard_normal import StandardNormal as StandardNormal
from vsc_jax.priors._student_t import StudentTPrior as StudentTPrior

__all__ = [
    "COUNT_PRIORS",
    "PRIORS",
    "GaussianMixturePrior",
    "GaussianPrior",
    "LearnedGaussianPrior",
    "LearnedPrior",
    "Prior",
    "SparsePrior",
    "SpikeSlabPrior",
    "StandardNormal",
    "StudentTPrior",
    "anisotropic_variances",
    "count_log_prob",
    "create_prior",
    "has_closed_form_kl",
    "latent_kl",
    "pca_variances",
    "presence_prior_logits",
]
