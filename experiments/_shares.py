"""Wall time shared by the tasks of a command, with some kept for their scores."""

import math
import time
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, TypeVar

Task = TypeVar("Task")

# Seconds that a run takes beside its training, until one has been measured: ours took 3
# to 8 at the laptop budget on 2 cores.
FIRST_GUESS = 5.0
# Of a share, for training, even where scores take longer than they should.
MIN_TRAINING = 0.25
# Of a share, for what is not training; if that is too little, fewer runs take part.
MAX_SCORING = 0.5
# A share is not worth its compilation if it is shorter.
MIN_SHARE = 10.0


class Share(NamedTuple):
    """What a task may do now.

    Attributes:
      num_runs: of how many runs.
      training: seconds of training.
      until: when it should be over, scores and all, by the clock of `Shares`.
    """

    num_runs: int
    training: float
    until: float


class Shares:
    """A wall clock for all tasks, and what runs of each take beside their training."""

    def __init__(
        self, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`seconds`: from now on."""
        self._clock = clock
        self._end = clock() + seconds
        self._cost: dict[Hashable, float] = {}

    def remaining(self) -> float:
        """Seconds until time is over."""
        return max(0.0, self._end - self._clock())

    def cost(self, key: Hashable) -> float:
        """Seconds that a run of a task takes beside its training."""
        if key in self._cost:
            return self._cost[key]
        return max(self._cost.values(), default=FIRST_GUESS)

    def learn(self, key: Hashable, seconds: float) -> None:
        """Notes what a run of a task took beside its training."""
        self._cost[key] = max(0.0, seconds)

    def choose(
        self, tasks: Sequence[Task], key: Callable[[Task], Hashable]
    ) -> list[Task]:
        """The first tasks, as many as get a share that is worth it."""
        remaining, chosen, least = self.remaining(), [], 0.0
        for task in tasks:
            least = max(least, MIN_SHARE + self.cost(key(task)))
            if least * (len(chosen) + 1) > remaining:
                break
            chosen.append(task)
        return chosen

    def share(self, key: Hashable, num_runs: int, num_tasks: int) -> Share:
        """An equal part of what remains.

        Args:
          key: of the task.
          num_runs: that it has.
          num_tasks: that have yet to get a share, this one among them.
        """
        seconds, cost = self.remaining() / num_tasks, self.cost(key)
        fit = math.inf if cost == 0 else seconds * MAX_SCORING / cost
        runs = int(max(1, min(num_runs, fit)))
        training = max(seconds - runs * cost, MIN_TRAINING * seconds)
        return Share(runs, training, self._clock() + seconds)

    def is_over(self, share: Share) -> bool:
        """Whether a share is used up."""
        return self._clock() >= share.until
