"""What the layers of a model let through, place by place, and what each says."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vsc_jax.evaluation import layer_kl_maps, read_off_layers
from vsc_jax.figures._drawing import new_figure, plain, save, title_above
from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._panels import as_panels, save_rows
from vsc_jax.models import HasLayers

_NUM_IMAGES = 8
_DASHES = ("-", "--", ":")


def plot_layer_kl_maps(
    x: np.ndarray,
    maps: Mapping[str, np.ndarray],
    path: str | Path,
    *,
    max_value: float = 1.0,
) -> Path:
    """Images, and beside each the KL of every place of each layer.

    As in the authors' code of Information Dropout,
    https://github.com/ucla-vision/information-dropout: of each map its smallest value
    is taken off; here its largest is white.

    Args:
      x: `[n, height, width, channels]`, 1 or 3 channels.
      maps: name of a layer -> `[n, rows, columns]`, in nats.
      path: PNG file to write.
      max_value: pixel value shown as white.

    Returns:
      `path`.

    Raises:
      ValueError: if there is no map, or one is not of as many images.
    """
    x = as_panels("x", x, 4)
    if not maps:
        raise ValueError("maps must have at least one layer, got none.")
    frames, labels = [], []
    for name, kl in maps.items():
        kl = np.asarray(kl, np.float64)  # noqa: PLW2901
        if kl.ndim != 3 or len(kl) != len(x):
            raise ValueError(
                f"maps must have shape ({len(x)}, rows, columns), got {kl.shape} for "
                f"{name!r}."
            )
        labels.append(f"{name}\n{kl.sum(axis=(1, 2)).mean():.0f}")
        above = kl - kl.min(axis=(1, 2), keepdims=True)
        above /= np.maximum(above.max(axis=(1, 2), keepdims=True), 1e-9)
        frames.append(_enlarge(above, x.shape[1:3]) * max_value)
    shown = np.broadcast_to(
        np.stack(frames, axis=1)[..., None],
        (len(x), len(frames), *x.shape[1:]),
    )
    return save_rows(
        [("x", x, "image")],
        shown,
        [],
        path,
        row_labels=[""] * len(x),
        frame_labels=labels,
        max_value=max_value,
        title="KL of each place of each layer, from its smallest (black) to its "
        "largest (white) value in the image; below each name the mean sum over "
        "places, in nats",
    )


def _enlarge(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`[n, *size]`, each value as often as it takes."""
    rows, columns = (
        np.arange(new) * old // new
        for new, old in zip(size, maps.shape[1:], strict=True)
    )
    return maps[:, rows][:, :, columns]


def plot_layer_probe(
    layers: Sequence[str],
    accuracy: Mapping[str, Sequence[float]],
    majority: Mapping[str, float],
    path: str | Path,
    *,
    label: str | None = None,
) -> Path:
    """A line per factor: how well it is read off each layer; dots are what guessing is.

    Args:
      layers: their names, from the image on.
      accuracy: of each factor one per layer, see `vsc_jax.evaluation.read_off_layers`.
      majority: of each factor what always answering the most frequent value gives.
      path: PNG file to write.
      label: the factor that is the label, drawn thick.

    Returns:
      `path`.

    Raises:
      ValueError: if there is no factor, or one has not one accuracy per layer.
    """
    if not accuracy or any(len(v) != len(layers) for v in accuracy.values()):
        raise ValueError(
            f"accuracy must have one value for each of {len(layers)} layers, got "
            f"{[len(v) for v in accuracy.values()]}."
        )
    from matplotlib import colormaps

    figure = new_figure(900, 440, layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(layers))
    for i, (name, values) in enumerate(accuracy.items()):
        colour = colormaps["tab10"](i % 10)
        is_label = name == label
        axes.plot(
            places,
            values,
            color=colour,
            linewidth=2.6 if is_label else 1.4,
            linestyle=_DASHES[i // 10 % len(_DASHES)],
            marker="o",
            ms=4,
            label=plain(f"{name} (label)" if is_label and name != "label" else name),
        )
        axes.axhline(majority[name], color=colour, linewidth=0.8, linestyle=":")
    axes.set_xticks(places, [plain(name) for name in layers])
    axes.set_ylim(0.0, 1.02)
    axes.set_xlabel("layer, from the image on")
    axes.set_ylabel("test accuracy of a linear probe")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    title_above(axes, "What a linear classifier reads off each layer", 740)
    return save(figure, Path(path))


def draw_maps(data: FigureData) -> list[Path]:
    """Of the first images."""
    maps = layer_kl_maps(data.context, data.rows[: len(data.x)][:_NUM_IMAGES])
    file = data.path("layer_kl_maps.png")
    return [
        plot_layer_kl_maps(data.x[:_NUM_IMAGES], maps, file, max_value=data.max_value)
    ]


def draw_probe(data: FigureData) -> list[Path]:
    """Of each factor of the data set."""
    found = data.context.once(read_off_layers)
    return [
        plot_layer_probe(
            found["layers"],
            found["accuracy"],
            found["majority"],
            data.path("layer_probe.png"),
            label=data.dataset.label_factor,
        )
    ]


LAYER_KL_MAPS = Figure("layer_kl_maps", (HasLayers,), draw_maps)
LAYER_PROBE = Figure("layer_probe", (HasLayers,), draw_probe)
