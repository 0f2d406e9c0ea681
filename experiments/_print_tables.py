"""Tables in the terminal."""

from collections.abc import Sequence
from typing import Any

from experiments._formats import Block, number
from experiments._statistics import COLUMNS, MEAN

# Of what is no terminal: a file or a pipe is not folded to 80 letters.
_WIDTH = 120
# Nor are the numbers of a table with a column for each score.
_WIDEST = 1_000


def print_tables(
    blocks: Sequence[Block],
    tables: Sequence[tuple[str, Sequence[str], Sequence[Sequence[Any]]]],
    lines: Sequence[str],
) -> None:
    """Prints the statistics of scores, further tables, and lines below them.

    Args:
      blocks: a score each, see `experiments._statistics.block_of`.
      tables: title, columns and rows of each.
      lines: text.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)

    def table_of(columns: Sequence[str], title: str | None = None) -> Table:
        table = Table(
            title=None if title is None else Text(title, style="bold"),
            title_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
        )
        table.add_column(columns[0], overflow="fold")
        for column in columns[1:]:
            table.add_column(column, justify="right", overflow="fold")
        return table

    table = table_of(COLUMNS)
    for block in blocks:
        table.add_row(Text(block.heading, style="bold"))
        for i, cells in enumerate(block.rows):
            style = "dim italic" if i in block.aside else ""
            row = [Text(number(cell), style=style) for cell in cells]
            row[0] = Text(f"  {cells[0]}", style=style)
            if i == block.marked:
                row[MEAN].stylize("bold green")
            table.add_row(*row, end_section=i == len(block.rows) - 1)
    console.print(table)
    for title, columns, rows in tables:
        other = table_of(columns, title)
        for row in rows:
            other.add_row(*(Text(number(cell)) for cell in row))
        if not console.is_terminal:
            options = console.options.update(width=_WIDEST)
            needed = console.measure(other, options=options).maximum
            console.width = max(_WIDTH, needed)
        console.print(other)
    if not console.is_terminal:
        console.width = _WIDTH
    for line in lines:
        console.print(Text(line))
