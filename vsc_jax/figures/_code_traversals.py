"""Draws from the prior in which one code goes from end to end."""

from pathlib import Path

import numpy as np

from vsc_jax.evaluation import inferred_latents
from vsc_jax.figures._category_samples import plot_category_samples
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.models import DecodesCodes, HasNoise, SamplesPrior

_NUM_SAMPLES = 10
_NUM_VALUES = 10


def draw(data: FigureData) -> list[Path]:
    """A block of 10 rows for each code: its values in equal steps, the rest stays.

    As the authors of InfoGAN show continuous codes
    (https://github.com/openai/InfoGAN, `visualize_all_factors`).
    """
    model = data.context.model
    latents = inferred_latents(model)[: data.num_traversals]
    low, high = model.latent_range
    values = np.linspace(low, high, _NUM_VALUES)
    codes = np.tile(data.prior[:_NUM_SAMPLES], (len(latents), _NUM_VALUES, 1, 1))
    for block, latent in zip(codes, latents, strict=True):
        block[..., latent] = values[:, None]
    return [
        plot_category_samples(
            data.decode(codes.reshape(-1, *codes.shape[2:])),
            data.path("code_traversals.png"),
            row_labels=[f"z{j} = {value:+.2f}" for j in latents for value in values],
            block_sizes=[_NUM_VALUES] * len(latents),
            max_value=data.max_value,
            title="Traversals of codes: each column is a draw from the prior, each row "
            "sets one of its codes to another value",
        )
    ]


CODE_TRAVERSALS = Figure(
    "code_traversals", (DecodesCodes, SamplesPrior, HasNoise), draw
)
