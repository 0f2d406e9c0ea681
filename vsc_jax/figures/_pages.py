"""Pages from the templates of this folder, each in one file."""

from pathlib import Path
from typing import Any

from vsc_jax._files import whole_file
from vsc_jax.figures._drawing import valid

_TEMPLATES = Path(__file__).parent / "templates"


def write_page(template: str, path: Path, **values: Any) -> Path:
    """Fills in a template and writes the page, whole or not at all.

    Values are escaped; style and script are part of the page.

    Args:
      template: its name.
      path: file to write.
      **values: what the template names, all of them.

    Returns:
      `path`.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Series are in the order in which they are drawn.
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    text = valid(environment.get_template(template).render(**values))
    with whole_file(path) as temporary:
        temporary.write_text(f"{text}\n", "utf-8")
    return path
