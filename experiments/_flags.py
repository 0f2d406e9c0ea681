"""Flags, and every error that a user can make with them in one clear line."""

import difflib
import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from absl import app, flags

from experiments import _stops
from experiments._config_files import (
    KINDS,
    fields_of,
    flatten,
    is_flag,
    load_config,
    parse_tuple,
    resolve_config_path,
    unknown_field,
)
from experiments._errors import UserError, fail, one_line

_HELP = ("help", "h", "helpfull", "helpshort")
NO_CONFIG = "--config is missing; try --config=configs/vsc.py."
TAKES_NO_CONFIG = "this command takes no config; leave --config out."


def parse_flags(argv: Sequence[str], no_config: str = NO_CONFIG) -> list[str]:
    """Parses flags; what is wrong with them is one line and exit status 2.

    `no_config` is what is said to fields of a config that is not given.
    """
    try:
        argv = _with_resolved_config(argv)
        _check_repeated(argv)
        config = load_config(argv)
        _check_fields(config, argv, no_config)
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


def run(main: Callable[[Sequence[str]], None], *, no_config: str = NO_CONFIG) -> None:
    """`app.run` with these errors, and a `--help` that knows configs.

    A UserError and a signal end the process with one line as well. `no_config` is that
    of `parse_flags`: what a command says that takes no config.
    """
    # Names of files may hold what no terminal can show.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

    def parse(argv: Sequence[str]) -> list[str]:
        if any(word.lstrip("-") in _HELP and word.startswith("-") for word in argv):
            # It imports every config: only where it is asked for.
            from experiments._help import help_text

            try:
                module = sys.modules[main.__module__]
                print(help_text(module, _with_resolved_config(argv)))
            except UserError as error:
                fail(str(error))
            sys.exit(0)
        return parse_flags(argv, no_config)

    try:
        with _stops.raised():
            try:
                app.run(main, flags_parser=parse)
            except UserError as error:
                fail(str(error))
            except KeyboardInterrupt as stop:
                fail(f"{_stops.said(stop)}.", _stops.exit_code(stop))
    except SystemExit as end:
        is_process = main.__module__ == "__main__"
        if is_process and end.code in _stops.EXIT_CODES and not _has_partners():
            _stops.leave(end.code)
        raise


def _has_partners() -> bool:
    """Whether other processes train with this one: each must take leave of them."""
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized()


def refuse_words(argv: Sequence[str]) -> None:
    """Raises UserError for words that are no flags."""
    if len(argv) > 1:
        raise UserError(
            f"unexpected words {' '.join(argv[1:])}; every flag begins with --."
        )


def _with_resolved_config(argv: Sequence[str]) -> list[str]:
    """The words with `--config path` as `--config=path`, and the path resolved."""
    resolved, paths = [], []
    words = iter(argv)
    for word in words:
        if word in ("--config", "-config"):
            word = f"{word}={next(words, '')}"  # noqa: PLW2901
        if is_flag(word, "config"):
            flag, _, path = word.partition("=")
            paths.append(path)
            word = f"{flag}={resolve_config_path(path)}"  # noqa: PLW2901
        resolved.append(word)
    if len(paths) > 1:
        raise UserError(f"--config must be given once, got {' and '.join(paths)}.")
    return resolved


def _check_repeated(argv: Sequence[str]) -> None:
    """Raises UserError for a flag given twice, and says which value a field gets."""
    given: dict[str, list[str]] = {}
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-"):
            continue
        flag = flags.FLAGS[name] if name in flags.FLAGS else None  # noqa: SIM401
        if flag is None and not name.startswith("config."):
            continue
        if isinstance(flag, flags.MultiFlag):
            continue
        if not equals and (flag is None or not flag.boolean):
            value = following
        given.setdefault(name, []).append(value)
    for name, values in given.items():
        if len(values) > 1 and name.startswith("config."):
            # Scripts add fields behind those that they have.
            print(f"note --{name}={values[-1]} is taken, the last of {len(values)}.")
        elif len(values) > 1:
            got = f", got {' and '.join(values)}" if all(values) else ""
            raise UserError(f"--{name} must be given once{got}.")


def _check_fields(
    config: Mapping[str, Any], argv: Sequence[str], no_config: str = NO_CONFIG
) -> None:
    """Raises UserError for an override that the config cannot take.

    That of a tuple has to be one, for the flag would take any text as its only entry.
    """
    known = flatten(config)
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        if not word.lstrip("-").startswith("config.") or not word.startswith("-"):
            continue
        if not config:
            raise UserError(no_config)
        flag, equals, value = word.lstrip("-").partition("=")
        name = flag.removeprefix("config.")
        if fields := fields_of(name, known):
            raise UserError(
                f"{name} is a group of fields; set one of them, such as "
                f"--config.{name}.{fields[0]}=..., not the group."
            )
        if name not in known:
            raise UserError(unknown_field(name, known))
        if isinstance(known[name], tuple):
            parse_tuple(name, value if equals else following)


def _bad_value(error: BaseException, config: Mapping[str, Any]) -> str:
    """Says what a field takes instead of how a parser failed."""
    match = re.search(r"flag --config\.([\w.]+)=(.*?): ", str(error), re.DOTALL)
    if match is None:
        return one_line(error)
    name, given = match.groups()
    wanted = KINDS.get(type(flatten(config).get(name)))
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
