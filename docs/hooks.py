"""Of each build: notebooks become pages, and every public name must have its place."""

import ast
import re
import zlib
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

PACKAGE = Path(__file__).parents[1] / "vsc_jax"
NOTEBOOKS = Path(__file__).parents[1] / "colab"


def on_files(files, config):
    """Adds a page for each notebook, with its pictures, and the file to download."""
    from nbconvert import MarkdownExporter  # half a second, and tests import this

    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        # Pictures of a page stand beside it.
        resources = {"unique_key": path.stem, "output_files_dir": f"{path.stem}_files"}
        text, resources = MarkdownExporter().from_filename(str(path), resources)
        for name, content in resources["outputs"].items():
            place = f"tutorials/{name}"
            files.append(File.generated(config, place, content=content))
        source = f"tutorials/{path.name}"
        files.append(File.generated(config, source, content=path.read_bytes()))
        page = f"tutorials/{path.stem}.md"
        files.append(File.generated(config, page, content=notebook_page(path, text)))
    return files


def notebook_page(path, text):
    """The page of a notebook, from what nbconvert made of it."""
    title, _, rest = text.lstrip().partition("\n")
    rest = rest.replace("![png](", "![Drawn by the cell above](")
    # The cell that installs is long, and the same everywhere.
    rest = re.sub(
        r"^```python\n# @title (.*?)\n(.*?)^```$",
        r"<details markdown><summary>\1</summary>\n\n```python\n\2```\n\n</details>",
        rest,
        count=1,
        flags=re.DOTALL | re.MULTILINE,
    )
    download = f"[Download this notebook]({path.name})"
    return f"{title}\n\n{download}\n{rest}"


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
