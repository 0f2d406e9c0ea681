"""Config files: found, loaded and checked, and the names of their fields."""

import ast
import difflib
import pathlib
import runpy
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from experiments._errors import UserError, one_line

KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "a tuple such as (1,2)",
    str: "text",
}


def config_names() -> list[str]:
    """The configs that come with this package, without `base`, which is for them."""
    files = (pathlib.Path(__file__).parent / "configs").glob("*.py")
    return sorted({file.stem for file in files} - {"__init__", "base"})


def resolve_config_path(path: str) -> str:
    """The path if there is such a file, else the same path inside this package.

    So `configs/vsc.py` is found from any working directory. What stands behind a
    colon, the config's argument, is kept.
    """
    file, colon, argument = path.partition(":")
    packaged = pathlib.Path(__file__).parent / file
    if not pathlib.Path(file).is_file():
        if not packaged.is_file():
            known = config_names()
            close = difflib.get_close_matches(pathlib.Path(file).stem, known, n=1)
            hint = f" Did you mean configs/{close[0]}.py?" if close else ""
            raise UserError(
                f"there is no config file {file}.{hint} The ones that come with "
                f"vsc_jax are {', '.join(f'configs/{name}.py' for name in known)}."
            )
        file = str(packaged)
    return file + colon + argument


def runs_of(path: str) -> list[tuple[dict[str, Any], ConfigDict]]:
    """What tells each run apart that a config file lists, and its config.

    Args:
      path: such as "configs/study.py:sprites".

    Returns:
      What its `get_runs(argument)` gives; nothing if it has no such function.
    """
    file, _, argument = resolve_config_path(path).partition(":")
    get_runs = runpy.run_path(file).get("get_runs")
    return get_runs(argument) if get_runs else []


def load_config(argv: Sequence[str]) -> Mapping[str, Any]:
    """The config that `--config=` names, without overrides; empty without one.

    The flag loads it once more. Its own errors hold whole tracebacks, and it takes an
    AttributeError of a file for an unknown field.
    """
    paths = [word.partition("=")[2] for word in argv if is_flag(word, "config")]
    if not paths:
        return {}
    file, colon, argument = paths[-1].partition(":")
    try:
        module = runpy.run_path(file)
    except Exception as error:  # it is the user's code
        reason = f"{type(error).__name__}: {one_line(error)}"
        raise UserError(f"config file {file} cannot be loaded: {reason}.") from error
    if "get_config" not in module:
        raise UserError(f"config file {file} has no function get_config.")
    try:
        config = module["get_config"](*([argument] if colon else []))
    except Exception as error:
        reason = one_line(error)
        if not isinstance(error, ValueError):  # whose messages are for the user
            reason = f"{type(error).__name__}: {reason}"
        raise UserError(f"config file {file}: {reason}") from error
    try:
        _check_loaded(config)
    except UserError as error:
        raise UserError(f"config file {file}: {error}") from error
    return config


def _check_loaded(config: Any) -> None:
    """Raises UserError unless the config has the fields of `base`, with their types.

    A field that a file adds, such as one whose name has a typo, would not be read.
    """
    from experiments.configs import base

    start = "begin with experiments.configs.base.get_config()"
    if not isinstance(config, ConfigDict):
        raise UserError(
            f"get_config must return a ConfigDict, got {config!r:.60}; {start}."
        )
    given = flatten(config)
    known = flatten(base.get_config(given.get("model.name", "vae")))
    # Which players there are can depend on other fields of the model.
    known, given = (
        {k: v for k, v in fields.items() if not k.startswith("optimizer.players.")}
        for fields in (known, given)
    )
    for name, value in given.items():
        if name not in known:
            raise UserError(unknown_field(name, known))
        kind = type(known[name])
        if not isinstance(value, (int, float) if kind is float else kind):
            raise UserError(f"{name} must be {KINDS[kind]}, got {value!r}.")
    if missing := sorted(known.keys() - given.keys()):
        raise UserError(f"it has no field {missing[0]}; {start}.")


def unknown_field(name: str, known: Mapping[str, Any]) -> str:
    """Says that the config has no such field, and which it may be.

    Args:
      name: what was given, such as "model.latentdim".
      known: the fields, see `flatten`.

    Returns:
      The message.
    """
    group, _, last = name.rpartition(".")
    close = [field for field in known if field.rpartition(".")[2] == last]
    close = close or difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    if siblings := fields_of(group, known):
        hint += f" {group} has {', '.join(siblings)}."
    elif not close:
        hint += f" It has {', '.join(sorted({f.partition('.')[0] for f in known}))}."
    return f"the config has no field {name}.{hint}"


def parse_tuple(name: str, text: str) -> tuple[Any, ...]:
    """The tuple that is written in a text.

    Raises:
      UserError: if it is none; says how a single value is written.
    """
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        words = [word.strip() for word in text.split(",")]
        value = words if all(word.isidentifier() for word in words) else None
        if value is None:
            message = f"{name} must be {KINDS[tuple]}, got {text!r}."
            raise UserError(message) from None
    else:
        if isinstance(value, list | tuple):
            return tuple(value)
        value = [value]
    raise UserError(f"{name} must be a tuple, got {text!r}; write {tuple(value)}.")


def is_flag(word: str, flag: str) -> bool:
    """Whether a word of the command line is `--flag=...`."""
    return word.startswith((f"--{flag}=", f"-{flag}="))


def fields_of(group: str, known: Mapping[str, Any]) -> list[str]:
    """Names of the fields of a group, without the group's."""
    prefix = f"{group}."
    return [name.removeprefix(prefix) for name in known if name.startswith(prefix)]


def flatten(config, prefix: str = "") -> dict[str, object]:
    """`{"model.latent_dim": 10, ...}` of a ConfigDict or of nested dicts."""
    flat = {}
    for name, value in config.items():
        if hasattr(value, "items"):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
