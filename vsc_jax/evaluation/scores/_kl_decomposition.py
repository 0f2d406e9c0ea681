"""The KL as mutual information, total correlation and KL of each latent.

Of models with a Gaussian q(z|x) and p(z) = N(0, I); Chen, Li, Grosse and Duvenaud,
"Isolating Sources of Disentanglement in Variational Autoencoders", NeurIPS 2018,
https://arxiv.org/abs/1802.04942, eq. 2.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax import losses
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._encoded import Encoded
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import choose_rows, draw_rows
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._means import mean_and_error
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import EncodesImages, HasKL

# Every draw is compared with all images: at most 1 s on 2 cores for 10 latents.
MAX_IMAGES = 50_000
MAX_DRAWS = 2_000
# Nats; a KL in float32 has no more digits.
_SAME_KL = {"rtol": 1e-3, "atol": 1e-3, "equal_nan": True}


def kl_decomposition(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """`mutual_information`, `total_correlation` and `dimension_wise_kl`, in nats.

    q(z) is the mixture of the codes of `num_images` of the test images, all that are
    scored up to 50,000, and each term the mean over `num_draws` of them, all up to
    2,000, of one exact draw of each code; see `full` of
    `vsc_jax.losses.kl_decomposition`. `sum` is that of the three with its standard
    error, and `kl` the closed form over the images of these draws, which it estimates.

    `mutual_information` is at most `mutual_information_bound`, log(num_images). Near
    it the mixture is a set of separate points, and what the KL has beyond the bound
    counts as total correlation, of independent latents too: compare models over
    equally many images, and the total correlation of those alone whose mutual
    information is well below the bound. More images (`num_test`) raise it.
    """
    test = context.once(draw_rows, options).test
    rng = np.random.default_rng([context.seed, 3])
    encoded = context.encode(choose_rows(rng, test, MAX_IMAGES))
    kl = _kl_to_standard_normal(encoded)
    mean, log_var = encoded.mean, np.asarray(encoded.log_var)
    drawn = choose_rows(rng, np.arange(len(mean)), MAX_DRAWS)
    normal = rng.standard_normal((len(drawn), mean.shape[1]), np.float32)
    z = mean[drawn] + np.exp(0.5 * log_var[drawn]) * normal
    terms, log_ratio = _decompose(z, mean, log_var, drawn)
    error = mean_and_error("sum", np.asarray(log_ratio))
    return {
        "num_images": len(mean),
        "num_draws": len(drawn),
        **{name: float(term) for name, term in terms._asdict().items()},
        "mutual_information_bound": math.log(len(mean)),
        **(error | {"sum": float(sum(terms))}),
        "kl": float(kl[drawn].mean(dtype=np.float64)),
    }


def _kl_to_standard_normal(encoded: Encoded) -> np.ndarray:
    """KL(q(z|x) || N(0, I)) of each image `[n]`.

    Raises:
      NotApplicable: if that is not the KL of the model.
    """
    if encoded.log_var is None:
        raise NotApplicable("the code of this model is deterministic")
    if encoded.has_spike:
        raise NotApplicable("the code of this model has a spike")
    own = np.sum(list((encoded.kl or {}).values()), axis=0)
    kl = np.asarray(_gaussian_kl(encoded.mean, encoded.log_var))
    # What the prior is, a model says by its KL alone; variables follow the latents.
    if not np.allclose(own[:, : kl.shape[1]], kl, **_SAME_KL):
        raise NotApplicable("the prior of this model is not N(0, I)")
    return kl.sum(axis=1)


_gaussian_kl = jax.jit(losses.gaussian_kl)


@jax.jit
def _decompose(
    z: jax.Array, mean: jax.Array, log_var: jax.Array, row: jax.Array
) -> tuple[losses.KLDecomposition, jax.Array]:
    """The terms, and `log q(z|x) - log p(z)` of each draw `[num_draws]`."""
    terms = losses.kl_decomposition(
        z, mean, log_var, dataset_size=len(mean), estimator="full", row=row
    )
    zeros = jnp.zeros_like(z)
    log_prior = losses.gaussian_log_prob(z, zeros, zeros)
    own = losses.gaussian_log_prob(z, mean[row], log_var[row])
    return terms, (own - log_prior).sum(-1)


KL_DECOMPOSITION = Score(
    "kl_decomposition",
    (EncodesImages, HasKL),
    kl_decomposition,
    group="kl_decomposition",
)
