"""Traversals of a code with every category, in blocks of rows."""

from pathlib import Path

import numpy as np

from vsc_jax.evaluation import every_category, traversal_codes, traversal_values
from vsc_jax.figures._figure import Figure, FigureData, chosen_categories
from vsc_jax.figures._traversals import plot_traversals
from vsc_jax.models import DecodesCodes, EncodesImages, HasCategories

_MAX_ROWS = 12


def draw(data: FigureData) -> list[Path]:
    """For each variable a block of rows per latent; the other variables stay."""
    code = data.base_code[0]
    sizes = data.category_sizes
    codes, labels, block_sizes = [], [], []
    for i, size in enumerate(sizes):
        num_latents = max(1, _MAX_ROWS // len(sizes) // size)
        latents, names = data.ranked_latents(num_latents)
        values = traversal_values(data.latents, latents, num_values=data.num_values)
        moved = every_category(traversal_codes(code, latents, values), sizes, i)
        codes.append(moved.swapaxes(0, 1).reshape(-1, data.num_values, len(code)))
        for name, (low, high) in zip(names, values[:, [0, -1]], strict=True):
            head = f"{name}\n{low:.1f} to {high:.1f}\n"
            labels += [head * (k == 0) + f"d{i} = {k}" for k in range(size)]
            block_sizes.append(size)
    (chosen,) = chosen_categories(data.encoded.categories[:1])
    return [
        plot_traversals(
            data.x[0],
            data.decode(np.concatenate(codes)),
            data.path("traversals_per_category.png"),
            row_labels=labels,
            block_sizes=block_sizes,
            max_value=data.max_value,
            title="Traversals per category: each block moves one latent of the code "
            f"of the input ({chosen}), each of its rows with another category",
        )
    ]


TRAVERSALS_PER_CATEGORY = Figure(
    "traversals_per_category", (EncodesImages, DecodesCodes, HasCategories), draw
)
