"""Sparse and disentangled representation learning with VAEs, in JAX.

Import the part that is needed: `vsc_jax.losses` (pure functions, loads jax alone),
`vsc_jax.sampling`, `vsc_jax.datasets`, `vsc_jax.models`, ... `load_run` gives back a
trained model.
"""

__version__ = "0.1.0"


def __getattr__(name: str):
    if name == "load_run":  # loads flax and orbax, so only where it is used
        from vsc_jax.training import load_run

        return load_run
    raise AttributeError(f"module 'vsc_jax' has no attribute {name!r}")
