"""Wall time shared by the tasks of a command, with some kept for their scores."""

import math
import time
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, TypeVar

Task = TypeVar("Task")

# Of a share, for training, even where scores take longer than they should.
MIN_TRAINING = 0.25
# Of a share, for what is not training; if that is too little, fewer runs take part.
MAX_SCORING = 0.5
# A share is not worth it if there is less for training, in seconds; nor, once there are
# scores to improve, in multiples of what else it takes.
MIN_SHARE = 10.0
MIN_RATIO = 2.0


class Cost(NamedTuple):
    """Seconds beside training: of a task, and of each of its runs."""

    task: float
    run: float


# Those of the laptop budget on 2 cores.
FIRST_GUESS = Cost(5.0, 5.0)


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
    """A wall clock for all tasks, and what each takes beside its training."""

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        guess: Cost = FIRST_GUESS,
    ) -> None:
        """`seconds`: from now on; `guess`: what is taken as long as it is not known."""
        self._clock, self._guess = clock, guess
        self._end = clock() + seconds
        self._costs: dict[Hashable, Cost] = {}

    def remaining(self) -> float:
        """Seconds until time is over."""
        return max(0.0, self._end - self._clock())

    def cost(self, key: Hashable) -> Cost:
        """What a task takes beside its training; the most of others if not known."""
        if key in self._costs:
            return self._costs[key]
        known = self._costs.values() or [self._guess]
        return Cost(max(cost.task for cost in known), max(cost.run for cost in known))

    def least(self, key: Hashable, *, has_scores: bool) -> float:
        """Seconds that a share of a task must have to be worth it."""
        cost = sum(self.cost(key))
        return cost + max(MIN_SHARE, MIN_RATIO * cost * has_scores)

    def learn(
        self, key: Hashable, num_runs: int, per_run: float, beside: float | None
    ) -> None:
        """Notes what a task took beside its training.

        Args:
          key: of the task.
          num_runs: that it had.
          per_run: seconds of the scores of each.
          beside: seconds of all but training; None if that is not known.
        """
        of_task = self.cost(key).task if beside is None else beside - num_runs * per_run
        self._costs[key] = Cost(max(0.0, of_task), per_run)

    def choose(
        self, tasks: Sequence[Task], least: Callable[[Task], float]
    ) -> list[Task]:
        """The first tasks, as many as get a share that is worth it.

        Args:
          tasks: in the order of their turns.
          least: seconds that a share of a task must have.
        """
        remaining, chosen, longest = self.remaining(), [], 0.0
        for task in tasks:
            longest = max(longest, least(task))
            if longest * (len(chosen) + 1) > remaining:
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
        fit = math.inf if cost.run == 0 else seconds * MAX_SCORING / cost.run
        runs = int(max(1, min(num_runs, fit)))
        beside = cost.task + runs * cost.run
        training = max(seconds - beside, MIN_TRAINING * seconds)
        return Share(runs, training, self._clock() + seconds)

    def is_over(self, share: Share) -> bool:
        """Whether a share is used up."""
        return self._clock() >= share.until
