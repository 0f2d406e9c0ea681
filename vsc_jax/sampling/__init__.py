"""Reparameterised draws of latent codes, from a key or from given noise.

With given noise a draw does not depend on how a batch is split over devices.
"""

from vsc_jax.sampling._concrete import concrete_from_noise as concrete_from_noise
from vsc_jax.sampling._concrete import (
    log_concrete_from_noise as log_concrete_from_noise,
)
from vsc_jax.sampling._concrete import sample_concrete as sample_concrete
from vsc_jax.sampling._gaussian import gaussian_from_noise as gaussian_from_noise
from vsc_jax.sampling._gaussian import sample_gaussian as sample_gaussian
from vsc_jax.sampling._information_dropout import (
    information_dropout_from_noise as information_dropout_from_noise,
)
from vsc_jax.sampling._permute import permute_latents as permute_latents
from vsc_jax.sampling._spike_slab import hard_gate as hard_gate
from vsc_jax.sampling._spike_slab import relaxed_gate as relaxed_gate
from vsc_jax.sampling._spike_slab import relaxed_gate_mean as relaxed_gate_mean
from vsc_jax.sampling._spike_slab import sample_spike_slab as sample_spike_slab
from vsc_jax.sampling._spike_slab import spike_slab_from_noise as spike_slab_from_noise

__all__ = [
    "concrete_from_noise",
    "gaussian_from_noise",
    "hard_gate",
    "information_dropout_from_noise",
    "log_concrete_from_noise",
    "permute_latents",
    "relaxed_gate",
    "relaxed_gate_mean",
    "sample_concrete",
    "sample_gaussian",
    "sample_spike_slab",
    "spike_slab_from_noise",
]
