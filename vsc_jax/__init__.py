"""Sparse and disentangled representation learning with VAEs, in JAX.

`vsc_jax.losses` (pure functions, loads jax alone), `vsc_jax.sampling`,
`vsc_jax.datasets`, `vsc_jax.models`, ... are loaded when they are asked for. `load_run`
gives back a trained model as a `Run`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Run",
    "assignment",
    "datasets",
    "evaluation",
    "figures",
    "load_run",
    "losses",
    "metrics",
    "models",
    "networks",
    "priors",
    "sampling",
    "schedules",
    "training",
]

if TYPE_CHECKING:
    from vsc_jax import assignment as assignment
    from vsc_jax import datasets as datasets
    from vsc_jax import evaluation as evaluation
    from vsc_jax import figures as figures
    from vsc_jax import losses as losses
    from vsc_jax import metrics as metrics
    from vsc_jax import models as models
    from vsc_jax import networks as networks
    from vsc_jax import priors as priors
    from vsc_jax import sampling as sampling
    from vsc_jax import schedules as schedules
    from vsc_jax import training as training
    from vsc_jax._run import Run as Run
    from vsc_jax._run import load_run as load_run
else:  # type checkers would take any name for one that `__getattr__` finds

    def __getattr__(name: str):
        if name in ("Run", "load_run"):
            return getattr(import_module("vsc_jax._run"), name)
        if name in __all__:
            return import_module(f"vsc_jax.{name}")
        raise AttributeError(f"module 'vsc_jax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
