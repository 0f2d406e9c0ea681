"""All figures of a trained model, from one list."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vsc_jax.evaluation import Context, needs
from vsc_jax.figures._aggregate_posterior import AGGREGATE_POSTERIOR
from vsc_jax.figures._author_traversals import AUTHOR_TRAVERSALS
from vsc_jax.figures._category_confusion import CATEGORY_CONFUSION
from vsc_jax.figures._category_samples import CATEGORY_SAMPLES
from vsc_jax.figures._category_traversals import TRAVERSALS_PER_CATEGORY
from vsc_jax.figures._class_gates import CLASS_GATES
from vsc_jax.figures._class_kl import CLASS_KL
from vsc_jax.figures._class_magnitudes import CLASS_MAGNITUDES
from vsc_jax.figures._class_samples import CLASS_SAMPLES
from vsc_jax.figures._class_traversals import CLASS_TRAVERSALS, SHARED_TRAVERSALS
from vsc_jax.figures._code_traversals import CODE_TRAVERSALS
from vsc_jax.figures._conditional_samples import CONDITIONAL_SAMPLES
from vsc_jax.figures._correlation import CORRELATION
from vsc_jax.figures._counts_over_steps import COUNTS_OVER_STEPS
from vsc_jax.figures._drawing import FORMATS
from vsc_jax.figures._explorer import EXPLORER
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._interpolation import INTERPOLATION
from vsc_jax.figures._interpretation import INTERPRETATION
from vsc_jax.figures._kl_maps import KL_MAPS
from vsc_jax.figures._kl_over_steps import KL_OVER_STEPS
from vsc_jax.figures._kl_per_latent import KL_PER_LATENT
from vsc_jax.figures._latent_bars import LATENT_BARS
from vsc_jax.figures._latent_order import LATENT_ORDER
from vsc_jax.figures._layers import LAYER_KL_MAPS, LAYER_PROBE
from vsc_jax.figures._object_traversals import OBJECT_TRAVERSALS
from vsc_jax.figures._objects import OBJECTS
from vsc_jax.figures._points import POINTS
from vsc_jax.figures._prior_samples import PRIOR_SAMPLES
from vsc_jax.figures._reconstructions import RECONSTRUCTIONS
from vsc_jax.figures._training_curves import TRAINING_CURVES
from vsc_jax.figures._traversals import TRAVERSALS
from vsc_jax.metrics import NotApplicable

_logger = logging.getLogger(__name__)

# In the order in which a report shows them.
FIGURES: tuple[Figure, ...] = (
    POINTS,
    RECONSTRUCTIONS,
    OBJECTS,
    KL_MAPS,
    OBJECT_TRAVERSALS,
    TRAVERSALS,
    AUTHOR_TRAVERSALS,
    INTERPRETATION,
    CONDITIONAL_SAMPLES,
    INTERPOLATION,
    LATENT_BARS,
    PRIOR_SAMPLES,
    KL_PER_LATENT,
    TRAVERSALS_PER_CATEGORY,
    CODE_TRAVERSALS,
    CATEGORY_SAMPLES,
    CATEGORY_CONFUSION,
    SHARED_TRAVERSALS,
    CLASS_TRAVERSALS,
    CLASS_SAMPLES,
    CLASS_KL,
    CLASS_MAGNITUDES,
    CLASS_GATES,
    LAYER_KL_MAPS,
    LAYER_PROBE,
    CORRELATION,
    AGGREGATE_POSTERIOR,
    TRAINING_CURVES,
    KL_OVER_STEPS,
    COUNTS_OVER_STEPS,
    LATENT_ORDER,
    EXPLORER,
)
_NUM_IMAGES = 2_000


class Figures(NamedTuple):
    """What was drawn, and what was not.

    Attributes:
      paths: of the files, in the order in which a report shows them.
      skipped: name of a figure -> why this model or data set does not have it.
      failed: name of a figure -> the error that it ended with.
      for_papers: files of the same figures as PDF or SVG, if these were asked for.
    """

    paths: list[Path]
    skipped: dict[str, str]
    failed: dict[str, str]
    for_papers: Sequence[Path] = ()


def make_figures(
    context: Context,
    out_dir: str | Path,
    *,
    rows: np.ndarray | None = None,
    num_traversals: int = 10,
    num_values: int = 9,
    delta: float = 0.2,
    threshold: float = 1e-4,
    sources: np.ndarray | None = None,
    source_names: Sequence[str] | None = None,
    metrics_path: str | Path | None = None,
    marked_steps: Sequence[tuple[int, str]] = (),
    figure_format: str = "png",
) -> Figures:
    """Draws every figure that the model and the data set have something for.

    Files: `reconstructions.png`; `traversals.png` and `traversals.gif` (the active
    latents with the largest KL; without a KL, with the largest variance);
    `author_traversals.png` (the protocol of `author_traversal_codes`);
    `interpretation.png` (`interpretation_codes`); `conditional_samples.png`
    (`conditional_codes`; a posterior with a spike); `interpolation.png`
    (`interpolation_codes`, with gates rounded to 0 or 1 at both ends);
    `latent_bars.png`; `prior_samples.png`; `kl_per_latent.png`; for models with
    categorical variables `traversals_per_category.png` (rows are categories, a block
    per latent), `category_samples.png` (draws from the prior with every category) and
    `category_confusion.png` (categories against the category factor of the data set);
    for models with noise beside their codes `code_traversals.png` (draws from the prior
    in which one code goes from end to end, a block per code);
    for models whose decoder is given the class `shared_traversals.png` (the latents of
    all classes, with each), `class_traversals.png` (those of one class),
    `class_samples.png` (draws of each class at standard deviations 1 and 1.4) and
    `class_kl.png` (the KL of the latents of one class, on labelled data);
    for models of scenes `objects.png` (boxes and masks of what is found), `kl_maps.png`
    (the KL of each part of the image) and `object_traversals.png` (the latents of one
    object); for models that show their layers `layer_kl_maps.png` (the KL of every
    place of each) and `layer_probe.png` (what can be read off each, on data with
    factors); `class_magnitudes.png` (labelled data); `class_gates.png` (labelled data
    and a posterior with a spike); `correlation.png` (data with sources);
    `aggregate_posterior.png` (two latents, or two that classes share); with a log
    `training_curves.png`, `kl_over_steps.png`, `latent_order.png` (from when on each
    latent says something, and which factor) and, of models that find objects where
    their number is known, `counts_over_steps.png`. Of a data set of points `points.png`
    in place of the pictures of images.

    `explorer.json` has frames for a page on which latents and categories are moved by
    hand; see `write_report`.

    All that move or rank latents take the Gaussian ones; categories stay. Idle ones are
    not moved: active is a latent whose KL is half a nat or more in at least 1 % of the
    images (without a KL, one with a twentieth of the largest standard deviation), which
    is our own choice. Each file is written whole or not at all. An error of one figure
    costs none of the others; it is logged, unless it is one of the operating system,
    such as that of a full disk.

    Args:
      context: the model and its data.
      out_dir: folder, made if missing.
      rows: `[n]`, test images that rank latents and give the range of their values, by
        their row of the data set; some, at random, are shown. None takes 2,000 at
        random. Those that the scores are of make the KL in a figure that of the table.
      num_traversals: rows of the traversals at most.
      num_values: columns of the traversals.
      delta: step of the published traversal protocol.
      threshold: on |z_j|: which latents are moved or drawn anew, as published.
      sources: `[len(dataset.images), num_sources]`, the values that drew the images,
        for `correlation.png`; None takes `dataset.sources`, and without those the
        factors where all have two values.
      source_names: one per column of `sources`; None takes the names that the data
        set has for its own and numbers those given here.
      metrics_path: the log of the run, `metrics.jsonl`; None for no run.
      marked_steps: see `plot_kl_over_steps`.
      figure_format: "pdf" or "svg" writes each figure in that format too, without the
        title inside, for a paper; "png" writes no other.

    Returns:
      A `Figures`.

    Raises:
      ValueError: if `figure_format` is another one.
    """
    check_format(figure_format)
    given = context.dataset.test_indices if rows is None else np.asarray(rows)
    shuffled = np.random.default_rng(context.seed).permutation(given)
    data = FigureData(
        context,
        shuffled if rows is not None else shuffled[:_NUM_IMAGES],
        Path(out_dir),
        num_traversals=num_traversals,
        num_values=num_values,
        delta=delta,
        threshold=threshold,
        sources=sources,
        source_names=source_names,
        metrics_path=None if metrics_path is None else Path(metrics_path),
        marked_steps=marked_steps,
    )
    figures = Figures([], {}, {}, for_papers := [])
    of_paper = dataclasses.replace(data, figure_format=figure_format)
    for figure in FIGURES:
        try:
            paths = _draw(figure, data)
            figures.paths.extend(paths)
            if figure_format != "png" and any(p.suffix == ".png" for p in paths):
                for_papers += [p for p in _draw(figure, of_paper) if p not in paths]
        except NotApplicable as reason:
            figures.skipped[figure.name] = str(reason)
        except OSError as error:  # such as a full disk: no fault of the figure
            figures.failed[figure.name] = _cannot_write(error, data.out_dir)
        except Exception as error:
            what = " ".join(str(error).split())
            figures.failed[figure.name] = f"{type(error).__name__}: {what}"
            _logger.exception("the figure %s failed", figure.name)
    return figures


def check_format(figure_format: str) -> None:
    """Raises ValueError for what is no format of figures."""
    if figure_format not in FORMATS:
        raise ValueError(
            f"figure_format must be one of {', '.join(FORMATS)}, got {figure_format!r}."
        )


def _cannot_write(error: OSError, folder: Path) -> str:
    """The same for all files of the folder, so that it can be said once."""
    if error.filename is None or Path(error.filename).parent != folder:
        return " ".join(str(error).split())
    return f"cannot write to {folder}: {error.strerror}"


def _draw(figure: Figure, data: FigureData) -> list[Path]:
    points = data.dataset.format.points
    if figure.of != "both" and points != (figure.of == "points"):
        kind = "points, not pictures" if points else "pictures, not points"
        raise NotApplicable(f"this data set holds {kind}")
    needs(data.context.model, *figure.needs)
    return figure.draw(data)
