"""Methods, one paper per file: what training needs of them and what they can do."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from vsc_jax._plain import as_python
from vsc_jax.models._aae import AAE as AAE
from vsc_jax.models._aae import AAES as AAES
from vsc_jax.models._air import AIR as AIR
from vsc_jax.models._annealed_vae import AnnealedVAE as AnnealedVAE
from vsc_jax.models._autoencoder import Autoencoder as Autoencoder
from vsc_jax.models._base import Batch as Batch
from vsc_jax.models._base import Gather as Gather
from vsc_jax.models._base import HostCall as HostCall
from vsc_jax.models._base import LossOutput as LossOutput
from vsc_jax.models._base import Metrics as Metrics
from vsc_jax.models._base import Model as Model
from vsc_jax.models._base import Params as Params
from vsc_jax.models._base import Player as Player
from vsc_jax.models._base import Trainable as Trainable
from vsc_jax.models._base import Weight as Weight
from vsc_jax.models._base import Weights as Weights
from vsc_jax.models._base import keep_local as keep_local
from vsc_jax.models._base import mean_output as mean_output
from vsc_jax.models._beta_tcvae import BetaTCVAE as BetaTCVAE
from vsc_jax.models._capabilities import BoundsLikelihood as BoundsLikelihood
from vsc_jax.models._capabilities import ChecksDataset as ChecksDataset
from vsc_jax.models._capabilities import Classifies as Classifies
from vsc_jax.models._capabilities import DecodesClasses as DecodesClasses
from vsc_jax.models._capabilities import DecodesCodes as DecodesCodes
from vsc_jax.models._capabilities import DecodesObjects as DecodesObjects
from vsc_jax.models._capabilities import EncodesImages as EncodesImages
from vsc_jax.models._capabilities import FindsObjects as FindsObjects
from vsc_jax.models._capabilities import FoundObjects as FoundObjects
from vsc_jax.models._capabilities import HasCategories as HasCategories
from vsc_jax.models._capabilities import HasKL as HasKL
from vsc_jax.models._capabilities import HasLayers as HasLayers
from vsc_jax.models._capabilities import HasNoise as HasNoise
from vsc_jax.models._capabilities import MapsKL as MapsKL
from vsc_jax.models._capabilities import RenewsStatistics as RenewsStatistics
from vsc_jax.models._capabilities import SamplesPrior as SamplesPrior
from vsc_jax.models._cascade_vae import CascadeVAE as CascadeVAE
from vsc_jax.models._decomposition_vae import DecompositionVAE as DecompositionVAE
from vsc_jax.models._dip_vae import DIPVAE as DIPVAE
from vsc_jax.models._exemplar_vsc import ExemplarVSC as ExemplarVSC
from vsc_jax.models._factor_vae import FactorVAE as FactorVAE
from vsc_jax.models._infogan import InfoGAN as InfoGAN
from vsc_jax.models._infogan_cr import InfoGANCR as InfoGANCR
from vsc_jax.models._information_dropout_classifier import (
    InformationDropoutClassifier as InformationDropoutClassifier,
)
from vsc_jax.models._information_dropout_vae import (
    InformationDropoutVAE as InformationDropoutVAE,
)
from vsc_jax.models._joint_vae import JointVAE as JointVAE
from vsc_jax.models._multi_entity_vae import MultiEntityVAE as MultiEntityVAE
from vsc_jax.models._n_vae import NVAE as NVAE
from vsc_jax.models._vae import VAE as VAE
from vsc_jax.models._vae import VAETerms as VAETerms
from vsc_jax.models._vsc import VSC as VSC
from vsc_jax.networks import OwnNetworks
from vsc_jax.priors import PRIORS, create_prior

__all__ = [
    "AAE",
    "AAES",
    "AIR",
    "DIPVAE",
    "MODELS",
    "NVAE",
    "VAE",
    "VSC",
    "AnnealedVAE",
    "Autoencoder",
    "Batch",
    "BetaTCVAE",
    "BoundsLikelihood",
    "CascadeVAE",
    "ChecksDataset",
    "Classifies",
    "DecodesClasses",
    "DecodesCodes",
    "DecodesObjects",
    "DecompositionVAE",
    "EncodesImages",
    "ExemplarVSC",
    "FactorVAE",
    "FindsObjects",
    "FoundObjects",
    "Gather",
    "HasCategories",
    "HasKL",
    "HasLayers",
    "HasNoise",
    "HostCall",
    "InfoGAN",
    "InfoGANCR",
    "InformationDropoutClassifier",
    "InformationDropoutVAE",
    "JointVAE",
    "LossOutput",
    "MapsKL",
    "Metrics",
    "Model",
    "MultiEntityVAE",
    "Params",
    "Player",
    "RenewsStatistics",
    "SamplesPrior",
    "Trainable",
    "VAETerms",
    "Weight",
    "Weights",
    "create_model",
    "describe_model",
    "keep_local",
    "mean_output",
]

MODELS: dict[str, type[Model]] = {
    "autoencoder": Autoencoder,
    "vae": VAE,
    "vsc": VSC,
    "exemplar_vsc": ExemplarVSC,
    "cascade_vae": CascadeVAE,
    "joint_vae": JointVAE,
    "factor_vae": FactorVAE,
    "aae": AAE,
    "aae_s": AAES,
    "decomposition_vae": DecompositionVAE,
    "dip_vae": DIPVAE,
    "beta_tcvae": BetaTCVAE,
    "annealed_vae": AnnealedVAE,
    "n_vae": NVAE,
    "infogan": InfoGAN,
    "infogan_cr": InfoGANCR,
    "air": AIR,
    "multi_entity_vae": MultiEntityVAE,
    "information_dropout_classifier": InformationDropoutClassifier,
    "information_dropout_vae": InformationDropoutVAE,
}


def create_model(name: str, *, image_shape: tuple[int, int, int], **options) -> Model:
    """The model of this name with these fields.

    Args:
      name: a key of `MODELS`.
      image_shape: `(height, width, channels)`.
      **options: further fields of the model's dataclass; `prior` may be a dict of
        its name and fields, see `vsc_jax.priors.create_prior`.

    Returns:
      A `Model` with the capabilities that it has.

    Raises:
      ValueError: if there is no such model or a field has a value it cannot have.
      TypeError: if the model has no such field.

    >>> create_model("vae", image_shape=(28, 28, 1), latent_dim=3).latent_dim
    3
    """
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {name!r}.")
    network = options.get("network")
    if isinstance(network, Mapping):
        raise ValueError(
            "network must be the OwnNetworks themselves, which only the program that "
            f"made them has, got their names: {', '.join(network.values())}."
        )
    prior = options.get("prior")
    if isinstance(prior, Mapping):
        options["prior"] = create_prior(**prior)
    return MODELS[name](image_shape=tuple(image_shape), **options)  # type: ignore[call-arg]


def describe_model(model: Model) -> dict[str, Any]:
    """The arguments of `create_model` that give this model, as `json.dump` takes them.

    Of networks of a user's own it has the names alone, for their code cannot be written
    down: `create_model` refuses these.

    Raises:
      ValueError: if it is of no kind that `create_model` makes, or its prior of none
        that `create_prior` does.

    >>> model = create_model("vae", image_shape=(28, 28, 1), latent_dim=3)
    >>> create_model(**describe_model(model)) == model
    True
    """
    names = {kind: name for name, kind in MODELS.items()}
    if type(model) not in names:
        raise ValueError(
            f"model must be of a kind that create_model makes, got a "
            f"{type(model).__name__}."
        )
    fields = {
        field.name: getattr(model, field.name)
        for field in dataclasses.fields(model)  # type: ignore[arg-type]
        if field.init  # others follow from these
    }
    if "prior" in fields:
        prior: Any = fields["prior"]
        kinds = {kind: name for name, kind in PRIORS.items()}
        if type(prior) not in kinds:
            raise ValueError(
                "prior must be of a kind that create_prior makes, got a "
                f"{type(prior).__name__}."
            )
        fields["prior"] = {"name": kinds[type(prior)], **dataclasses.asdict(prior)}
    if isinstance(fields.get("network"), OwnNetworks):
        fields["network"] = fields["network"].names
    return as_python({"name": names[type(model)], **fields})
