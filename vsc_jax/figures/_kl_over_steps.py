"""The KL of each latent during training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax.figures._drawing import new_figure, plain, save, title_above
from vsc_jax.figures._figure import NO_LOG, Figure, FigureData
from vsc_jax.figures._training_log import read_kl
from vsc_jax.metrics import NotApplicable

_DASHES = ("-", "--", ":")


def plot_kl_over_steps(
    metrics_path: str | Path,
    path: str | Path,
    marked_steps: Sequence[tuple[int, str]] = (),
    *,
    max_latents: int = 12,
    title: str = "KL(q(z|x) || p(z)) of each latent during training",
) -> Path | None:
    """A line per latent, with vertical lines at steps where something changed.

    Args:
      metrics_path: `metrics.jsonl`; of its lines those with `step` and a list
        `kl_per_latent` count.
      path: PNG file to write.
      marked_steps: `(step, what happened)`, such as the steps at which a cascade lets
        another latent go.
      max_latents: so many, the largest at their highest, have a colour and a place in
        the legend; the others are thin and grey.
      title: above the figure.

    Returns:
      `path`; None, with nothing drawn, if no line has a `kl_per_latent`.
    """
    steps, kl = read_kl(Path(metrics_path))
    if not len(steps):
        return None
    from matplotlib import colormaps

    finite = np.where(np.isfinite(kl), kl, 0.0)
    order = np.argsort(-finite.max(axis=0), kind="stable")
    figure = new_figure(900, 440, layout="constrained")
    axes = figure.subplots()
    for j in order[max_latents:]:
        axes.plot(steps, kl[:, j], color="0.8", linewidth=0.6)
    colours = [colormaps["tab10"](i) for i in range(10)]
    for i, j in enumerate(sorted(order[:max_latents])):
        axes.plot(
            steps,
            kl[:, j],
            color=colours[i % len(colours)],
            linestyle=_DASHES[i // len(colours) % len(_DASHES)],
            linewidth=1.6,
            marker="o" if len(steps) == 1 else None,
            label=f"z{j}: {kl[-1, j]:.2f}",
        )
    last = max([steps[-1], *[step for step, _ in marked_steps]])
    for step, what in marked_steps:
        axes.axvline(step, color="0.45", linewidth=1.0, linestyle=(0, (4, 3)))
        axes.annotate(
            plain(what),
            (step, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, -3),
            textcoords="offset points",
            rotation=90,
            va="top",
            fontsize=7,
            color="0.3",
        )
    axes.set_xlim(0, max(1.01 * last, 1.0))
    axes.set_ylim(0.0, max(1.15 * finite.max(), 1e-3))  # room for what is marked
    axes.set_xlabel("step")
    axes.set_ylabel("nats per image")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        title="at the end",
        frameon=False,
        fontsize=8,
        title_fontsize=8,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
    )
    title_above(axes, title, 740)
    return save(figure, Path(path))


def draw(data: FigureData) -> list[Path]:
    """What the log of the run holds, with the steps at which something changed."""
    if data.metrics_path is None:
        raise NotApplicable(NO_LOG)
    path = plot_kl_over_steps(
        data.metrics_path, data.path("kl_over_steps.png"), data.marked_steps
    )
    if path is None:
        raise NotApplicable("the log of this run has no KL per latent")
    return [path]


KL_OVER_STEPS = Figure("kl_over_steps", (), draw, of="both")
