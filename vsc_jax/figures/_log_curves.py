"""The log of a run as charts for a page: lines, ticks, and values to be read off."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vsc_jax.evaluation import ACTIVE_KL
from vsc_jax.figures._training_log import read_kl, read_lines

WIDTH, HEIGHT = 400.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 54.0, 22.0, 10.0, 30.0
_MAX_POINTS = 200
_MAX_LATENTS = 8
_NOT_CURVES = ("step", "seconds", "steps_per_second")
_TEST = "test_"

# What is said below a chart; of the others their name says it.
_ABOUT = {
    "loss": "What training minimises. Test above training at the end, and rising: the "
    "model learns its images by heart.",
    "kl": "How much the codes say of an image, in nats. At zero they say nothing.",
    "elbo": "The bound on log p(x), in nats per image; larger is better.",
    "log_likelihood": "How well images are reconstructed, in nats per image; larger is "
    "better.",
    "kl_per_latent": "Each latent's part. A line that stays at zero is a latent that "
    "is not used; those are left out here.",
}
_WORDS = {
    "loss": "Loss",
    "kl": "KL of the codes",
    "elbo": "ELBO",
    "log_likelihood": "Log-likelihood",
    "grad_norm": "Norm of the gradient",
}
_FIRST = ("loss", "kl", "log_likelihood", "elbo")


def log_charts(path: Path) -> list[dict[str, Any]]:
    """A chart per logged scalar, and one of the KL of each latent; the loss first.

    Args:
      path: `metrics.jsonl`.

    Returns:
      For each its `title`, `about`, whether it comes `first`, and what a template draws
      it from: see `chart`.
    """
    curves: dict[str, dict[float, float]] = {}
    for entry in read_lines(path):
        for name, value in entry.items():
            number = isinstance(value, int | float) and math.isfinite(value)
            if number and name.removeprefix(_TEST) not in _NOT_CURVES:
                curves.setdefault(name, {})[float(entry["step"])] = float(value)
    names = list(dict.fromkeys(name.removeprefix(_TEST) for name in curves))
    order = {name: i for i, name in enumerate(_FIRST)}
    names.sort(key=lambda name: order.get(name, len(order)))
    charts = []
    for name in names:
        series = {"training": curves.get(name), "test": curves.get(_TEST + name)}
        charts.append(
            {
                "title": _WORDS.get(name, name.replace("_", " ")),
                "about": _ABOUT.get(name, ""),
                "first": name in ("loss", "kl"),
                **chart({k: values for k, values in series.items() if values}),
            }
        )
    if kl := _kl_chart(path):
        charts.insert(sum(one["first"] for one in charts), kl)
    return charts


def _kl_chart(path: Path) -> dict[str, Any] | None:
    """The latents with the largest KL at the end, of those that are active."""
    steps, kl = read_kl(path)
    if not len(steps):
        return None
    last = np.nan_to_num(kl[-1])
    order = np.argsort(-last, kind="stable")
    active = order[last[order] > ACTIVE_KL]
    shown = sorted(active[:_MAX_LATENTS])
    if not shown:
        return None
    about = _ABOUT["kl_per_latent"]
    if len(active) > len(shown):
        about += f" Shown: the {len(shown)} largest of {len(active)} active latents."
    series = {
        f"z{j}": {
            step: value
            for step, value in zip(steps.tolist(), kl[:, j].tolist(), strict=True)
            if math.isfinite(value)
        }
        for j in shown
    }
    title = "KL of each active latent"
    return {"title": title, "about": about, "first": True, **chart(series, least=0.0)}


def chart(
    series: Mapping[str, Mapping[float, float]],
    *,
    least: float | None = None,
) -> dict[str, Any]:
    """Lines in a frame of `WIDTH` x `HEIGHT`.

    Args:
      series: name -> step -> value; at least one, none empty.
      least: lower end of the values; None for that of the values.

    Returns:
      `lines` (name and points of each), `x_ticks` and `y_ticks` (place, text), `frame`,
      whether the range is `cut` to that of most values, and `steps`, `places` and
      `values` (name -> a number or None for each step) to be read off.
    """
    steps = _thinned(
        sorted({step for line in series.values() for step in line}), series
    )
    values = np.array([v for line in series.values() for v in line.values()])
    low, high, cut = _range(values)
    low = low if least is None else least
    y_ticks = nice_ticks(low, high, 5)
    low, high = min(low, y_ticks[0]), max(high, y_ticks[-1])
    last = max(steps[-1], 1.0)
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM

    def x(step: float) -> float:
        return round(_LEFT + (right - _LEFT) * step / last, 1)

    def y(value: float) -> float:
        return round(bottom - (bottom - _TOP) * (value - low) / (high - low), 1)

    return {
        "frame": {"left": _LEFT, "right": right, "top": _TOP, "bottom": bottom},
        "lines": [
            {
                "name": name,
                "points": " ".join(
                    f"{x(step)},{y(line[step])}" for step in steps if step in line
                ),
            }
            for name, line in series.items()
        ],
        "x_ticks": [(x(t), tick_text(t)) for t in nice_ticks(0.0, last, 4)],
        "y_ticks": [(y(t), tick_text(t)) for t in y_ticks],
        "cut": cut,
        "steps": steps,
        "places": [x(step) for step in steps],
        "values": {
            name: [line.get(step) for step in steps] for name, line in series.items()
        },
    }


def _thinned(
    steps: Sequence[float], series: Mapping[str, Mapping[float, float]]
) -> list[float]:
    """At most so many steps, the last one of each series among them."""
    kept = set(steps[:: max(1, -(-len(steps) // _MAX_POINTS))])
    for line in series.values():
        # A series that is logged seldom would lose most of its points.
        if len(line) <= _MAX_POINTS // 2:
            kept |= set(line)
        kept.add(max(line))
    return sorted(kept)


def _range(values: np.ndarray) -> tuple[float, float, bool]:
    """The range of the values, or of most where the first steps are far off."""
    low, high = float(values.min()), float(values.max())
    cut = False
    if len(values) >= 10:
        a, b = np.quantile(values, [0.05, 0.95])
        margin = 2.0 * (b - a)
        if margin > 0 and (low < a - margin or high > b + margin):
            low, high = max(low, a - 0.15 * margin), min(high, b + 0.15 * margin)
            cut = True
    if low == high:
        spread = abs(low) / 10 or 1.0
        low, high = low - spread, high + spread
    return float(low), float(high), cut


def nice_ticks(low: float, high: float, num: int) -> list[float]:
    """About `num` round numbers from `low` to `high`: steps of 1, 2 or 5.

    >>> nice_ticks(0.0, 930.0, 4)
    [0.0, 200.0, 400.0, 600.0, 800.0]
    """
    rough = (high - low) / num
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.8)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)] or [low]


def tick_text(value: float) -> str:
    """A short number.

    >>> tick_text(15000.0), tick_text(1250.0), tick_text(0.25)
    ('15k', '1,250', '0.25')
    """
    if value and abs(value) >= 10_000:
        text = f"{value / 1000:,.6g}k" if abs(value) < 1e6 else f"{value / 1e6:,.6g}M"
    else:
        text = f"{value:,.6g}" if abs(value) >= 1e-4 or not value else f"{value:.1e}"
    return text.replace("-", "\N{MINUS SIGN}")
