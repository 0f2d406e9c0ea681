"""Sparse and disentangled representation learning with VAEs, in JAX.

Import the part that is needed: `vsc_jax.losses` (pure functions, loads jax alone),
`vsc_jax.sampling`, `vsc_jax.datasets`, `vsc_jax.models`, ... `load_run` gives back a
trained model as a `Run`.
"""

__version__ = "0.1.0"


def __getattr__(name: str):
    if name in ("Run", "load_run"):  # load flax and orbax, so only where they are used
        from vsc_jax import _run

        return getattr(_run, name)
    raise AttributeError(f"module 'vsc_jax' has no attribute {name!r}")
