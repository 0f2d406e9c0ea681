"""Pure functions of arrays: likelihoods, KLs, and one objective per paper.

Needs jax alone. Nothing here averages over a batch, draws a sample or knows parameters.
"""

from vsc_jax.losses._adversarial import discriminator_accuracy as discriminator_accuracy
from vsc_jax.losses._adversarial import gan_discriminator_loss as gan_discriminator_loss
from vsc_jax.losses._adversarial import gan_generator_loss as gan_generator_loss
from vsc_jax.losses._aggregate_posterior import (
    aggregate_posterior_log_prob as aggregate_posterior_log_prob,
)
from vsc_jax.losses._aggregate_posterior import inclusive_kl as inclusive_kl
from vsc_jax.losses._air import AirTerms as AirTerms
from vsc_jax.losses._air import air_objective as air_objective
from vsc_jax.losses._air import nvil_baseline_loss as nvil_baseline_loss
from vsc_jax.losses._air import nvil_surrogate as nvil_surrogate
from vsc_jax.losses._air import presence_prob as presence_prob
from vsc_jax.losses._air import relaxed_presence_kl as relaxed_presence_kl
from vsc_jax.losses._annealed_vae import AnnealedVaeTerms as AnnealedVaeTerms
from vsc_jax.losses._annealed_vae import (
    annealed_vae_objective as annealed_vae_objective,
)
from vsc_jax.losses._beta_tcvae import BetaTcvaeTerms as BetaTcvaeTerms
from vsc_jax.losses._beta_tcvae import beta_tcvae_objective as beta_tcvae_objective
from vsc_jax.losses._capacity import capacity_penalty as capacity_penalty
from vsc_jax.losses._cascade_vae import cascade_vae_objective as cascade_vae_objective
from vsc_jax.losses._categorical import categorical_kl as categorical_kl
from vsc_jax.losses._categorical import concrete_kl_estimate as concrete_kl_estimate
from vsc_jax.losses._categorical import concrete_log_prob as concrete_log_prob
from vsc_jax.losses._decomposition import DecompositionTerms as DecompositionTerms
from vsc_jax.losses._decomposition import (
    annealed_log_normalizer as annealed_log_normalizer,
)
from vsc_jax.losses._decomposition import (
    decomposition_objective as decomposition_objective,
)
from vsc_jax.losses._decomposition import entropy_bonus as entropy_bonus
from vsc_jax.losses._decomposition import gaussian_entropy as gaussian_entropy
from vsc_jax.losses._decomposition import overlap as overlap
from vsc_jax.losses._density import gaussian_log_prob as gaussian_log_prob
from vsc_jax.losses._density import spike_slab_log_prob as spike_slab_log_prob
from vsc_jax.losses._dip_vae import DipVaeTerms as DipVaeTerms
from vsc_jax.losses._dip_vae import code_covariance as code_covariance
from vsc_jax.losses._dip_vae import dip_vae_objective as dip_vae_objective
from vsc_jax.losses._exemplar_vsc import ExemplarVscTerms as ExemplarVscTerms
from vsc_jax.losses._exemplar_vsc import (
    exemplar_vsc_objective as exemplar_vsc_objective,
)
from vsc_jax.losses._exemplar_vsc import sharpen_slab_logits as sharpen_slab_logits
from vsc_jax.losses._factor_vae import FactorVaeTerms as FactorVaeTerms
from vsc_jax.losses._factor_vae import (
    density_ratio_total_correlation as density_ratio_total_correlation,
)
from vsc_jax.losses._factor_vae import discriminator_loss as discriminator_loss
from vsc_jax.losses._factor_vae import factor_vae_objective as factor_vae_objective
from vsc_jax.losses._infogan import InfoGanTerms as InfoGanTerms
from vsc_jax.losses._infogan import category_information as category_information
from vsc_jax.losses._infogan import infogan_objective as infogan_objective
from vsc_jax.losses._infogan import (
    uniform_code_information as uniform_code_information,
)
from vsc_jax.losses._infogan_cr import contrastive_loss as contrastive_loss
from vsc_jax.losses._information_dropout import (
    InformationDropoutTerms as InformationDropoutTerms,
)
from vsc_jax.losses._information_dropout import (
    information_dropout_kl as information_dropout_kl,
)
from vsc_jax.losses._information_dropout import (
    information_dropout_log_normal_kl as information_dropout_log_normal_kl,
)
from vsc_jax.losses._information_dropout import (
    information_dropout_objective as information_dropout_objective,
)
from vsc_jax.losses._joint_vae import JointVaeTerms as JointVaeTerms
from vsc_jax.losses._joint_vae import joint_vae_objective as joint_vae_objective
from vsc_jax.losses._kl import SpikeSlabKL as SpikeSlabKL
from vsc_jax.losses._kl import bernoulli_kl as bernoulli_kl
from vsc_jax.losses._kl import bernoulli_kl_between as bernoulli_kl_between
from vsc_jax.losses._kl import gaussian_kl as gaussian_kl
from vsc_jax.losses._kl import spike_slab_kl as spike_slab_kl
from vsc_jax.losses._kl import spike_slab_kl_between as spike_slab_kl_between
from vsc_jax.losses._kl import spike_slab_kl_terms as spike_slab_kl_terms
from vsc_jax.losses._kl_decomposition import KLDecomposition as KLDecomposition
from vsc_jax.losses._kl_decomposition import kl_decomposition as kl_decomposition
from vsc_jax.losses._likelihood import (
    bernoulli_log_likelihood as bernoulli_log_likelihood,
)
from vsc_jax.losses._likelihood import (
    gaussian_log_likelihood as gaussian_log_likelihood,
)
from vsc_jax.losses._likelihood import laplace_log_likelihood as laplace_log_likelihood
from vsc_jax.losses._mmd import MMD_KERNELS as MMD_KERNELS
from vsc_jax.losses._mmd import mmd as mmd
from vsc_jax.losses._mmd import mmd_per_dimension as mmd_per_dimension
from vsc_jax.losses._multi_entity_vae import COMPOSITIONS as COMPOSITIONS
from vsc_jax.losses._multi_entity_vae import (
    MULTI_ENTITY_KL_SCOPES as MULTI_ENTITY_KL_SCOPES,
)
from vsc_jax.losses._multi_entity_vae import ComposedImage as ComposedImage
from vsc_jax.losses._multi_entity_vae import (
    MultiEntityVaeTerms as MultiEntityVaeTerms,
)
from vsc_jax.losses._multi_entity_vae import compose_objects as compose_objects
from vsc_jax.losses._multi_entity_vae import (
    multi_entity_vae_objective as multi_entity_vae_objective,
)
from vsc_jax.losses._n_vae import N_VAE_KL_SCOPES as N_VAE_KL_SCOPES
from vsc_jax.losses._n_vae import NVaeTerms as NVaeTerms
from vsc_jax.losses._n_vae import mask_classes as mask_classes
from vsc_jax.losses._n_vae import n_vae_objective as n_vae_objective
from vsc_jax.losses._sliced_wasserstein import sliced_wasserstein as sliced_wasserstein
from vsc_jax.losses._vae import ElboTerms as ElboTerms
from vsc_jax.losses._vae import beta_elbo as beta_elbo
from vsc_jax.losses._vae import elbo as elbo
from vsc_jax.losses._vae import iwae_bound as iwae_bound
from vsc_jax.losses._vae import vae_objective as vae_objective
from vsc_jax.losses._vsc import VscTerms as VscTerms
from vsc_jax.losses._vsc import vsc_objective as vsc_objective

__all__ = [
    "COMPOSITIONS",
    "MMD_KERNELS",
    "MULTI_ENTITY_KL_SCOPES",
    "N_VAE_KL_SCOPES",
    "AirTerms",
    "AnnealedVaeTerms",
    "BetaTcvaeTerms",
    "ComposedImage",
    "DecompositionTerms",
    "DipVaeTerms",
    "ElboTerms",
    "ExemplarVscTerms",
    "FactorVaeTerms",
    "InfoGanTerms",
    "InformationDropoutTerms",
    "JointVaeTerms",
    "KLDecomposition",
    "MultiEntityVaeTerms",
    "NVaeTerms",
    "SpikeSlabKL",
    "VscTerms",
    "aggregate_posterior_log_prob",
    "air_objective",
    "annealed_log_normalizer",
    "annealed_vae_objective",
    "bernoulli_kl",
    "bernoulli_kl_between",
    "bernoulli_log_likelihood",
    "beta_elbo",
    "beta_tcvae_objective",
    "capacity_penalty",
    "cascade_vae_objective",
    "categorical_kl",
    "category_information",
    "code_covariance",
    "compose_objects",
    "concrete_kl_estimate",
    "concrete_log_prob",
    "contrastive_loss",
    "decomposition_objective",
    "density_ratio_total_correlation",
    "dip_vae_objective",
    "discriminator_accuracy",
    "discriminator_loss",
    "elbo",
    "entropy_bonus",
    "exemplar_vsc_objective",
    "factor_vae_objective",
    "gan_discriminator_loss",
    "gan_generator_loss",
    "gaussian_entropy",
    "gaussian_kl",
    "gaussian_log_likelihood",
    "gaussian_log_prob",
    "inclusive_kl",
    "infogan_objective",
    "information_dropout_kl",
    "information_dropout_log_normal_kl",
    "information_dropout_objective",
    "iwae_bound",
    "joint_vae_objective",
    "kl_decomposition",
    "laplace_log_likelihood",
    "mask_classes",
    "mmd",
    "mmd_per_dimension",
    "multi_entity_vae_objective",
    "n_vae_objective",
    "nvil_baseline_loss",
    "nvil_surrogate",
    "overlap",
    "presence_prob",
    "relaxed_presence_kl",
    "sharpen_slab_logits",
    "sliced_wasserstein",
    "spike_slab_kl",
    "spike_slab_kl_between",
    "spike_slab_kl_terms",
    "spike_slab_log_prob",
    "uniform_code_information",
    "vae_objective",
    "vsc_objective",
]
