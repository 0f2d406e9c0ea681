"""Flags, and every error that a user can make with them in one clear line."""

import ast
import difflib
import pathlib
import re
import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from absl import app, flags
from ml_collections import ConfigDict

EXIT_BAD_INPUT = 2
_HELP = ("help", "h", "helpfull", "helpshort")
NO_CONFIG = "--config is missing; try --config=configs/vsc.py."

_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "a tuple such as (1,2)",
    str: "text",
}


class UserError(Exception):
    """Something that the user can put right; the message says what and how."""


def fail(message: str, code: int = EXIT_BAD_INPUT) -> NoReturn:
    """Prints the message and ends the process."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(code)


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


def parse_flags(argv: Sequence[str]) -> list[str]:
    """Parses flags; what is wrong with them is one line and exit status 2."""
    try:
        argv = _with_resolved_config(argv)
        config = load_config(argv)
        _check_fields(config, argv)
    except UserError as error:
        fail(str(error))
    try:
        return flags.FLAGS(argv)
    except flags.IllegalFlagValueError as error:
        fail(_bad_value(error, config))
    except flags.UnrecognizedFlagError as error:
        fail(_unknown_flag(error, config))
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError) as error:
        fail(one_line(error))


def run(main: Callable[[Sequence[str]], None]) -> None:
    """`app.run` with these errors, and a `--help` that knows configs."""

    def parse(argv: Sequence[str]) -> list[str]:
        if any(word.lstrip("-") in _HELP and word.startswith("-") for word in argv):
            from experiments._help import help_text

            try:
                module = sys.modules[main.__module__]
                print(help_text(module, _with_resolved_config(argv)))
            except UserError as error:
                fail(str(error))
            sys.exit(0)
        return parse_flags(argv)

    app.run(main, flags_parser=parse)


def _with_resolved_config(argv: Sequence[str]) -> list[str]:
    """The words with `--config path` as `--config=path`, and the path resolved."""
    resolved, paths = [], []
    words = iter(argv)
    for word in words:
        if word in ("--config", "-config"):
            word = f"{word}={next(words, '')}"  # noqa: PLW2901
        if _names(word, "config"):
            flag, _, path = word.partition("=")
            paths.append(path)
            word = f"{flag}={resolve_config_path(path)}"  # noqa: PLW2901
        resolved.append(word)
    if len(paths) > 1:
        raise UserError(f"--config must be given once, got {' and '.join(paths)}.")
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


def load_config(argv: Sequence[str]) -> Mapping[str, Any]:
    """The config that `--config=` names, without overrides; empty without one.

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
        config = module["get_config"](*([argument] if colon else []))
    except Exception as error:
        raise UserError(f"config file {file}: {one_line(error)}") from error
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
    for name, value in given.items():
        # Which players there are can depend on other fields of the model.
        if name.startswith("optimizer.players."):
            continue
        if name not in known:
            raise UserError(unknown_field(name, known))
        kind = type(known[name])
        if not isinstance(value, (int, float) if kind is float else kind):
            raise UserError(f"{name} must be {_KINDS[kind]}, got {value!r}.")
    if missing := sorted(known.keys() - given.keys()):
        raise UserError(f"it has no field {missing[0]}; {start}.")


def _check_fields(config: Mapping[str, Any], argv: Sequence[str]) -> None:
    """Raises UserError for an override that the config cannot take.

    That of a tuple has to be one, for the flag would take any text as its only entry.
    """
    known = flatten(config)
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        if not word.lstrip("-").startswith("config.") or not word.startswith("-"):
            continue
        if not config:
            raise UserError(NO_CONFIG)
        flag, equals, value = word.lstrip("-").partition("=")
        name = flag.removeprefix("config.")
        if name not in known and not _fields_of(name, known):
            raise UserError(unknown_field(name, known))
        if isinstance(known.get(name), tuple):
            parse_tuple(name, value if equals else following)


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
            message = f"{name} must be {_KINDS[tuple]}, got {text!r}."
            raise UserError(message) from None
    else:
        if isinstance(value, list | tuple):
            return tuple(value)
        value = [value]
    raise UserError(f"{name} must be a tuple, got {text!r}; write {tuple(value)}.")


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
    wanted = _KINDS.get(type(known.get(name)))
    return f"{name} must be {wanted}, got {given!r}." if wanted else one_line(error)


def _unknown_flag(error: flags.UnrecognizedFlagError, config: Mapping[str, Any]) -> str:
    """Says which field of the config may be meant, if its name is like the flag."""
    fields: dict[str, list[str]] = {}
    for name in flatten(config):
        if not name.startswith("schedules."):  # each is named after another field
            fields.setdefault(name.rpartition(".")[2], []).append(f"--config.{name}")
    close = difflib.get_close_matches(error.flagname, fields, n=1)
    if not close or difflib.get_close_matches(error.flagname, flags.FLAGS, n=1):
        return one_line(error)
    meant = " or ".join(fields[close[0]])
    return f"unknown flag --{error.flagname}. Did you mean {meant}?"


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
