"""The tables of the documentation that are made from the code.

`python tests/readme_tables.py` writes them.
"""

import pathlib

from experiments._help import describe_configs
from vsc_jax.datasets import describe_datasets

PAGES = pathlib.Path(__file__).parents[1] / "docs" / "pages"
COMMAND = "python tests/readme_tables.py"
# Marker -> what stands between <!-- marker --> and <!-- /marker -->, and where.
TABLES = {"configs": describe_configs, "datasets": describe_datasets}
FILES = {"configs": PAGES / "configs.md", "datasets": PAGES / "data.md"}


def between(text, marker):
    """What stands between the marks, with the line's end.

    Raises:
      ValueError: if the marks are not there once.
    """
    before, after = split(text, marker)
    return text[len(before) : len(text) - len(after)]


def replace(text, marker, table):
    before, after = split(text, marker)
    return before + table + after


def split(text, marker):
    begin, end = f"<!-- {marker} -->\n", f"<!-- /{marker} -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(
            f"{FILES[marker].name} must have {begin.strip()} and {end} once each."
        )
    head, tail = text.index(begin) + len(begin), text.index(end)
    return text[:head], text[tail:]


def complaint(text, marker):
    """What is wrong with the table, and how to mend it; empty if nothing is."""
    expected = TABLES[marker]().splitlines()
    found = between(text, marker).splitlines()
    if found == expected:
        return ""
    lines = [f"- {line}" for line in found if line not in expected]
    lines += [f"+ {line}" for line in expected if line not in found]
    changes = "\n".join(lines) or "its lines are in another order"
    return (
        f"the table {marker} of {FILES[marker].name} is not that of the code; run\n"
        f"  {COMMAND}\n{changes}"
    )


def main():
    for marker, make_table in TABLES.items():
        text = FILES[marker].read_text()
        FILES[marker].write_text(replace(text, marker, make_table()))


if __name__ == "__main__":
    main()
