"""Whether a model can do what a score or a figure asks of it."""

from typing import Any

from vsc_jax.metrics import NotApplicable
from vsc_jax.models import (
    BoundsLikelihood,
    Classifies,
    DecodesClasses,
    DecodesCodes,
    DecodesObjects,
    EncodesImages,
    FindsObjects,
    HasCategories,
    HasKL,
    HasLayers,
    HasNoise,
    MapsKL,
    SamplesPrior,
)

# Capability -> what is said of a model that lacks it.
MISSING_CAPABILITIES: dict[type, str] = {
    EncodesImages: "this model does not encode images",
    DecodesCodes: "this model has no decoder",
    SamplesPrior: "this model has no prior",
    HasKL: "this model has no KL to a prior",
    BoundsLikelihood: "this model defines no bound on log p(x)",
    HasCategories: "this model has no categorical variables",
    Classifies: "this model predicts no labels",
    DecodesClasses: "the decoder of this model is given no class",
    FindsObjects: "this model finds no objects",
    HasLayers: "this model shows no layers",
    HasNoise: "the decoder of this model is given no noise",
    DecodesObjects: "the codes of this model have no slots for objects",
    MapsKL: "this model has no KL for each part of the image",
}


def has(model: Any, capability: type) -> bool:
    """Whether the model has a capability of `vsc_jax.models`.

    A model whose tuple of categorical variables is empty has none.
    """
    if not isinstance(model, capability):
        return False
    return capability is not HasCategories or bool(model.category_sizes)


def needs(model: Any, *capabilities: type) -> None:
    """Raises NotApplicable with the first capability that the model lacks."""
    for capability in capabilities:
        if not has(model, capability):
            raise NotApplicable(MISSING_CAPABILITIES[capability])
