"""Which true classes the categories stand for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vsc_jax import metrics
from vsc_jax.figures._drawing import SECOND_INK, new_figure, plain, save, wrap_title
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import EncodesImages, HasCategories

_MAX_VALUES = 60


def plot_category_confusion(
    scores: Sequence[Mapping[str, Any]],
    path: str | Path,
    *,
    category_sizes: Sequence[int],
    factor_name: str,
    value_names: Sequence[str] | None = None,
) -> Path:
    """How many images of each true class have each category, and their share of it.

    Frames mark the best one-to-one matching, which orders the rows: with as many
    categories as classes it is the diagonal.

    Args:
      scores: for each categorical variable the result of
        `vsc_jax.metrics.unsupervised_accuracy`.
      path: PNG file to write.
      category_sizes: number of categories of each variable; those that no image has
        get a row too.
      factor_name: what the classes are, such as "shape".
      value_names: names of the values 0, 1, ... of the factor; None for numbers.

    Returns:
      `path`.

    Raises:
      ValueError: if there is no variable, or not one score for each.
    """
    if not category_sizes or len(scores) != len(category_sizes):
        raise ValueError(
            "scores must be one per categorical variable, got "
            f"{len(scores)} for {len(category_sizes)} variables."
        )
    from matplotlib.patches import Rectangle

    most = max(len(score["labels"]) for score in scores)
    cell = 84 if most <= 6 else 52
    width = max(560, cell * most + 190)
    titles = [
        wrap_title(_confusion_title(i, score, factor_name), width - 40)
        for i, score in enumerate(scores)
    ]
    heights = [
        cell * 0.62 * size + 75 + 18 * len(title)
        for size, title in zip(category_sizes, titles, strict=True)
    ]
    figure = new_figure(width, sum(heights) + 10, layout="constrained")
    grid = figure.subplots(len(scores), 1, height_ratios=heights, squeeze=False)[:, 0]
    for i, (axes, score) in enumerate(zip(grid, scores, strict=True)):
        rows = _in_matched_order(score, category_sizes[i])
        by_category = dict(zip(score["categories"], score["confusion"], strict=True))
        counts = np.array(
            [by_category.get(k, [0] * len(score["labels"])) for k in rows]
        )
        matched = dict(zip(score["categories"], score["matching"], strict=True))
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="gray_r", vmin=0.0, vmax=1.0, aspect="auto")
        for (row, column), count in np.ndenumerate(counts):
            share = shares[row, column]
            axes.text(
                column,
                row,
                f"{count}\n{share:.0%}",
                ha="center",
                va="center",
                fontsize=9 if most <= 6 else 7,
                color="white" if share > 0.55 else "black",
            )
            if matched.get(rows[row]) == score["labels"][column]:
                corner = (column - 0.46, row - 0.44)
                axes.add_patch(
                    Rectangle(corner, 0.92, 0.88, fill=False, ec=SECOND_INK, lw=2)
                )
        names = [str(k) for k in score["labels"]]
        if value_names is not None:
            names = [plain(value_names[int(k)], 12) for k in score["labels"]]
        axes.set_xticks(range(len(names)), names, fontsize=9)
        axes.set_yticks(range(len(rows)), [f"d{i} = {k}" for k in rows], fontsize=9)
        axes.tick_params(length=0)
        axes.set_xlabel(plain(factor_name))
        axes.set_title("\n".join(titles[i]), fontsize=11, loc="left")
    return save(figure, Path(path))


def _confusion_title(variable: int, score: Mapping[str, Any], factor_name: str) -> str:
    num_images = np.sum(score["confusion"])
    return (
        f"{num_images} test images by category of d{variable} and {factor_name}, and "
        "their share of the row. Best one-to-one matching (framed) "
        f"{score['unsupervised_accuracy']:.1%} right, majority "
        f"{score['majority']:.1%}, one category for all {score['chance']:.1%}"
    )


def _in_matched_order(score: Mapping[str, Any], num_categories: int) -> list[int]:
    """Categories, each in the row of the label matched to it; others fill the rest."""
    rows = dict(zip(score["matching"], score["categories"], strict=True))
    found = [rows.get(label) for label in score["labels"]]
    placed = set(found)
    # Those that some image has come before those that none has.
    used = [k for k in score["categories"] if k not in placed]
    unused = set(range(num_categories)) - set(score["categories"])
    others = iter([*used, *sorted(unused)])
    order = [next(others, None) if k is None else k for k in found]
    return [k for k in [*order, *others] if k is not None]


def draw(data: FigureData) -> list[Path]:
    """The category factor of the data set against the most probable categories."""
    factor_name = data.dataset.category_factor
    if factor_name is None:
        raise NotApplicable("this data set has no factor that categories may stand for")
    values = data.dataset.factor(factor_name)[data.rows]
    num_values = len(np.unique(values))
    if num_values > _MAX_VALUES:
        raise NotApplicable(
            f"the factor {factor_name} has {num_values} values, of which {_MAX_VALUES} "
            "can be shown"
        )
    return [
        plot_category_confusion(
            [
                metrics.unsupervised_accuracy(categories, values)
                for categories in data.encoded.categories.T
            ],
            data.path("category_confusion.png"),
            category_sizes=data.category_sizes,
            factor_name=factor_name,
            value_names=data.dataset.category_names or None,
        )
    ]


CATEGORY_CONFUSION = Figure("category_confusion", (EncodesImages, HasCategories), draw)
