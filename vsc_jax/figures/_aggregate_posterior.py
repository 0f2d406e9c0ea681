"""The density of the aggregate posterior of two latents."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.evaluation import aggregate_density
from vsc_jax.figures._drawing import INK, new_figure, plain, save, wrap_title
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._plane import PALE, PANEL, as_points, reach, set_square
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import EncodesImages, SamplesPrior

_DRAWN_DIM = 2
_MAX_CLASSES = 20
_LEAST_LIMIT = 2.0
_NUM_DENSITY = 300


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

    On the left q(z) = 1/N sum_n N(z; mean_n, exp(log_var_n)), with colours from 0 to
    its maximum, but at most to 1 as in figure 3 of Mathieu, Rainforth, Siddharth, Teh,
    "Disentangling Disentanglement in Variational Autoencoders" (ICML 2019,
    https://arxiv.org/abs/1812.02833). The axes go from -2 to 2, or farther where 99.9 %
    of the draws from the prior or from q(z) lie farther out; how many points of the
    right panel they cut off stands in it. A code narrower than half a cell of the grid
    of 300 x 300 is drawn that wide, or it might fall between the cells.

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
    mean, log_var = as_points("mean", mean), as_points("log_var", log_var)
    prior_samples = as_points("prior_samples", prior_samples)
    if len(log_var) != len(mean):
        raise ValueError(
            f"log_var must have one row per mean, {len(mean)}, got {len(log_var)}."
        )
    groups = _group(mean, classes, class_names)
    noise = np.random.default_rng(0).standard_normal(mean.shape)
    limit = max(
        _LEAST_LIMIT,
        reach(prior_samples, 0.999),
        reach(mean + np.exp(0.5 * log_var) * noise, 0.999),
    )
    density = aggregate_density(mean, log_var, limits=(-limit, limit), num=_NUM_DENSITY)
    width = 2 * PANEL + 180
    lines = wrap_title(title, width - 20)
    figure = new_figure(width, PANEL + 20 + 18 * len(lines), layout="constrained")
    figure.suptitle("\n".join(lines), fontsize=11, x=0.01, ha="left")
    left, right = figure.subplots(1, 2)
    image = left.imshow(
        density,
        origin="lower",
        extent=(-limit, limit, -limit, limit),
        vmin=0.0,
        vmax=min(float(density.max()), 1.0),
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
    right.scatter(*prior_samples.T, s=5, color=PALE, linewidths=0, label="prior")
    for name, points, colour in groups:
        right.scatter(*points.T, s=8, color=colour, linewidths=0, label=name)
    together = np.concatenate([mean, prior_samples])
    set_square(right, limit, "draws from p(z), means of q(z|x)", together)
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
    names = [
        # Matplotlib leaves out of the legend what begins with an underscore.
        f"class {k}" if class_names is None else " " + plain(class_names[k], 24)
        for k in present
    ]
    # Grey is the colour of the prior; ten digits need a tenth.
    colours = [*(colormaps["tab10"](i) for i in range(10) if i != 7), "black"]
    return [
        (name, mean[classes == k], colours[k % len(colours)])
        for name, k in zip(names, present, strict=True)
    ]


def draw(data: FigureData) -> list[Path]:
    """Colours are labels, else the values of the factor if there is just one."""
    encoded, dataset = data.encoded, data.dataset
    shared = data.shared_latents  # those of one class say nothing of the others
    if len(shared) != _DRAWN_DIM:
        raise NotApplicable("only two latents can be drawn as a density")
    if encoded.log_var is None or encoded.has_spike:
        raise NotApplicable("it needs a Gaussian posterior")
    classes, names = dataset.labels, dataset.label_names
    if (
        classes is None
        and dataset.factors is not None
        and dataset.factors.shape[1] == 1
    ):
        classes, names = dataset.factors[:, 0], ()
    if classes is not None and len(np.unique(classes[data.rows])) > _MAX_CLASSES:
        classes = None
    return [
        plot_aggregate_posterior(
            encoded.mean[:, shared],
            encoded.log_var[:, shared],
            data.prior[:, shared],
            data.path("aggregate_posterior.png"),
            classes=None if classes is None else classes[data.rows],
            class_names=names or None,
        )
    ]


AGGREGATE_POSTERIOR = Figure(
    "aggregate_posterior", (EncodesImages, SamplesPrior), draw, of="both"
)
