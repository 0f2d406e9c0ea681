"""Points in the plane: data of two numbers, and codes of two latents."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vsc_jax.evaluation import aggregate_density
from vsc_jax.figures._drawing import (
    INK,
    SECOND_INK,
    new_figure,
    save,
    wrap_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PALE = "0.8"
_PANEL = 330
_LEAST_LIMIT = 2.0
_NUM_DENSITY = 300


def plot_points(
    x: np.ndarray,
    reconstructions: np.ndarray,
    samples: np.ndarray | None,
    path: str | Path,
    *,
    title: str = "Points in the plane, and what the model makes of them; the test "
    "points are grey",
) -> Path:
    """Data, reconstructions and samples side by side, on the same axes.

    The data stand in grey behind the other two. What lies outside of the axes, which
    hold all data and 99 % of the others, is counted in a corner of the panel.

    Args:
      x: `[n, 2]`, test points.
      reconstructions: `[n, 2]`, what the decoder makes of the code of each.
      samples: `[m, 2]`, decoded draws from the prior; None leaves the panel out.
      path: PNG file to write.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if an array is not `[n, 2]`, or `reconstructions` has other rows.
    """
    x = _as_points("x", x)
    reconstructions = _as_points("reconstructions", reconstructions)
    if len(reconstructions) != len(x):
        raise ValueError(
            f"reconstructions must have one row per point, {len(x)}, got "
            f"{len(reconstructions)}."
        )
    panels = [
        ("test points", x, INK),
        ("their reconstructions", reconstructions, SECOND_INK),
    ]
    if samples is not None:
        samples = _as_points("samples", samples)
        panels.append(("decoded draws from the prior", samples, SECOND_INK))
    limit = 1.05 * max(
        _reach(x, 1.0), *[_reach(points, 0.99) for _, points, _ in panels[1:]]
    )
    width = _PANEL * len(panels) + 30
    lines = wrap_title(title, width - 20)
    figure = new_figure(width, _PANEL + 50 + 18 * len(lines), layout="constrained")
    figure.suptitle("\n".join(lines), fontsize=11, x=0.01, ha="left")
    grid = figure.subplots(1, len(panels), sharex=True, sharey=True)
    for axes, (name, points, colour) in zip(grid, panels, strict=True):
        if points is not x:
            axes.scatter(*x.T, s=5, color=_PALE, linewidths=0)
        axes.scatter(*points.T, s=7, color=colour, linewidths=0, alpha=0.8)
        _set_square(axes, limit, name, points)
        axes.set_xlabel("$x_0$", fontsize=9)
    grid[0].set_ylabel("$x_1$", rotation=0, fontsize=9)
    return save(figure, Path(path))


def plot_aggregate_posterior(
    mean: np.ndarray,
    log_var: np.ndarray,
    prior_samples: np.ndarray,
    path: str | Path,
    *,
    classes: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    title: str = "The aggregate posterior q(z), the mean of q(z|x) over test images, "
    "beside the prior",
) -> Path:
    """The density of q(z) of two latents, and its means over draws from the prior.

    On the left q(z) = 1/N sum_n N(z; mean_n, exp(log_var_n)), with colours from 0 to 1
    as in figure 3 of Mathieu, Rainforth, Siddharth, Teh, "Disentangling Disentanglement
    in Variational Autoencoders" (ICML 2019, https://arxiv.org/abs/1812.02833). The axes
    go from -2 to 2, or farther where 99.9 % of the draws from the prior or from q(z)
    lie farther out; how many points of the right panel they cut off stands in it.
    A code narrower than half a cell of the grid of 300 x 300 is drawn that wide, or it
    might fall between the cells.

    Args:
      mean: `[n, 2]`, means of q(z|x).
      log_var: `[n, 2]`, log-variances of q(z|x).
      prior_samples: `[m, 2]`, draws from p(z).
      path: PNG file to write.
      classes: `[n]` integers from 0 on, which colour the means; None for one colour.
      class_names: names of the classes 0, 1, ... in the legend; None for numbers.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if a shape is wrong, a class is negative or has no name.
    """
    mean, log_var = _as_points("mean", mean), _as_points("log_var", log_var)
    prior_samples = _as_points("prior_samples", prior_samples)
    if len(log_var) != len(mean):
        raise ValueError(
            f"log_var must have one row per mean, {len(mean)}, got {len(log_var)}."
        )
    groups = _group(mean, classes, class_names)
    noise = np.random.default_rng(0).standard_normal(mean.shape)
    limit = max(
        _LEAST_LIMIT,
        _reach(prior_samples, 0.999),
        _reach(mean + np.exp(0.5 * log_var) * noise, 0.999),
    )
    density = aggregate_density(mean, log_var, limits=(-limit, limit), num=_NUM_DENSITY)
    width = 2 * _PANEL + 180
    lines = wrap_title(title, width - 20)
    figure = new_figure(width, _PANEL + 20 + 18 * len(lines), layout="constrained")
    figure.suptitle("\n".join(lines), fontsize=11, x=0.01, ha="left")
    left, right = figure.subplots(1, 2)
    image = left.imshow(
        density,
        origin="lower",
        extent=(-limit, limit, -limit, limit),
        vmin=0.0,
        vmax=1.0,
        cmap="viridis",
        interpolation="nearest",
    )
    left.set_title("density of q(z)", fontsize=9)
    bar = figure.colorbar(
        image,
        cax=left.inset_axes((1.03, 0.0, 0.05, 1.0)),
        extend="max" if density.max() > 1.0 else "neither",
        extendfrac=0.04,
    )
    bar.ax.tick_params(labelsize=8)
    right.scatter(*prior_samples.T, s=5, color=_PALE, linewidths=0, label="prior")
    for name, points, colour in groups:
        right.scatter(*points.T, s=8, color=colour, linewidths=0, label=name)
    together = np.concatenate([mean, prior_samples])
    _set_square(right, limit, "draws from p(z), means of q(z|x)", together)
    left.tick_params(labelsize=8)
    for axes in (left, right):
        axes.set_xlabel("$z_0$", fontsize=9)
        axes.set_ylabel("$z_1$", rotation=0, fontsize=9)
    right.legend(
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
        fontsize=8,
        markerscale=2.0,
        handletextpad=0.2,
    )
    return save(figure, Path(path))


def _group(
    mean: np.ndarray, classes: np.ndarray | None, class_names: Sequence[str] | None
) -> list[tuple[str, np.ndarray, object]]:
    """Name, means and colour of each class that is there."""
    if classes is None:
        return [("q(z|x)", mean, INK)]
    from matplotlib import colormaps

    classes = np.asarray(classes)
    if classes.shape != (len(mean),) or not np.issubdtype(classes.dtype, np.integer):
        raise ValueError(
            f"classes must be integers of shape ({len(mean)},), got {classes.dtype} of "
            f"shape {classes.shape}."
        )
    present = np.unique(classes)
    if present[0] < 0:
        raise ValueError(f"classes must be 0 or more, got {present[0]}.")
    if class_names is not None and len(class_names) <= present[-1]:
        raise ValueError(
            f"class_names must have a name for the class {present[-1]}, got "
            f"{len(class_names)} names."
        )
    present = [int(k) for k in present]
    names = [f"class {k}" if class_names is None else class_names[k] for k in present]
    # Grey is the colour of the prior.
    colours = [colormaps["tab10"](i) for i in range(10) if i != 7]
    return [
        (name, mean[classes == k], colours[k % len(colours)])
        for name, k in zip(names, present, strict=True)
    ]


def _as_points(name: str, points: np.ndarray) -> np.ndarray:
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(
            f"{name} must have shape [n, 2] with n at least 1, got {points.shape}."
        )
    return points


def _reach(points: np.ndarray, share: float) -> float:
    """Half the side of the square around zero that holds this share of the points."""
    farthest = np.abs(points).max(axis=1)
    farthest = farthest[np.isfinite(farthest)]
    return max(float(np.quantile(farthest, share)), 1e-6) if len(farthest) else 1.0


def _set_square(axes: "Axes", limit: float, name: str, points: np.ndarray) -> None:
    """Axes from -limit to limit; what lies outside is counted in a corner."""
    outside = np.count_nonzero(~(np.abs(points) <= limit).all(axis=1))
    if outside:
        note = f"{outside} of {len(points)} outside"
        axes.text(
            0.98, 0.02, note, transform=axes.transAxes, ha="right", fontsize=8, zorder=3
        )
    axes.set_title(name, fontsize=9)
    axes.set_xlim(-limit, limit)
    axes.set_ylim(-limit, limit)
    axes.set_aspect("equal")
    axes.tick_params(labelsize=8)
