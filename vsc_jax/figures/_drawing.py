"""What all figures share: titles that fit, text shown as it is, files written.

Matplotlib's object interface is used, without pyplot: drawing changes no global state
and needs no display. It is imported inside functions, for it takes a second.
"""

import re
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vsc_jax._files import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 100
INK = "#1f3b5c"
SECOND_INK = "#d9822b"
TITLE_SIZE = 11.0
MAX_TITLE_LINES = 6


def new_figure(width: float, height: float, **options) -> "Figure":
    """An empty figure of so many pixels."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / DPI, height / DPI), dpi=DPI, **options)


def plain(text: str, max_length: int = 40) -> str:
    r"""Text, such as the name of a folder, for matplotlib to show as it is.

    Lines are cut to `max_length`. Without its backslash a dollar sign would begin a
    formula, and what is none, such as `$\frac{$`, an error. Bytes of a file name that
    are no text, which are surrogates in Python, have no letter.

    >>> print(plain("cost in $ or $\\frac{$"))
    cost in \$ or \$\frac{\$
    >>> plain("a very long name", max_length=8)
    'a very …'
    """
    lines = [
        line if len(line) <= max_length else line[: max_length - 1] + "…"
        for line in str(text).split("\n")
    ]
    return valid("\n".join(lines)).replace("$", r"\$")


def valid(text: str) -> str:
    """Text that can be drawn and encoded: U+FFFD in place of a surrogate."""
    return re.sub(r"[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """The last word of each dotted name, or as many as tell it from the others.

    >>> short_names(["model.latent_dim", "model.prior.name", "data.name"])
    {'model.latent_dim': 'latent_dim', 'model.prior.name': 'prior.name',
     'data.name': 'data.name'}
    """
    short = {}
    for name in names:
        words = name.split(".")
        others = {other for other in names if other != name}
        for num in range(1 + (words[-1] == "name"), len(words) + 1):
            short[name] = ".".join(words[-num:])
            if not any(f".{other}".endswith(f".{short[name]}") for other in others):
                break
        short.setdefault(name, name)
    return short


def wrap_title(title: str, width: float) -> list[str]:
    """Lines of a title that fit into so many pixels, as they are; six at most."""
    columns = max(20, int(width / 8.2))
    lines = textwrap.wrap(title, columns, max_lines=MAX_TITLE_LINES, placeholder=" …")
    return [plain(line, columns) for line in lines]


def title_above(axes: "Axes", title: str, width: float) -> None:
    """Sets a left-aligned title wrapped to so many pixels."""
    axes.set_title("\n".join(wrap_title(title, width)), fontsize=TITLE_SIZE, loc="left")


def save(figure: "Figure", path: Path) -> Path:
    """Writes a PNG, making its folder."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # Of names in a script that the font lacks; boxes stand for their letters.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        with whole_file(path) as temporary:
            figure.savefig(temporary, format="png", dpi=DPI)
    return path
