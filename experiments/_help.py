"""What `--help` prints: the command, its flags, the configs and their fields."""

import importlib
import inspect
from collections.abc import Sequence
from types import ModuleType

from absl import flags

from experiments._config_files import config_names, flatten, load_config
from experiments.configs import base


def help_text(module: ModuleType, argv: Sequence[str]) -> str:
    """The text for a command.

    Args:
      module: of the command; flags are those that it has a name for.
      argv: the words of the command; of a config among them the fields are shown.

    Raises:
      UserError: if that config cannot be loaded.
    """
    parts = [inspect.getdoc(module) or ""]
    own = [v for v in vars(module).values() if isinstance(v, flags.FlagHolder)]
    parts.append("\n".join(["Flags:", *(_flag(holder) for holder in own)]))
    if any(holder.name == "config" for holder in own):
        parts.append("\n".join(["Configs and their arguments:", *_configs()]))
        parts.append("\n".join(_fields(argv)))
    return "\n\n".join(parts)


def _flag(holder: flags.FlagHolder) -> str:
    flag = flags.FLAGS[holder.name]
    default = "" if flag.default in (None, "", []) else f" (default {flag.default})"
    return f"  --{flag.name}: {flag.help}{default}"


def describe_configs() -> str:
    """A Markdown table of the configs and the first lines of their docstrings."""
    rows = [f"| `configs/{name}.py` | {_summary(name)} |" for name in config_names()]
    return "\n".join(["| config | what it trains |", "|---|---|", *rows, ""])


def known_words(name: str) -> tuple[str, ...]:
    """The arguments that a config of this package knows."""
    try:
        _module(name).get_config("?")  # no word of any config
    except base.UnknownWordError as error:
        return error.known
    return ()


def _configs() -> list[str]:
    lines = []
    for name in config_names():
        lines.append(f"  configs/{name}.py  {_summary(name)}")
        lines.append(f"      :{','.join(known_words(name))}")
    return lines


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"experiments.configs.{name}")


def _summary(name: str) -> str:
    return (inspect.getdoc(_module(name)) or "").partition("\n")[0]


def _fields(argv: Sequence[str]) -> list[str]:
    config, title = load_config(argv), "its values"
    if not config:
        config, title = base.get_config(), "the defaults of the model vae"
    return [
        f"Fields, set by --config.FIELD=VALUE, with {title};",
        "experiments/configs/base.py says what they mean:",
        *(f"  {name} = {value!r}" for name, value in flatten(config).items()),
    ]
