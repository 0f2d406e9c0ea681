"""What all figures share: titles that fit, text shown as it is, files written.

Matplotlib's object interface is used, without pyplot: drawing changes no global state
and needs no display. It is imported inside functions, for it takes a second.
"""

import re
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vsc_jax._files import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 100
INK = "#1f3b5c"
SECOND_INK = "#d9822b"
TITLE_SIZE = 11.0
PAPER_FORMATS = ("pdf", "svg")
FORMATS = ("png", *PAPER_FORMATS)
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
    """Writes a file, making its folder.

    Its ending says which: `.pdf` and `.svg` are for papers, whose captions say what a
    title would, so that they have none; anything else is a PNG.
    """
    from matplotlib import rc_context

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = path.suffix.lower().removeprefix(".")
    options: dict[str, Any] = {"format": "png"}
    if kind in PAPER_FORMATS:
        _take_title_off(figure)
        # The same figure is the same file; no Type 3 fonts, which journals refuse.
        options = {"format": kind, "bbox_inches": "tight", "pad_inches": 0.02}
        options["metadata"] = {"CreationDate" if kind == "pdf" else "Date": None}
    with (
        warnings.catch_warnings(),
        rc_context({"pdf.fonttype": 42, "svg.hashsalt": "vsc_jax"}),
    ):
        # Of names in a script that the font lacks; boxes stand for their letters.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        with whole_file(path) as temporary:
            figure.savefig(temporary, dpi=DPI, **options)
    return path


def _take_title_off(figure: "Figure") -> None:
    """Hides what stands above the whole figure, or above its axes to the left."""
    for text in figure.texts:
        text.set_visible(False)
        text.set_in_layout(False)
    if not figure.texts:
        for axes in figure.axes:
            axes.set_title("", loc="left")
