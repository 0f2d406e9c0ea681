"""The figures of a model with categorical variables."""

from pathlib import Path

import numpy as np

from vsc_jax import metrics
from vsc_jax.datasets import Dataset
from vsc_jax.evaluation._disentanglement import CLASS_FACTORS
from vsc_jax.evaluation._traversals import traversal_codes, traversal_values
from vsc_jax.figures._category_confusion import (
    plot_category_confusion,
    plot_category_samples,
)
from vsc_jax.figures._data import FigureData, Figures, rank_latents
from vsc_jax.figures._traversals import plot_traversals

_NO_VARIABLE = "this model has no categorical variable"
_NO_PRIOR = "this model has no prior"
_MAX_ROWS = 12
_NUM_SAMPLES = 8
_SPRITES = ("shape", "scale", "orientation", "x", "y")
_SPRITES_SHAPES = ("square", "ellipse", "heart")


def draw_categories(
    data: FigureData, dataset: Dataset, prior: np.ndarray | None, *, num_values: int
) -> Figures:
    """Traversals and draws with every category, and the classes that they stand for."""
    names = ("traversals_per_category", "category_samples", "category_confusion")
    if not data.category_sizes:
        return Figures([], dict.fromkeys(names, _NO_VARIABLE))
    paths = [_draw_traversals(data, num_values)]
    skipped: dict[str, str] = {}
    if prior is None:
        skipped["category_samples"] = _NO_PRIOR
    else:
        paths.append(_draw_samples(data, prior))
    factor_name = next((n for n in CLASS_FACTORS if n in dataset.factor_names), None)
    if factor_name is None or dataset.factors is None:
        skipped["category_confusion"] = (
            'this data set has no factor named "shape" or "label"'
        )
    else:
        column = dataset.factor_names.index(factor_name)
        values = dataset.factors[data.indices, column]
        sprites = dataset.factor_names == _SPRITES
        paths.append(
            plot_category_confusion(
                [
                    metrics.unsupervised_accuracy(categories, values)
                    for categories in data.encoded.categories.T
                ],
                data.out_dir / "category_confusion.png",
                category_sizes=data.category_sizes,
                factor_name=factor_name,
                value_names=_SPRITES_SHAPES if sprites else None,
            )
        )
    return Figures(paths, skipped)


def _draw_traversals(data: FigureData, num_values: int) -> Path:
    """For each variable a block of rows per latent; the other variables stay."""
    code = data.base_code[0]
    num_variables = len(data.category_sizes)
    codes, labels, sizes = [], [], []
    for i, size in enumerate(data.category_sizes):
        num_latents = max(1, _MAX_ROWS // num_variables // size)
        latents, names = rank_latents(data, num_latents)
        values = traversal_values(data.latents, latents, num_values=num_values)
        moved = _every_category(data, traversal_codes(code, latents, values), i)
        codes.append(moved.swapaxes(0, 1).reshape(-1, num_values, len(code)))
        for name, (low, high) in zip(names, values[:, [0, -1]], strict=True):
            head = f"{name}\n{low:.1f} to {high:.1f}\n"
            labels += [head * (k == 0) + f"d{i} = {k}" for k in range(size)]
            sizes.append(size)
    return plot_traversals(
        data.x[0],
        data.decode(np.concatenate(codes)),
        data.out_dir / "traversals_per_category.png",
        row_labels=labels,
        block_sizes=sizes,
        max_value=data.max_value,
        title="Traversals per category: each block moves one latent of the code of "
        f"the input ({', '.join(_chosen(data))}), each of its rows with another "
        "category",
    )


def _draw_samples(data: FigureData, prior: np.ndarray) -> Path:
    """The first draws from the prior with every category of each variable."""
    codes = [
        _every_category(data, prior[:_NUM_SAMPLES], i)
        for i in range(len(data.category_sizes))
    ]
    return plot_category_samples(
        data.decode(np.concatenate(codes)),
        data.out_dir / "category_samples.png",
        row_labels=[
            f"d{i} = {k}"
            for i, size in enumerate(data.category_sizes)
            for k in range(size)
        ],
        block_sizes=data.category_sizes,
        max_value=data.max_value,
    )


def _every_category(data: FigureData, codes: np.ndarray, variable: int) -> np.ndarray:
    """Copies `[size, ..., code_dim]` of codes with each category of a variable."""
    size = data.category_sizes[variable]
    start = data.latent_dim + sum(data.category_sizes[:variable])
    copies = np.repeat(codes[None], size, axis=0)
    one_hots = np.eye(size, dtype=codes.dtype)
    copies[..., start : start + size] = np.expand_dims(
        one_hots, tuple(range(1, codes.ndim))
    )
    return copies


def _chosen(data: FigureData) -> list[str]:
    """The categories of the first image, such as "d0 = 2"."""
    return [f"d{i} = {k}" for i, k in enumerate(data.encoded.categories[0])]
