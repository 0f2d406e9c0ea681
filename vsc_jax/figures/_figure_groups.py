"""Figures that belong together: each function draws what the model has."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vsc_jax import metrics
from vsc_jax.datasets import Dataset
from vsc_jax.evaluation._code_changes import (
    conditional_codes,
    interpolation_codes,
    interpretation_codes,
)
from vsc_jax.evaluation._encode import join_code
from vsc_jax.evaluation._evaluate import LABEL
from vsc_jax.evaluation._traversals import (
    author_traversal_codes,
    traversal_codes,
    traversal_values,
)
from vsc_jax.figures._class_magnitudes import plot_class_magnitudes
from vsc_jax.figures._data import FigureData, Figures, rank_latents
from vsc_jax.figures._interpretation import (
    plot_conditional_samples,
    plot_interpolation,
    plot_interpretation,
)
from vsc_jax.figures._kl_per_latent import (
    plot_class_gates,
    plot_correlation,
    plot_kl_per_latent,
)
from vsc_jax.figures._latent_bars import plot_latent_bars, plot_prior_samples
from vsc_jax.figures._traversals import (
    plot_author_traversals,
    plot_traversals,
    save_traversal_gif,
)

_NO_PRIOR = "this model has no prior"
_NO_SPIKE = "the posterior of this model has no spike"
_NUM_ROWS = 6
_NUM_PAIRS = 3
_NUM_BARS = 4


def draw_traversals(
    data: FigureData,
    *,
    num_traversals: int,
    num_values: int,
    delta: float,
    threshold: float,
) -> Figures:
    """One latent moves, the others stay: our grid, the animation, the published one."""
    latents, labels = rank_latents(data, num_traversals)
    # The animation has a moment between every two columns of the picture.
    values = traversal_values(data.latents, latents, num_values=2 * num_values - 1)
    frames = data.decode(traversal_codes(data.base_code[0], latents, values))
    ranges = [f"{low:.1f} to {high:.1f}" for low, high in values[:, [0, -1]]]
    paths = [
        plot_traversals(
            data.x[0],
            frames[:, ::2],
            data.out_dir / "traversals.png",
            row_labels=[f"{a}\n{b}" for a, b in zip(labels, ranges, strict=True)],
            max_value=data.max_value,
            title="Traversals: each row changes one latent of the code of the input, "
            "over the range that it has where it is used (5 % to 95 %); the others "
            "stay",
        ),
        save_traversal_gif(
            frames,
            data.out_dir / "traversals.gif",
            row_labels=labels,
            max_value=data.max_value,
        ),
    ]
    moved, codes = author_traversal_codes(
        data.latents[0], threshold=threshold, delta=delta, max_latents=num_traversals
    )
    if not len(moved):
        reason = "every latent of the sampled code is zero"
        return Figures(paths, {"author_traversals": reason})
    paths.append(
        plot_author_traversals(
            data.decode(join_code(codes, data.one_hots[0])),
            data.out_dir / "author_traversals.png",
            row_labels=[f"z{j} = {data.z[0, j]:+.2f}" for j in moved],
            max_value=data.max_value,
            title="Published protocol: each row moves one non-zero latent of a "
            f"sampled code by {delta:g} per frame, towards zero and through it",
        )
    )
    return Figures(paths, {})


def draw_code_changes(data: FigureData, *, seed: int, threshold: float) -> Figures:
    """Interpretation, conditional samples and interpolation."""
    paths = []
    skipped: dict[str, str] = {}
    x, z = data.x[:_NUM_ROWS], data.latents[:_NUM_ROWS]
    one_hots = data.one_hots[:_NUM_ROWS, None]  # what each row keeps
    x_decoded = data.decode(data.z[:_NUM_ROWS])
    latents, codes = interpretation_codes(z)
    paths.append(
        plot_interpretation(
            x,
            x_decoded,
            data.decode(join_code(codes, one_hots)),
            data.out_dir / "interpretation.png",
            row_labels=[
                f"z{j} = {code[j]:+.2f}" for j, code in zip(latents, z, strict=True)
            ],
            max_value=data.max_value,
        )
    )
    if data.encoded.has_spike:
        rng = np.random.default_rng(seed)
        codes = [conditional_codes(rng, code, threshold=threshold) for code in z]
        counts = np.count_nonzero(np.abs(z) > threshold, axis=1)
        paths.append(
            plot_conditional_samples(
                x,
                x_decoded,
                data.decode(join_code(np.stack(codes), one_hots)),
                data.out_dir / "conditional_samples.png",
                row_labels=[f"{num} of {z.shape[1]}\nnot zero" for num in counts],
                max_value=data.max_value,
            )
        )
    else:
        skipped["conditional_samples"] = _NO_SPIKE
    if len(data.x) < 2:
        skipped["interpolation"] = "there is only one test image"
    else:
        paths.append(_draw_interpolation(data))
    return Figures(paths, skipped)


def _draw_interpolation(data: FigureData) -> Path:
    """Pairs of consecutive images; without a spike gates cannot switch.

    Categories change in the middle, which is our choice.
    """
    num_pairs = min(_NUM_PAIRS, len(data.x) // 2)
    first, last = np.arange(num_pairs) * 2, np.arange(num_pairs) * 2 + 1
    kinds = {"continuous": False, "discrete": True}
    title = (
        "Interpolation between two test images: slab means go linearly from one to "
        "the other; gates do so too (continuous) or jump in the middle (discrete)"
    )
    if not data.encoded.has_spike:
        kinds = {"linear": False}
        title = "Interpolation between two test images: means go linearly"
    if data.category_sizes:
        title += "; categories change in the middle"
    differ = np.count_nonzero(data.support[first] != data.support[last], axis=1)
    row_labels = [
        f"{kind}\ndiffering gates: {num}" if data.encoded.has_spike else kind
        for num in differ
        for kind in kinds
    ]
    codes = [
        _with_change(
            interpolation_codes(
                # Rounded gates, so that both ends are codes that an image can have.
                data.encoded.mean[[a, b]],
                data.support[[a, b]],
                switch=switch,
            ),
            data.encoded.one_hots[[a, b]],
        )
        for a, b in zip(first, last, strict=True)
        for switch in kinds.values()
    ]
    return plot_interpolation(
        data.x[first].repeat(len(kinds), axis=0),
        data.x[last].repeat(len(kinds), axis=0),
        data.decode(np.stack(codes)),
        data.out_dir / "interpolation.png",
        row_labels=row_labels,
        max_value=data.max_value,
        title=title,
    )


def _with_change(latents: np.ndarray, one_hots: np.ndarray) -> np.ndarray:
    """Codes `[frames, code_dim]`; the categories of the first, then of the second."""
    middle = len(latents) // 2
    return np.concatenate(
        [
            join_code(latents[:middle], one_hots[0]),
            join_code(latents[middle:], one_hots[1]),
        ]
    )


def draw_latents(data: FigureData, prior: np.ndarray | None) -> Figures:
    """Codes as bars, draws from the prior, and the KL of each latent."""
    paths = [
        plot_latent_bars(
            data.x[:_NUM_BARS],
            data.latents[:_NUM_BARS],
            data.decode(data.z[:_NUM_BARS]),
            data.out_dir / "latent_bars.png",
            notes=_chosen(data)[:_NUM_BARS],
            max_value=data.max_value,
        )
    ]
    skipped: dict[str, str] = {}
    if prior is None:
        skipped["prior_samples"] = _NO_PRIOR
    else:
        paths.append(
            plot_prior_samples(
                data.decode(prior),
                data.out_dir / "prior_samples.png",
                max_value=data.max_value,
                title=_prior_title(prior[:, : data.latent_dim]),
            )
        )
    if data.kl:
        terms = {name: term.mean(axis=0) for name, term in data.kl.items()}
        paths.append(
            plot_kl_per_latent(
                terms,
                data.out_dir / "kl_per_latent.png",
                num_variables=len(data.category_sizes),
            )
        )
    else:
        skipped["kl_per_latent"] = _NO_PRIOR
    return Figures(paths, skipped)


def draw_classes(data: FigureData, dataset: Dataset) -> Figures:
    """What the latents of the images of each class have in common."""
    if LABEL not in dataset.factor_names or dataset.factors is None:
        reason = 'this data set has no factor named "label"'
        return Figures([], {"class_magnitudes": reason, "class_gates": reason})
    labels = dataset.factors[data.indices, dataset.factor_names.index(LABEL)]
    present = np.unique(labels)
    class_names = [str(k) for k in present]

    def class_means(values: np.ndarray) -> np.ndarray:
        return np.stack([values[labels == k].mean(axis=0) for k in present])

    magnitudes = plot_class_magnitudes(
        class_means(np.abs(data.encoded.expected_latents)),
        data.out_dir / "class_magnitudes.png",
        class_names=class_names,
    )
    if not data.encoded.has_spike:
        return Figures([magnitudes], {"class_gates": _NO_SPIKE})
    gates = plot_class_gates(
        class_means(data.encoded.slab_prob),
        data.out_dir / "class_gates.png",
        class_names=class_names,
    )
    return Figures([magnitudes, gates], {})


def draw_sources(
    data: FigureData,
    dataset: Dataset,
    *,
    sources: np.ndarray | None,
    source_names: Sequence[str] | None,
) -> Figures:
    """Which latents follow which ground-truth source."""
    if sources is None:
        sources, known_names = _known_sources(dataset)
        source_names = source_names or known_names
    if sources is None:
        reason = "the sources of the images of this data set are unknown"
        return Figures([], {"correlation": reason})
    correlation = metrics.absolute_correlation(
        data.latents, np.asarray(sources)[data.indices]
    )
    path = plot_correlation(
        correlation, data.out_dir / "correlation.png", source_names=source_names
    )
    return Figures([path], {})


def _known_sources(
    dataset: Dataset,
) -> tuple[np.ndarray | None, Sequence[str] | None]:
    """The sources of the data set, else its factors where all have two values."""
    if dataset.sources is not None:
        return dataset.sources, dataset.source_names or None
    if dataset.factors is not None and set(dataset.factor_sizes) == {2}:
        return dataset.factors, dataset.factor_names
    return None, None


def _chosen(data: FigureData) -> list[str]:
    """The categories of each draw, such as "d0 = 2"; nothing without variables."""
    if not data.category_sizes:
        return []
    ends = np.cumsum(data.category_sizes)[:-1]
    parts = np.split(data.one_hots, ends, axis=1)
    chosen = np.stack([part.argmax(axis=1) for part in parts], axis=1)
    return [", ".join(f"d{i} = {k}" for i, k in enumerate(row)) for row in chosen]


def _prior_title(z: np.ndarray) -> str:
    counts = np.count_nonzero(z, axis=1)
    if (counts == z.shape[1]).all():
        return "Decoded draws from the prior"
    return (
        "Decoded draws from the prior; on average "
        f"{counts.mean():.1f} of {z.shape[1]} latents are not zero"
    )
