"""Priors: draws, log-densities and closed-form KLs, one value per latent."""

from vsc_jax.priors._spike_slab import SpikeSlabPrior as SpikeSlabPrior
from vsc_jax.priors._standard_normal import StandardNormal as StandardNormal
