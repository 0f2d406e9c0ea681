"""Distance of the codes of each class to the prior that samples are drawn from."""

from typing import Any, NamedTuple

import jax
import numpy as np

from vsc_jax import losses
from vsc_jax.evaluation._class_latents import own_latents, shared_latents
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation.scores._aggregate_codes import aggregate_codes, asked
from vsc_jax.evaluation.scores._base import Score
from vsc_jax.evaluation.scores._labels import labels_of
from vsc_jax.models import EncodesImages, SamplesPrior

# Of a class with fewer images the estimate would be noise.
MIN_IMAGES = 10
MAX_CLASS_DRAWS = 500


def class_mmd(context: Context, options: EvaluationOptions) -> dict[str, Any]:
    """Squared MMD of draws z ~ q(z|x) to the prior, of all images and of each class.

    Samples of a class look like its images only where its codes fill the prior; slides
    of Antoran and Miguel (https://arxiv.org/abs/1901.09415) say so of N-VAE. That this
    is measured by the MMD, unbiased, see `vsc_jax.losses.mmd`, is our own choice.

    `shared` (dict): of the latents that all classes share, all latents where the
    decoder is given no class. `shared_and_own` (dict): of these and those of the
    image's own class, what the decoder sees, where classes have any. Each has `mmd`, of
    `num_draws` draws; `mean_class_mmd`, its mean over classes, of `num_class_draws`
    images of each; and `class_mmd`, a list over classes, None for a class with less
    than 10 images. The same names with `_of_prior` have other draws of the prior in the
    place of q(z): no distance, but the noise of the value before. The MMD depends on
    the number of latents, so that values of models with as many are comparable.
    """
    all_labels = labels_of(context.dataset)
    codes = context.once(aggregate_codes, options)
    labels = all_labels[codes.rows]
    own, shared = own_latents(context.model), shared_latents(context.model)
    latents = np.broadcast_to(shared, (int(all_labels.max()) + 1, len(shared)))
    num = 2 * len(codes.draws)
    data = _Codes(
        codes.z,
        labels,
        codes.draws,
        order=np.random.default_rng([context.seed, 2]).permutation(len(labels)),
        prior=context.sample_prior(num, jax.random.fold_in(codes.key, 1)),
    )
    results: dict[str, Any] = {
        "num_draws": len(codes.draws),
        "num_class_draws": data.num_class_draws,
        "shared": _distances(data, latents),
    }
    if own.size:
        both = np.concatenate([latents, own[: len(latents)]], axis=1)
        results["shared_and_own"] = _distances(data, both)
    return results


class _Codes(NamedTuple):
    """What is compared with the prior.

    Attributes:
      z: `[n, latent_dim]`, draws of q(z|x).
      labels: `[n]`, of their images.
      draws: rows of z that are compared as a whole.
      order: the rows of z in random order.
      prior: `[2 len(draws), code_dim]`, the second half to stand in the place of z.
    """

    z: np.ndarray
    labels: np.ndarray
    draws: np.ndarray
    order: np.ndarray
    prior: np.ndarray

    @property
    def num_class_draws(self) -> int:
        """The same for all classes, so that their noise is the same; 0 without any."""
        counts = np.bincount(self.labels)
        enough = counts[counts >= MIN_IMAGES]
        return min(int(enough.min()), MAX_CLASS_DRAWS) if len(enough) else 0


def _distances(data: _Codes, latents: np.ndarray) -> dict[str, Any]:
    """Numbers of the latents `[num_labels, size]` that belong to each label."""
    z_prior, others = np.split(data.prior, 2)
    # A draw of the prior stands for the class of the draw of q(z) in its row.
    columns = latents[data.labels[data.draws]]
    whole = _value_and_noise(
        *(
            np.take_along_axis(z, columns, axis=1)
            for z in (data.z[data.draws], others, z_prior)
        )
    )
    found: list[tuple[float, float] | None] = []
    for label, columns in enumerate(latents):
        rows = data.order[data.labels[data.order] == label]
        if len(rows) < MIN_IMAGES:
            found.append(None)
            continue
        rows = rows[: data.num_class_draws]
        # Other draws for each class, so that their noise is not the same number.
        turned = np.roll(others, -label * len(rows), axis=0)[: len(rows)]
        z = (data.z[rows], turned, z_prior)
        found.append(_value_and_noise(*(part[:, columns] for part in z)))
    results: dict[str, Any] = dict(zip(("mmd", "mmd_of_prior"), whole, strict=True))
    for i, name in enumerate(("class_mmd", "class_mmd_of_prior")):
        if any(found):
            results[f"mean_{name}"] = float(np.mean([f[i] for f in found if f]))
        results[name] = [f and f[i] for f in found]
    return results


def _value_and_noise(
    z: np.ndarray, others: np.ndarray, z_prior: np.ndarray
) -> tuple[float, float]:
    return float(_mmd(z, z_prior)), float(_mmd(others, z_prior))


_mmd = jax.jit(losses.mmd)

CLASS_MMD = Score(
    "class_mmd",
    (EncodesImages, SamplesPrior),
    class_mmd,
    group="class_mmd",
    asked=asked,
)
