"""Of each build: every public name of the package must have its place in the pages."""

import ast
import zlib
from pathlib import Path

from mkdocs.exceptions import PluginError

PACKAGE = Path(__file__).parents[1] / "vsc_jax"


def on_post_build(config):
    """Raises PluginError if the inventory of the site lacks a public name."""
    inventory = Path(config.site_dir) / "objects.inv"
    documented = read_inventory(inventory.read_bytes())
    if missing := sorted(public_names(PACKAGE) - documented):
        raise PluginError(
            f"the API pages lack {', '.join(missing)}; write a docstring, or a page "
            "for the part in docs/pages/api."
        )


def public_names(package):
    """Those of each part, such as vsc_jax.losses.mmd: of `__all__`, or without _."""
    names = set()
    for part in sorted(package.iterdir()):
        file = part / "__init__.py" if part.is_dir() else part
        if part.name.startswith("_") or file.suffix != ".py" or not file.exists():
            continue
        names |= {f"{package.name}.{part.stem}.{name}" for name in _names(file)}
    return names


def read_inventory(data):
    """Names in a file `objects.inv`, as Sphinx writes it."""
    text = zlib.decompress(data.split(b"\n", 4)[4]).decode()
    return {line.split(" ")[0] for line in text.splitlines()}


def _names(file):
    tree = ast.parse(file.read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    kinds = ast.FunctionDef | ast.ClassDef
    found = [node.name for node in tree.body if isinstance(node, kinds)]
    return [name for name in found if not name.startswith("_")]
