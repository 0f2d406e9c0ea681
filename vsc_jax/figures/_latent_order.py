"""The order in which latents, and with them factors, enter the code during training."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vsc_jax import metrics
from vsc_jax.figures._drawing import INK, new_figure, plain, save, title_above
from vsc_jax.figures._figure import NO_LOG, Figure, FigureData
from vsc_jax.figures._training_log import read_kl
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import EncodesImages

# Nats: below it a latent says nothing that is seen in an image. Our own choice.
ENTERED_KL = 0.1
_MAX_LATENTS = 40


def plot_latent_order(
    metrics_path: str | Path,
    path: str | Path,
    *,
    told: Mapping[int, str] | None = None,
    num_latents: int | None = None,
    threshold: float = ENTERED_KL,
    max_latents: int = _MAX_LATENTS,
    title: str = "",
) -> Path | None:
    """A bar for each latent, from the step at which its KL rose above a threshold.

    In the order in which they rose, each with what it tells at the end of training. The
    step is that after the last line of the log with a KL below the threshold, so that
    what begins above it and falls does not count; latents that are below it at the end
    have no bar.

    Args:
      metrics_path: `metrics.jsonl`; of its lines those with `step` and a list
        `kl_per_latent` count.
      path: PNG file to write.
      told: latent -> what is written beside its name.
      num_latents: the first so many entries of `kl_per_latent`; None for all.
      threshold: on the KL, in nats.
      max_latents: bars at most, the earliest.
      title: above the figure; what is drawn if not given.

    Returns:
      `path`; None, with nothing drawn, if no latent rose above the threshold.
    """
    steps, kl = read_kl(Path(metrics_path))
    if not len(steps):
        return None
    kl = kl[:, :num_latents]
    entered = entry_steps(steps, kl, threshold)
    order = np.argsort(entered, kind="stable")
    order = order[np.isfinite(entered[order])][:max_latents]
    if not len(order):
        return None
    figure = new_figure(900, 110 + 26 * len(order), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(order))
    last = max(steps[-1], 1.0)
    axes.barh(places, last - entered[order], left=entered[order], color=INK, height=0.6)
    for place, j in zip(places, order, strict=True):
        axes.annotate(
            f"{entered[j]:,.0f}",
            (entered[j], place),
            xytext=(-3, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=7,
        )
    names = [f"z{j} {(told or {}).get(int(j), '')}".strip() for j in order]
    axes.set_yticks(places, [plain(name) for name in names], fontsize=8)
    axes.invert_yaxis()  # the first one above
    axes.set_xlim(-0.06 * last, last)
    axes.set_xlabel("step")
    axes.spines[["top", "right"]].set_visible(False)
    default = (
        f"When the KL of a latent rose above {threshold:g} nats for good, "
        f"{np.isfinite(entered).sum()} of {kl.shape[1]} latents"
    )
    title_above(axes, title or default, 740)
    return save(figure, Path(path))


def entry_steps(steps: np.ndarray, kl: np.ndarray, threshold: float) -> np.ndarray:
    """The first step `[latent_dim]` from which on the KL is at least the threshold.

    Args:
      steps: `[n]`, rising.
      kl: `[n, latent_dim]`.
      threshold: in nats.

    Returns:
      float64, infinite for a latent whose last KL is below the threshold.
    """
    below = ~(kl >= threshold)  # NaN too
    # The line after the last one that is below; behind the end there is no step.
    first = np.where(below.any(0), len(kl) - below[::-1].argmax(0), 0)
    return np.append(steps, math.inf)[first]


def told_factors(
    codes: np.ndarray, factors: np.ndarray, names: Sequence[str]
) -> dict[int, str]:
    """The factor that each latent tells most of, and what share of its entropy.

    Args:
      codes: `[n, latent_dim]`.
      factors: int `[n, num_factors]`.
      names: of the factors.

    Returns:
      Latent -> such as "scale 0.83", from the plug-in mutual information of
      `vsc_jax.metrics.mig`.

    Raises:
      NotApplicable: if all factors are constant.
    """
    found = metrics.mig(codes, factors)
    shares = np.array(found["mutual_information"]) / np.array(found["entropies"])[None]
    best = shares.argmax(axis=1)
    return {
        j: f"{names[found['factors'][k]]} {shares[j, k]:.2f}"
        for j, k in enumerate(best)
    }


def draw(data: FigureData) -> list[Path]:
    """What the log of the run holds, with the factors of the images where known."""
    if data.metrics_path is None:
        raise NotApplicable(NO_LOG)
    factors, told, title = data.dataset.factors, {}, ""
    if factors is not None:
        told = told_factors(
            data.encoded.expected_latents,
            factors[data.rows],
            data.dataset.factor_names,
        )
        title = (
            f"When the KL of a latent rose above {ENTERED_KL:g} nats for good, and the "
            "factor that it tells most of at the end, as a share of the factor's "
            "entropy"
        )
    path = plot_latent_order(
        data.metrics_path,
        data.path("latent_order.png"),
        told=told,
        num_latents=data.latent_dim,
        title=title,
    )
    if path is None:
        raise NotApplicable(f"the log of this run has no KL above {ENTERED_KL:g} nats")
    return [path]


LATENT_ORDER = Figure("latent_order", (EncodesImages,), draw)
