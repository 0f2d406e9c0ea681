"""What was trained and how well, in one paragraph."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vsc_jax.figures._score_meanings import Headline, headlines


def read_config(path: Path) -> tuple[dict[str, Any], str]:
    """The config of a run and its text as it is shown; nothing where there is none.

    What is no JSON is shown as it is.
    """
    if not path.exists():
        return {}, ""
    text = path.read_text("utf-8")
    try:
        config = json.loads(text)
    except ValueError:
        return {}, text
    return config if isinstance(config, dict) else {}, json.dumps(config, indent=2)


def title_of(config: Mapping[str, Any]) -> str:
    """Such as "beta_tcvae on sprites"; "" where the config does not say."""
    names = [_at(config, "model.name"), _at(config, "data.name")]
    return " on ".join(str(name) for name in names if name)


def summary(
    config: Mapping[str, Any], scores: Mapping[str, Any], run: Mapping[str, Any]
) -> str:
    """Sentences of what is known; "" if nothing is.

    Args:
      config: of the run, nested.
      scores: flat, dotted name -> number.
      run: what is said of it: `num_steps`, `train_seconds`, `num_parameters`, ...
    """
    return " ".join([*_trained(config, run), *_how_well(scores)])


def _trained(config: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[str]:
    steps = run.get("num_steps")
    if steps is None:
        return
    what = "A model"
    if parameters := run.get("num_parameters"):
        what += f" of {parameters:,} parameters"
    what += f" was trained for {steps:,} steps"
    if batch := _at(config, "train.batch_size"):
        what += f" of {batch:,} images"
    if data := _at(config, "data.name"):
        what += f" of the data set {data}"
    if seconds := run.get("train_seconds"):
        what += f", in {duration(seconds)}"
    if devices := run.get("devices"):
        what += f" on {_devices(devices)}"
    yield f"{what}."
    scored = run.get("scored_step", steps)
    if scored != steps:
        yield f"The scores are of step {scored:,}."


def _how_well(scores: Mapping[str, Any]) -> Iterator[str]:
    found = [h for h in headlines(scores) if _is_number(scores[h.key])]
    if not found:
        return
    said = [_said(headline, scores) for headline in found[:4]]
    last = f" and {said[-1]}" if len(said) > 1 else said[-1]
    text = ", ".join(said[:-1]) + last
    num = scores.get("num_test_images")
    of = f"On {num:,} test images" if _is_number(num) else "On test images"
    yield f"{of}: {text}."


def _said(headline: Headline, scores: Mapping[str, Any]) -> str:
    name = headline.name
    if name.partition(" ")[0][1:].islower():  # no abbreviation
        name = name[:1].lower() + name[1:]
    text = f"{name} {number(scores[headline.key])}"
    if _is_number(chance := scores.get(headline.chance)):
        return f"{text} (by chance {number(chance)})"
    return f"{text} (1 is best)" if headline.share else text


def duration(seconds: float) -> str:
    """A time in words.

    >>> duration(819.2), duration(42.4), duration(7260)
    ('14 min', '42 s', '2 h 1 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"


def number(value: Any) -> str:
    """A number with four digits that matter; anything else as it is.

    >>> number(-140.2781), number(12345.67), number(7.0), number("a")
    ('-140.3', '12345.7', '7', 'a')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if not math.isfinite(value) or float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.1f}"


def flatten(results: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values, without lists."""
    for key, value in results.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        elif not isinstance(value, list | tuple):
            yield prefix + key, value


def _devices(devices: Sequence[Any]) -> str:
    kinds = [str(device) for device in devices]
    several = dict.fromkeys(kinds)
    return ", ".join(f"{kinds.count(kind)} x {kind}" for kind in several)


def _at(config: Mapping[str, Any], name: str) -> Any:
    value: Any = config
    for word in name.split("."):
        value = value.get(word) if isinstance(value, Mapping) else None
    return value


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)
