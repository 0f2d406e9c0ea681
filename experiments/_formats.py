"""Tables as text: Markdown, CSV and LaTeX."""

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from vsc_jax.figures import short_names

DASH = "-"
_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # Two of a kind would be read as one sign, and a star or an opening bracket behind
    # the end of a line as belonging to it.
    '"': r"\textquotedbl{}",
    **{sign: f"{{{sign}}}" for sign in "-,'`"},
    "*": "{*}",
    "[": "{[}",
    "]": "{]}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


class Block(NamedTuple):
    """Rows under a heading.

    Attributes:
      heading: what they are about.
      rows: a list of cells each.
      marked: index of the row whose `marked_cell` alone is the best; None for none.
      aside: indices of rows that are of another kind, shown in italics.
    """

    heading: str
    rows: Sequence[Sequence[Any]]
    marked: int | None = None
    aside: frozenset[int] = frozenset()


def setting_name(fields: Mapping[str, Any], exact: Collection[str] = ()) -> str:
    """The values of fields with as much of their names as tells them apart.

    Numbers have six digits, those of the fields in `exact` all.

    >>> setting_name({"model.latent_dim": 8, "model.name": "vae", "weights.beta": 1.0})
    'latent_dim=8, model.name=vae, beta=1'
    """
    short = short_names(list(fields))
    return ", ".join(
        f"{short[k]}={repr(v) if k in exact else value_text(v)}"
        for k, v in fields.items()
    )


def value_text(value: Any) -> str:
    """The value of a field in a name.

    >>> [value_text(value) for value in (4.0, 4.0000001, (8, 8), "mlp")]
    ['4', '4', '(8, 8)', 'mlp']
    """
    return f"{value:g}" if isinstance(value, float) else str(value)


def number(value: Any) -> str:
    """A cell: five digits of a number, a dash for what is not there.

    >>> [number(value) for value in (0.1234567, 3, None, "text")]
    ['0.12346', '3', '-', 'text']
    """
    if isinstance(value, float):
        return f"{value:.5g}"
    return DASH if value is None else str(value)


def markdown(columns: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    r"""A Markdown table.

    >>> print(markdown(["a", "b|c"], [[0.25, None]]), end="")
    | a | b\|c |
    | --- | --- |
    | 0.25 | - |
    """
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(
        f"| {' | '.join(_markdown_cell(cell) for cell in line)} |\n" for line in lines
    )


def markdown_blocks(
    columns: Sequence[str], blocks: Sequence[Block], marked_cell: int
) -> str:
    """A Markdown table for each block, the best value bold, asides in italics."""
    parts = []
    for block in blocks:
        rows = []
        for i, cells in enumerate(block.rows):
            row = [_markdown_cell(cell) for cell in cells]
            if i == block.marked:
                row[marked_cell] = f"**{row[marked_cell]}**"
            if i in block.aside:
                row[0] = f"*{row[0]}*"
            rows.append(row)
        lines = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
        text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        parts.append(f"### {_markdown_cell(block.heading)}\n\n{text}")
    return "\n".join(parts)


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A CSV table with all digits; what is not there is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def latex_blocks(
    columns: Sequence[str],
    blocks: Sequence[Block],
    marked_cell: int,
    notes: Sequence[str] = (),
) -> str:
    r"""A float with a booktabs table for each block, to be read by `\input`.

    Args:
      columns: headings; the first one is of names, the others of numbers.
      blocks: each becomes a table, whose caption is its heading.
      marked_cell: index of the cell that is bold in the row that is marked.
      notes: lines below the tables.
    """
    lines = [
        r"% Written by vsc_jax; read it with \input.",
        r"% Needs \usepackage{booktabs} and \usepackage[T1]{fontenc}.",
    ]
    for block in blocks:
        lines += [
            r"\begin{table}[htbp]",
            r"\centering",
            rf"\caption{{{tex(block.heading)}}}",
            r"\footnotesize",
            rf"\begin{{tabular}}{{p{{0.38\linewidth}}{'r' * (len(columns) - 1)}}}",
            r"\toprule",
            _tex_row([tex(column) for column in columns]),
            r"\midrule",
        ]
        for i, cells in enumerate(block.rows):
            row = [_tex_cell(cell) for cell in cells]
            if i == block.marked:
                row[marked_cell] = rf"\textbf{{{row[marked_cell]}}}"
            if i in block.aside:
                row[0] = rf"\textit{{{row[0]}}}"
            lines.append(_tex_row(row))
        lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    for note in notes:
        lines += ["", rf"\noindent {{\footnotesize {tex(note)}}}"]
    return "\n".join([*lines, ""])


def tex(text: str) -> str:
    r"""The text with every sign that LaTeX would read otherwise.

    >>> print(tex("latent_dim=8 & 50%"))
    latent\_dim=8 \& 50\%
    """
    return re.sub(
        r'[\\~^<>|"&%$#_{}`*\[\]]|-(?=-)|,(?=,)|\'(?=\')',
        lambda match: _TEX[match.group()],
        " ".join(text.split()),
    )


def _tex_row(cells: Sequence[str]) -> str:
    return rf"{' & '.join(cells)} \\"


def _tex_cell(value: Any) -> str:
    text = number(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        # A minus, not a hyphen; 1e-05 as a power of ten. Digits are text, which can be
        # bold.
        mantissa, e, exponent = text.partition("e")
        power = rf"$\,\cdot\,10^{{{int(exponent)}}}$" if e else ""
        return mantissa.replace("-", "$-$") + power
    return tex(text) if text != DASH else "--"


def _markdown_cell(value: Any) -> str:
    return number(value).replace("|", r"\|").replace("\n", " ")
