"""Runs of a sweep, as many as can be in one compiled program."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments import _config_files, _workdir
from experiments._errors import UserError
from experiments._job import Job, build, group_run
from experiments._memory import runs_that_fit
from experiments._points import Point
from experiments._results import describe_job
from experiments._trackers import closing_trackers
from experiments.run import finish
from experiments.run import run as run_alone
from vsc_jax.datasets import Dataset
from vsc_jax.training import (
    RunLock,
    Terminated,
    TrainResult,
    WorkdirInUseError,
    group_key,
    train_group,
    why_alone,
)

# Fields in which the runs of a group may differ; what follows from them is looked at
# once the data are there, see `vsc_jax.training.group_key`.
FREE_PREFIXES = (
    "seed",
    "weights.",
    "schedules.",
    "optimizer.learning_rate",
    "evaluation.",
    "train.keep_checkpoints",
    "log.",
)

Outcome = dict[str, Any] | Exception


class Member(NamedTuple):
    """A run of a group: where it stands in the sweep, and what it stands for."""

    point: Point
    job: Job


def use_cores(points: Sequence[Point]) -> None:
    """Lets the runs of a group have a core each, where they run on the CPU.

    To be called before JAX starts. The cores are devices to JAX, so that a run that is
    not in a group has its batches shared out among them: there are as many as divide
    all batches. JAX_NUM_CPU_DEVICES says otherwise.
    """
    if "JAX_NUM_CPU_DEVICES" in os.environ:
        return
    cores = num_cores()
    batches = {point.config.train.batch_size for point in points}
    for num in range(min(cores, len(points)), 1, -1):
        # FactorVAE's batch is two.
        if all(batch % (2 * num) == 0 for batch in batches):
            # A config file may have started JAX: then it is as it is.
            with contextlib.suppress(RuntimeError):
                jax.config.update("jax_num_cpu_devices", num)
            break


def num_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_points(
    points: Sequence[Point],
    *,
    group_size: int = 0,
    time_limit: float | None = None,
) -> Iterator[tuple[Point, Outcome]]:
    """Runs all points; those whose shapes agree in one program.

    Args:
      points: the runs.
      group_size: the most runs in one program; 0 for as many as fit into memory.
      time_limit: seconds of training after which the runs of a group are scored as they
        are, for each group; runs that cannot be in a group take the time they need.

    Yields:
      A point with its results, or with the error that ended it.

    Raises:
      UserError, OSError, Terminated: what would end the other runs as well, or was
        asked for.
    """
    for alike in _by(points, _fixed_fields):
        if group_size == 1 or (len(alike) == 1 and time_limit is None):
            for point in alike:
                yield point, _outcome(_run_alone, point)
            continue
        members = _build(alike)
        for group in _by(members, _key):
            yield from _run_members(group, group_size, time_limit)


def _run_members(
    members: Sequence[Member],
    group_size: int,
    time_limit: float | None,
) -> Iterator[tuple[Point, Outcome]]:
    """Runs members of one key, so many at once as fit."""
    first = members[0].job
    alone = len(members) == 1 and time_limit is None
    if alone or why_alone(first.model, first.training):
        for point, _ in members:
            yield point, _outcome(_run_alone, point)
        return
    datasets = [job.dataset for _, job in members]
    size = group_size or runs_that_fit(first.model, datasets, first.training)
    waiting = [members[i : i + size] for i in range(0, len(members), size)]
    while waiting:
        group = waiting.pop(0)
        try:
            yield from _run_group(group, time_limit)
        except _TooManyError:
            half = len(group) // 2
            print(f"{len(group)} runs do not fit; {half} at once:", flush=True)
            waiting = [group[:half], group[half:], *waiting]


class _TooManyError(Exception):
    """The runs of a group do not fit on the device together."""


def _run_group(
    group: Sequence[Member], time_limit: float | None
) -> Iterator[tuple[Point, Outcome]]:
    with contextlib.ExitStack() as stack:
        free = []
        for member in group:
            try:
                stack.enter_context(RunLock(member.point.folder))
                free.append(member)
            except WorkdirInUseError as error:
                yield member.point, error
        if not free:
            return
        try:
            ends = _train(free, time_limit)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            if len(free) > 1:
                raise _TooManyError from error
            ends = [error]
        for member, end in zip(free, ends, strict=True):
            if isinstance(end, Exception):
                yield member.point, end
            else:
                yield member.point, _outcome(_finish, member, end, len(free))


def _train(
    members: Sequence[Member], time_limit: float | None
) -> list[TrainResult | Exception]:
    for point, job in members:
        _workdir.prepare_workdir(point.folder, point.config, job.dataset)
    first = members[0].job
    print(f"{len(members)} runs at once, in {members[0].point.folder.parent}:")
    print("".join(f"  {point.name}\n" for point, _ in members), end="")
    for line in describe_job(first):
        print(line, flush=True)
    runs = [group_run(job, point.config, point.folder) for point, job in members]
    with closing_trackers(runs):
        return train_group(first.model, runs, time_limit=time_limit)


def _finish(member: Member, trained: TrainResult, num_runs: int) -> dict[str, Any]:
    """Scores and shows a run, in one line."""
    point, job = member
    results = finish(
        point.config,
        job,
        point.folder,
        jax.device_get(trained.state.variables),
        num_steps=int(trained.state.step),
        facts={
            "train_seconds": trained.seconds,
            "best_step": trained.best_step,
            "runs_at_once": num_runs,
        },
        source=point.source,
        show_progress=False,
    )
    loss = results["scores"].get("loss", float("nan"))
    print(f"{point.name}: loss {loss:.4g}, {point.folder / 'results.json'}", flush=True)
    return results


def _run_alone(point: Point) -> dict[str, Any]:
    return run_alone(point.config, point.folder, source=point.source)


def _outcome(function, *arguments) -> Outcome:
    """What a run gives, or the error that ended it and no other."""
    try:
        return function(*arguments)
    except (UserError, OSError, Terminated):
        raise
    except Exception as error:
        return error


def _build(points: Sequence[Point]) -> list[Member]:
    """What the points stand for; arrays that are equal are one array."""
    members: list[Member] = []
    for point in points:
        same = [
            m.job.dataset for m in members if m.point.config.seed == point.config.seed
        ]
        job = build(point.config, same[0] if same else None)
        if members and not same:
            job = job._replace(dataset=_shared(job.dataset, members[0].job.dataset))
        members.append(Member(point, job))
    return members


def _shared(dataset: Dataset, other: Dataset) -> Dataset:
    """The data set, with the arrays of another one where these are equal."""
    arrays = {
        name: getattr(other, name)
        for name in ("images", "factors")
        if getattr(other, name) is not None
        and np.array_equal(getattr(dataset, name), getattr(other, name))
    }
    return dataclasses.replace(dataset, **arrays)


def _fixed_fields(point: Point) -> str:
    flat = _config_files.flatten(point.config.to_dict())
    fixed = {k: v for k, v in flat.items() if not k.startswith(FREE_PREFIXES)}
    return json.dumps(fixed, sort_keys=True)


def _key(member: Member) -> Any:
    job = member.job
    return group_key(job.model, job.dataset, job.training)


def _by(items, key) -> list[list[Any]]:
    """The items in groups of one key, in the order in which they come."""
    groups: dict[Any, list[Any]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())
