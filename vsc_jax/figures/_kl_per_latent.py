"""The KL of each latent as bars."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vsc_jax.figures._drawing import (
    INK,
    SECOND_INK,
    new_figure,
    save,
    title_above,
)
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.models import EncodesImages, HasKL

_FILLS = ((INK, ""), (SECOND_INK, "////"), ("0.75", ".."), ("white", "xx"))


def plot_kl_per_latent(
    terms: Mapping[str, np.ndarray],
    path: str | Path,
    *,
    num_variables: int = 0,
    max_latents: int = 60,
    title: str = "KL(q(z|x) || p(z)) of each latent, mean over test images",
) -> Path:
    """Stacked bars, the largest first; every term has its own hatching.

    Args:
      terms: name -> `[latent_dim + num_variables]`, mean KL in nats.
      path: PNG file to write.
      num_variables: how many of the last entries are categorical variables; they are
        labelled d0, d1, ...
      max_latents: bars at most.
      title: above the figure.

    Returns:
      `path`.

    Raises:
      ValueError: if there is no term, or shapes differ.
    """
    arrays = {name: np.asarray(term, np.float64) for name, term in terms.items()}
    if not arrays or len({a.shape for a in arrays.values()}) > 1:
        raise ValueError(
            "terms must be one or more vectors of one length, got shapes "
            f"{[a.shape for a in arrays.values()]}."
        )
    total = np.sum(list(arrays.values()), axis=0)
    order = np.argsort(-total, kind="stable")[:max_latents]
    some = len(order) < len(total)
    shown = f"the {len(order)} largest of {len(total)}; " if some else ""
    figure = new_figure(900, 380, layout="constrained")
    axes = figure.subplots()
    positions, base = np.arange(len(order)), np.zeros(len(order))
    for i, (name, term) in enumerate(arrays.items()):
        colour, hatch = _FILLS[i % len(_FILLS)]
        axes.bar(
            positions,
            term[order],
            bottom=base,
            color=colour,
            hatch=hatch,
            edgecolor="black",
            linewidth=0.4,
            label=f"{name}: {term.sum():.2f} nats in all",
        )
        base = base + term[order]
    latent_dim = len(total) - num_variables
    names = [str(j) if j < latent_dim else f"d{j - latent_dim}" for j in order]
    axes.set_xticks(positions, names, fontsize=7, rotation=90)
    axes.set_xlim(-0.8, len(order) - 0.2)
    also = "; d: categorical variable" if num_variables else ""
    axes.set_xlabel("index of the latent" + also)
    axes.set_ylabel("nats per image")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    title_above(axes, f"{title} ({shown}sum {total.sum():.2f} nats)", 850)
    return save(figure, Path(path))


def draw(data: FigureData) -> list[Path]:
    """Mean over the images; categorical variables stand among the latents."""
    terms = {name: term.mean(axis=0) for name, term in (data.encoded.kl or {}).items()}
    return [
        plot_kl_per_latent(
            terms,
            data.path("kl_per_latent.png"),
            num_variables=len(data.category_sizes),
        )
    ]


KL_PER_LATENT = Figure("kl_per_latent", (EncodesImages, HasKL), draw, of="both")
