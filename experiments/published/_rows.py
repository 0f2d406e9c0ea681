"""What a published row says, in our names and units."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple


class PublishedScore(NamedTuple):
    """Statistics as a source gives them; what it does not say is None.

    Attributes:
      mean: over seeds, or of a single run.
      standard_deviation: over seeds.
      best: of the seeds.
      plus_minus: what stands behind a "+-" of which the source does not say whether it
        is a standard deviation or an error.
    """

    mean: float
    standard_deviation: float | None = None
    best: float | None = None
    plus_minus: float | None = None


@dataclasses.dataclass(frozen=True)
class PublishedRow:
    """A row of a published table.

    Attributes:
      name: the method with what tells the row from its neighbours.
      scores: our names of a score -> the number. Names in a tuple are scores of ours
        that the number may stand beside.
      source: where the number was read, with the number of a table if it has one.
      differs: what a reader must know who compares it with a run of ours.
      model: our name of the model; "" where we do not have it.
      fields: fields of our configs that the row is at.
      num_seeds: over how many seeds; None where the source does not say.
    """

    name: str
    scores: Mapping[tuple[str, ...], PublishedScore]
    source: str
    differs: str
    model: str = ""
    fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    num_seeds: int | None = None

    def score(self, name: str) -> PublishedScore | None:
        """The number that may stand beside this score of ours."""
        for names, score in self.scores.items():
            if name in names:
                return score
        return None
