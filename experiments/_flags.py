"""Flags, and every error that a user can make with them in one clear line."""

import difflib
import pathlib
import re
import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from absl import app, flags

EXIT_BAD_INPUT = 2


class UserError(Exception):
    """Something that the user can put right; the message says what and how."""


def fail(message: str, code: int = EXIT_BAD_INPUT) -> NoReturn:
    """Prints the message and ends the process."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(code)


def resolve_config_path(path: str) -> str:
    """The path if there is such a file, else the same path inside this package.

    So `configs/vsc.py` is found from any working directory. What stands behind a
    colon, the config's argument, is kept.
    """
    file, colon, argument = path.partition(":")
    packaged = pathlib.Path(__file__).parent / file
    if not pathlib.Path(file).is_file():
        if not packaged.is_file():
            known = sorted(
                f"configs/{p.name}"
                for p in (pathlib.Path(__file__).parent / "configs").glob("*.py")
                if p.name not in ("__init__.py", "base.py")
            )
            raise UserError(
                f"there is no config file {file}; the ones that come with vsc_jax are "
                f"{', '.join(known)}."
            )
        file = str(packaged)
    return file + colon + argument


def parse_flags(argv: Sequence[str]) -> list[str]:
    """Parses flags; what is wrong with them is one line and exit status 2."""
    try:
        argv = _with_resolved_config(argv)
        config = _load_config(argv)
        _check_fields(config, argv)
    except UserError as error:
        fail(str(error))
    try:
        return flags.FLAGS(argv)
    except flags.IllegalFlagValueError as error:
        fail(_bad_value(error, config))
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError) as error:
        fail(one_line(error))


def run(main: Callable[[Sequence[str]], None]) -> None:
    """`app.run` with these errors."""
    app.run(main, flags_parser=parse_flags)


def _with_resolved_config(argv: Sequence[str]) -> list[str]:
    """The words with `--config path` as `--config=path`, and the path resolved."""
    resolved = []
    words = iter(argv)
    for word in words:
        if word in ("--config", "-config"):
            word = f"{word}={next(words, '')}"  # noqa: PLW2901
        if _names(word, "config"):
            flag, _, path = word.partition("=")
            word = f"{flag}={resolve_config_path(path)}"  # noqa: PLW2901
        resolved.append(word)
    return resolved


def one_line(error: BaseException) -> str:
    """What the error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


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
    if siblings := _fields_of(group, known):
        hint += f" {group} has {', '.join(siblings)}."
    elif not close:
        hint += f" It has {', '.join(sorted({f.partition('.')[0] for f in known}))}."
    return f"the config has no field {name}.{hint}"


def _load_config(argv: Sequence[str]) -> Mapping[str, Any]:
    """The config without overrides; empty without a --config.

    The flag loads it once more. Its own errors hold whole tracebacks, and it takes an
    AttributeError of a file for an unknown field.
    """
    paths = [word.partition("=")[2] for word in argv if _names(word, "config")]
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
        return module["get_config"](*([argument] if colon else []))
    except Exception as error:
        raise UserError(f"config file {file}: {one_line(error)}") from error


def _check_fields(config: Mapping[str, Any], argv: Sequence[str]) -> None:
    """Raises UserError for an override of a field that the config does not have."""
    known = flatten(config)
    for word in argv:
        if not word.lstrip("-").startswith("config.") or not word.startswith("-"):
            continue
        name = word.lstrip("-").partition("=")[0].removeprefix("config.")
        if name in known or _fields_of(name, known):
            continue
        raise UserError(unknown_field(name, known))


def _bad_value(error: BaseException, config: Mapping[str, Any]) -> str:
    """Says what a field takes instead of how a parser failed."""
    match = re.search(r"flag --config\.([\w.]+)=(.*?): ", str(error), re.DOTALL)
    if match is None:
        return one_line(error)
    name, given = match.groups()
    known = flatten(config)
    if fields := _fields_of(name, known):
        return (
            f"{name} is a group of fields; set one of them, such as "
            f"--config.{name}.{fields[0]}=..., not the group."
        )
    kinds = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        tuple: "a tuple such as (1,2)",
    }
    wanted = kinds.get(type(known.get(name)))
    return f"{name} must be {wanted}, got {given!r}." if wanted else one_line(error)


def _names(word: str, flag: str) -> bool:
    return word.startswith((f"--{flag}=", f"-{flag}="))


def _fields_of(group: str, known: Mapping[str, Any]) -> list[str]:
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
