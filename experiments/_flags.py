"""Flags, and every error that a user can make with them in one clear line."""

import difflib
import pathlib
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from absl import app, flags

EXIT_BAD_INPUT = 2


class UserError(Exception):
    """Something that the user can put right; the message says what and how."""


def fail(message: str, code: int = EXIT_BAD_INPUT) -> NoReturn:
    """Prints one line and ends the process."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(code)


def resolve_config_path(path: str) -> str:
    """The path if there is such a file, else the same path inside this package.

    So `configs/vsc.py` is found from any working directory. What stands behind a
    colon, the config's argument, is kept.
    """
    file, colon, argument = path.partition(":")
    packaged = pathlib.Path(__file__).parent / file
    if not pathlib.Path(file).exists():
        if not packaged.exists():
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
        return flags.FLAGS(_with_resolved_config(argv))
    except UserError as error:
        fail(str(error))
    except flags.Error as error:
        fail(one_line(error))
    except (AttributeError, KeyError) as error:
        fail(_unknown_field(error, argv))
    except (ValueError, TypeError, OSError) as error:
        fail(one_line(error))


def run(main: Callable[[Sequence[str]], None]) -> None:
    """`app.run` with these errors."""
    app.run(main, flags_parser=parse_flags)


def _with_resolved_config(argv: Sequence[str]) -> list[str]:
    resolved, after_flag = [], False
    for word in argv:
        if after_flag:
            word = resolve_config_path(word)  # noqa: PLW2901
        elif word.startswith(("--config=", "-config=")):
            flag, _, path = word.partition("=")
            word = f"{flag}={resolve_config_path(path)}"  # noqa: PLW2901
        after_flag = word in ("--config", "-config")
        resolved.append(word)
    return resolved


def one_line(error: BaseException) -> str:
    """The message of an error without its line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def _unknown_field(error: BaseException, argv: Sequence[str]) -> str:
    """Names the field that the config does not have, and the nearest one it has."""
    wanted = re.findall(r"'([\w.]+)'", str(error))
    name = wanted[0] if wanted else str(error)
    given = [a for a in argv if a.startswith("--config.")]
    flag = next((a for a in given if name in a), given[0] if given else name)
    path = flag.split("=")[0].removeprefix("--config.")
    return unknown_field(path, _known_fields())


def unknown_field(name: str, known: Sequence[str]) -> str:
    """Names a field that the config does not have, and the nearest one it has."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if not close:
        last = name.rpartition(".")[2]
        close = [f for f in known if f.rpartition(".")[2] == last][:1]
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"the config has no field {name}.{hint}"


def _known_fields() -> list[str]:
    try:
        config = flags.FLAGS["config"].value
    except (KeyError, AttributeError):
        config = None
    return sorted(flatten(config)) if config is not None else []


def flatten(config, prefix: str = "") -> dict[str, object]:
    """`{"model.latent_dim": 10, ...}` of a ConfigDict or of nested dicts."""
    flat = {}
    for name, value in config.items():
        if hasattr(value, "items"):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
