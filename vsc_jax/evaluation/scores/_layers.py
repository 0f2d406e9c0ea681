"""What the layers of a model let through, and what can be read off each."""

import functools
from typing import Any

import jax
import numpy as np

from vsc_jax.datasets import ImageFormat
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._layer_probe import read_off_layers
from vsc_jax.evaluation._layers import layer_facts
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._means import mean_and_error
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import HasLayers, Params

_NO_KL = "no layer of this model has noise that is paid for"
# Units whose dependence is measured, and images for each of them, at least.
MAX_UNITS, IMAGES_PER_UNIT = 200, 8


def layers(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """The information of each layer with noise, over the test images.

    `kl`: nats per image of all layers, and its standard error; `kl_per_layer` (dict):
    of each. `saturated`: mean over these layers of the share of units whose noise is at
    99 % of the largest or above, and `saturated_per_layer` (dict): there the noise is
    constant, and says nothing of the image.
    """
    facts = layer_facts(context, context.once(draw_rows, options).test)
    kl = {name: fact.kl for name, fact in facts.items() if fact.kl is not None}
    if not kl:
        raise NotApplicable(_NO_KL)
    shares = {
        name: float(np.mean(fact.saturated))
        for name, fact in facts.items()
        if fact.saturated is not None
    }
    return {
        **mean_and_error("kl", np.sum(list(kl.values()), axis=0)),
        "kl_per_layer": {name: float(np.mean(values)) for name, values in kl.items()},
        "saturated": float(np.mean(list(shares.values()))),
        "saturated_per_layer": shares,
    }


def layer_dependence(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Total correlation of the noisy units of the last layer with noise, per unit.

    As in the authors' code of Information Dropout,
    https://github.com/ucla-vision/information-dropout, `total_correlation` is
    -1/(2 d) log det R, with R the correlation of the logarithms of d units with their
    noise, over the test images: that of the Gaussian fitted to them. It needs units
    that are never zero. There the layers before are noisy too, and all units are taken.
    Here those have no noise, and d is at most 200 and an eighth of the images, at
    random (`num_units`), for else it is that of chance:
    `total_correlation_of_independent` is what the same units have when the images of
    each are shuffled.
    """
    rows = context.once(draw_rows, options).test
    rng = np.random.default_rng([context.seed, 5])

    def draw(batch: np.ndarray, number: int) -> jax.Array:
        return _log_units(
            context.params,
            context.dataset.images[batch],
            jax.random.fold_in(jax.random.key(context.seed), number),
            model=context.model,
            image_format=context.dataset.format,
        )

    units = np.asarray(context.map_rows(draw, rows), np.float64)
    if not np.isfinite(units).all():
        raise NotApplicable("a unit of this model can be zero: it has no logarithm")
    varying = np.flatnonzero(np.ptp(units, axis=0) > 0.0)
    num = min(len(varying), MAX_UNITS, len(rows) // IMAGES_PER_UNIT)
    if num < 2:
        raise NotApplicable(
            f"{len(rows)} images and {len(varying)} units that vary are too few"
        )
    units = units[:, np.sort(rng.permutation(varying)[:num])]
    return {
        "num_units": num,
        "total_correlation": _total_correlation(units),
        "total_correlation_of_independent": _total_correlation(
            rng.permuted(units, axis=0)
        ),
    }


def layer_probe(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """`read_off_layers`: the accuracy of a linear probe of each factor, by layer.

    And `label_at_end`, that of the label on the last layer, and `others_at_end`, the
    mean over the other factors of the share of the way from `majority` to 1 there.
    """
    del options
    found = context.once(read_off_layers)
    label, results = context.dataset.label_factor, dict(found)
    accuracy, majority = found["accuracy"], found["majority"]
    if label in accuracy:
        results["label_at_end"] = accuracy[label][-1]
    others = [
        (accuracy[name][-1] - majority[name]) / (1.0 - majority[name])
        for name in accuracy
        if name != label and majority[name] < 1.0
    ]
    if others:
        results["others_at_end"] = float(np.mean(others))
    return results


def _total_correlation(units: np.ndarray) -> float:
    _, logarithm = np.linalg.slogdet(np.corrcoef(units, rowvar=False))
    return float(-0.5 * logarithm / units.shape[1])


@functools.partial(jax.jit, static_argnames=("model", "image_format"))
def _log_units(
    params: Params,
    stored: jax.Array,
    key: jax.Array,
    *,
    model: Any,
    image_format: ImageFormat,
) -> jax.Array:
    """Logarithms of the noisy units `[n, units]` of the last layer with noise."""
    found = model.layers(params, image_format.decode(stored))
    noisy = [(value, stddev) for value, _, stddev in found if stddev is not None]
    if not noisy:
        raise NotApplicable(_NO_KL)
    value, stddev = (units.reshape(len(units), -1) for units in noisy[-1])
    return jax.numpy.log(value) + stddev * jax.random.normal(key, value.shape)


LAYERS = Score("layers", (HasLayers,), layers, group="layers")
LAYER_DEPENDENCE = Score(
    "layer_dependence", (HasLayers,), layer_dependence, group="layers"
)
LAYER_PROBE = Score(
    "layer_probe",
    (HasLayers,),
    layer_probe,
    group="layer_probe",
    asked=lambda options: options.num_labels > 0,
)
