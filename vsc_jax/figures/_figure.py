"""What a figure is, and what the figures of a run share."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import jax
import numpy as np

from vsc_jax.datasets import Dataset
from vsc_jax.evaluation import (
    Context,
    Encoded,
    inferred_latents,
    join_code,
    rank_latents,
    shared_latents,
)
from vsc_jax.metrics import NotApplicable

NO_SPIKE = "the posterior of this model has no spike"
NO_LABELS = "this data set has no labels"
NO_LOG = "no log of a run was given"
# A latent is active that says so many nats or more of so large a share of the images,
# our own choices. A mean would not tell: the 0.03 nats that a sparse prior leaves in
# every image are also that of a latent that says 3 nats of one image in 100.
_TELLING_KL, _TELLING_SHARE = 0.5, 0.01
# Without a KL, of the largest standard deviation over images, which has no scale of its
# own.
_ACTIVE_SHARE = 0.05
_NUM_SHOWN = 16
_NUM_POINTS = 400
_NUM_PICTURES = 64


@dataclasses.dataclass(frozen=True)
class FigureData:
    """What the figures of a run are drawn from; computed when a figure asks for it.

    Attributes:
      context: the model, its parameters and its data.
      rows: `[n]`, test images in random order, by their row of the data set.
      out_dir: folder of the figures.
      num_traversals: latents that the traversals show, at most.
      num_values: columns of the traversals.
      delta: step of the published traversal protocol.
      threshold: on |z_j|: which latents the published protocols take as not zero.
      sources: `[len(dataset.images), num_sources]`, or None; see `make_figures`.
      source_names: one per column of `sources`, or None.
      metrics_path: the log of the run, or None.
      marked_steps: steps of the run at which something changed, and what.
      figure_format: ending of the files of pictures.
    """

    context: Context
    rows: np.ndarray
    out_dir: Path
    num_traversals: int = 10
    num_values: int = 9
    delta: float = 0.2
    threshold: float = 1e-4
    sources: np.ndarray | None = None
    source_names: Sequence[str] | None = None
    metrics_path: Path | None = None
    marked_steps: Sequence[tuple[int, str]] = ()
    figure_format: str = "png"

    @property
    def dataset(self) -> Dataset:
        """The data set."""
        return self.context.dataset

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """Number of categories of each categorical variable."""
        return tuple(getattr(self.context.model, "category_sizes", ()))

    @property
    def latent_dim(self) -> int:
        """Number of Gaussian latents, which come first in a code."""
        return self.encoded.mean.shape[1]

    @property
    def shared_latents(self) -> np.ndarray:
        """`[n]`, the Gaussian latents that no class has for itself: mostly all."""
        return shared_latents(self.context.model)

    @functools.cached_property
    def encoded(self) -> Encoded:
        """q(z|x) of each image."""
        return self.context.encode(self.rows)

    @functools.cached_property
    def z(self) -> np.ndarray:
        """`[n, code_dim]`, one exact draw of q(z|x) for each image."""
        return self.context.sample_posterior(self.encoded, self._keys[0])

    @property
    def latents(self) -> np.ndarray:
        """`[n, latent_dim]`, the Gaussian part of the draws."""
        return self.z[:, : self.latent_dim]

    @property
    def one_hots(self) -> np.ndarray:
        """`[n, sum(category_sizes)]`, the categorical part of the draws."""
        return self.z[:, self.latent_dim :]

    @property
    def support(self) -> np.ndarray:
        """Bool `[n, latent_dim]`, whether a latent is more likely on than off."""
        return self.encoded.slab_prob > 0.5

    @property
    def base_code(self) -> np.ndarray:
        """Slab means where a latent is more likely on than off, else zero.

        `[n, code_dim]`, with the most probable categories.
        """
        return join_code(self.encoded.mean * self.support, self.encoded.one_hots)

    @functools.cached_property
    def prior(self) -> np.ndarray:
        """`[num_draws, code_dim]`, draws from the prior."""
        num = _NUM_POINTS if self.dataset.format.points else _NUM_PICTURES
        return self.context.sample_prior(num, self._keys[1])

    @functools.cached_property
    def x(self) -> np.ndarray:
        """The first 16 of the images."""
        return self.dataset.decode(self.rows[:_NUM_SHOWN])

    @property
    def max_value(self) -> float:
        """Pixel value shown as white."""
        scaled = self.dataset.format.unit_norm or self.dataset.format.divisor != 1.0
        return float(max(self.x.max(), 1e-6)) if scaled else 1.0

    @property
    def labels(self) -> np.ndarray:
        """The label of each image `[n]`.

        Raises:
          NotApplicable: if the data set has none.
        """
        labels = self.dataset.labels
        if labels is None:
            raise NotApplicable(NO_LABELS)
        return labels[self.rows]

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Images `[..., height, width, channels]` of codes `[..., code_dim]`."""
        return self.context.decode(codes)

    def path(self, name: str) -> Path:
        """The file of that name in the folder of the figures, in its format."""
        if name.endswith(".png"):
            name = f"{name.removesuffix('png')}{self.figure_format}"
        return self.out_dir / name

    def label_name(self, label: int) -> str:
        """The name of a label: that of the data set, or the number."""
        names = self.dataset.label_names
        return names[label] if names else str(label)

    @functools.cached_property
    def latent_scores(self) -> np.ndarray:
        """How much each Gaussian latent matters `[latent_dim]`.

        The mean KL; without one the standard deviation over images.
        """
        if self.encoded.kl is None:
            return self.encoded.expected_latents.std(axis=0)
        return mean_kl(self.encoded.kl)[: self.latent_dim]

    @functools.cached_property
    def active_latents(self) -> np.ndarray:
        """`[n]`, latents that say something of images; the others are idle."""
        score = self.latent_scores
        if self.encoded.kl is None:
            active = score > _ACTIVE_SHARE * score.max()
        else:
            kl = sum_of_terms(self.encoded.kl)[:, : self.latent_dim]
            active = np.quantile(kl, 1.0 - _TELLING_SHARE, axis=0) >= _TELLING_KL
        inferred = inferred_latents(self.context.model)
        return inferred[active[inferred]]

    def ranked_latents(self, num: int) -> tuple[np.ndarray, list[str]]:
        """Gaussian latents that matter most, and a label that says how much.

        None that is idle, but for the first where all are.
        """
        score, latents = self.latent_scores, self.active_latents
        what = "st. dev. {:.2f}" if self.encoded.kl is None else "KL {:.2f} nats"
        if len(latents):
            latents = latents[rank_latents(score[latents], num)]
        else:
            inferred = inferred_latents(self.context.model)
            latents = inferred[rank_latents(score[inferred], 1)]
        return latents, [f"z{j} {what.format(score[j])}" for j in latents]

    @functools.cached_property
    def _keys(self) -> jax.Array:
        """Of the draws from the posterior, and of those from the prior."""
        return jax.random.split(jax.random.key(self.context.seed))


class Figure(NamedTuple):
    """A figure, or figures that are drawn together.

    Attributes:
      name: under which it is listed where it is skipped or has failed.
      needs: capabilities of `vsc_jax.models` that the model must have.
      draw: writes its files and returns their paths. Raises NotApplicable with the
        reason where the data set or the codes have nothing to draw.
      of: what the data must be.
    """

    name: str
    needs: tuple[type, ...]
    draw: Callable[[FigureData], list[Path]]
    of: Literal["pictures", "points", "both"] = "pictures"


def mean_kl(kl: Mapping[str, np.ndarray]) -> np.ndarray:
    """The KL of each latent and variable, mean over images, of its terms `[n, d]`."""
    return np.sum([term.mean(axis=0) for term in kl.values()], axis=0)


def sum_of_terms(kl: Mapping[str, np.ndarray]) -> np.ndarray:
    """The KL of each latent and variable for each image `[n, d]`, of its terms."""
    return np.sum(list(kl.values()), axis=0)


def chosen_categories(categories: np.ndarray) -> list[str]:
    """Categories `[n, num_variables]` in words, such as "d0 = 2, d1 = 0"."""
    return [", ".join(f"d{i} = {k}" for i, k in enumerate(row)) for row in categories]
