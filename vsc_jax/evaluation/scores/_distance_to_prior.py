"""Distances of the aggregate posterior to the prior.

The other side of "Disentangling Disentanglement in Variational Autoencoders", see
`_aggregate_posterior`.
"""

from typing import Any

import jax
import numpy as np

from vsc_jax import losses
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._inferred_latents import inferred_latents
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation.scores._aggregate_codes import aggregate_codes, asked
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.models import EncodesImages, SamplesPrior


def distance_to_prior(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Distances between draws of q(z) and as many of the prior.

    `num_draws`: of each image one, 1,000 at most. `mmd`: squared MMD, unbiased, see
    `vsc_jax.losses.mmd`; `mmd_per_dimension`: the published sum over latents and
    scales, see `vsc_jax.losses.mmd_per_dimension`; `sliced_wasserstein`: squared
    2-Wasserstein distance, mean over 100 random directions, see
    `vsc_jax.losses.sliced_wasserstein`. The same names with `_of_prior` have other
    draws of the prior in the place of q(z): no distance, but the noise of the value
    before.
    """
    codes = context.once(aggregate_codes, options)
    latents = inferred_latents(context.model)
    directions = codes.directions.astype(np.float32)
    prior = context.sample_prior(2 * len(codes.draws), codes.key)[:, latents]
    z_prior, others = np.split(prior, 2)
    distances = _distances(codes.z[codes.draws], z_prior, directions)
    noise = _distances(others, z_prior, directions)
    num_draws = len(codes.draws)
    results: dict[str, Any] = {"num_images": len(codes.z), "num_draws": num_draws}
    for name in distances:
        results[name] = float(distances[name])
        results[f"{name}_of_prior"] = float(noise[name])
    return results


@jax.jit
def _distances(
    z: jax.Array, z_prior: jax.Array, directions: jax.Array
) -> dict[str, jax.Array]:
    return {
        "mmd": losses.mmd(z, z_prior),
        "mmd_per_dimension": losses.mmd_per_dimension(z, z_prior),
        "sliced_wasserstein": losses.sliced_wasserstein(z, z_prior, directions),
    }


DISTANCE_TO_PRIOR = Score(
    "distance_to_prior",
    (EncodesImages, SamplesPrior),
    distance_to_prior,
    group="aggregate_posterior",
    asked=asked,
)
