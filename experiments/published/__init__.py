"""Numbers that papers and authors' code printed, each with its source.

They stand beside our own in `experiments.compare --published=`, and never enter our
statistics. A number is here only if we read it in the source that its row names; those
of the study of Locatello et al. (https://arxiv.org/abs/1811.12359) are figures without
numbers, so `study` has the table in which a later paper collected its methods.
"""

from experiments.published._rows import PublishedRow as PublishedRow
from experiments.published._rows import PublishedScore as PublishedScore
from experiments.published._tables import TABLES as TABLES
from experiments.published._tables import published_rows as published_rows

__all__ = ["TABLES", "PublishedRow", "PublishedScore", "published_rows"]
