"""The published tables by name."""

from experiments.published import _cascade, _decomposition, _study, _vsc
from experiments.published._rows import PublishedRow

TABLES: dict[str, tuple[PublishedRow, ...]] = {
    "cascade": _cascade.ROWS,
    "decomposition": _decomposition.ROWS,
    "study": _study.ROWS,
    "vsc": _vsc.ROWS,
}


def published_rows(table: str) -> tuple[PublishedRow, ...]:
    """The rows of a table.

    Raises:
      ValueError: if there is no such table.
    """
    if table not in TABLES:
        known = ", ".join(TABLES)
        raise ValueError(f"the published tables are {known}, got {table!r}.")
    return TABLES[table]
