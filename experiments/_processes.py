"""Joining the processes of one run, and what is said when one of them is missing."""

import os
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

import jax

from experiments._errors import EXIT_FAILED, UserError, one_line
from vsc_jax.training import saved_steps

# Seconds of waiting before it is said what for.
PATIENCE = 10.0
# JAX's own limit ends the process with a core dump, so that it must not come first.
_MARGIN = 60
# How errors of XLA begin, such as "UNAVAILABLE: ".
_STATUS = re.compile(r"[A-Z]+(_[A-Z]+)*: ")


class Coordinator(NamedTuple):
    """How the processes of a run find each other.

    Attributes:
      address: "host:port" of process 0.
      num_processes: of the run.
      process_id: of this process, from 0.
      timeout: seconds to wait for the others.
    """

    address: str
    num_processes: int
    process_id: int
    timeout: int


def connect(
    address: str | None,
    num_processes: int | None,
    process_id: int | None,
    *,
    workdir: str | None,
    timeout: int,
) -> None:
    """Joins the processes of one run, if there is an address.

    Args:
      address: "host:port" of process 0; "auto" where JAX finds it by itself.
      num_processes: of the run; None with "auto".
      process_id: of this process, from 0; None with "auto".
      workdir: that was given, which all need to have in common.
      timeout: seconds after which the process ends, with one line.

    Raises:
      UserError: for flags that are missing or wrong, or if "auto" finds nothing.
    """
    if address is None:
        if num_processes is not None or process_id is not None:
            raise UserError(
                "--num_processes and --process_id need --coordinator, the address of "
                "process 0; without it every process would train alone."
            )
        return
    if workdir is None:
        raise UserError("--coordinator needs --workdir, the same for every process.")
    if address == "auto":
        with Waiting("the processes that JAX finds", timeout):
            _join_cluster(timeout)
        return
    if num_processes is None or process_id is None:
        raise UserError("--coordinator needs --num_processes and --process_id.")
    coordinator = Coordinator(address, num_processes, process_id, timeout)
    check_coordinator(coordinator)
    others = f"process 0 at {address}"
    if process_id == 0:
        others = f"the other processes, {num_processes} in all, to come to {address}"
    with Waiting(others, timeout):
        try:
            jax.distributed.initialize(
                address,
                num_processes,
                process_id,
                initialization_timeout=timeout + _MARGIN,
            )
        except RuntimeError as error:  # such as a port that is taken
            raise UserError(
                f"--coordinator={address} cannot be used: {one_line(error)}."
            ) from error


def check_coordinator(coordinator: Coordinator) -> None:
    """Raises UserError for values that are no address or no place among processes."""
    address, num_processes, process_id, _ = coordinator
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise UserError(
            "--coordinator must be host:port of process 0, such as localhost:9876, or "
            f"auto, got {address!r}."
        )
    if num_processes < 1:
        raise UserError(f"--num_processes must be at least 1, got {num_processes}.")
    if not 0 <= process_id < num_processes:
        raise UserError(
            f"--process_id must be in 0..{num_processes - 1} with "
            f"--num_processes={num_processes}, got {process_id}."
        )


def _join_cluster(timeout: int) -> None:
    try:
        jax.distributed.initialize(initialization_timeout=timeout + _MARGIN)
    except (ValueError, RuntimeError) as error:
        raise UserError(
            "--coordinator=auto finds no TPU pod, Slurm or other cluster here "
            f"({one_line(error).rstrip('.')}); give --coordinator=host:port, "
            "--num_processes and --process_id."
        ) from error


class Waiting:
    """Within the context, waiting is explained after a while and ended at last.

    In threads, for JAX waits without looking at Python, and ends the process itself.
    """

    def __init__(
        self,
        what: str,
        timeout: float,
        *,
        patience: float = PATIENCE,
        give_up: Callable[[str], object] | None = None,
    ) -> None:
        """`give_up` is called with the last words; None ends the process."""
        self._what = what
        self._timers = [
            threading.Timer(patience, self._say, args=(timeout,)),
            threading.Timer(timeout, self._give_up, args=(give_up or end, timeout)),
        ]
        for timer in self._timers:
            timer.daemon = True

    def __enter__(self) -> None:
        for timer in self._timers:
            timer.start()

    def __exit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()

    def _say(self, timeout: float) -> None:
        print(f"waiting for {self._what}, {timeout:g} s at most ...", flush=True)

    def _give_up(self, end_with: Callable[[str], object], timeout: float) -> None:
        end_with(
            f"waited {timeout:g} s in vain for {self._what}; start every process with "
            "the same --coordinator and --num_processes, or wait longer with "
            "--coordinator_timeout."
        )


def end(message: str) -> NoReturn:
    """Ends the process at once with the message.

    The usual way out has JAX wait for the other processes, and dump core without them.
    """
    sys.stdout.flush()
    print(f"error: {message}", file=sys.stderr, flush=True)
    os._exit(EXIT_FAILED)


def is_loss(error: BaseException) -> bool:
    """Whether the error may be that of a step that another process has left.

    Some of them are JaxRuntimeErrors and some ValueErrors; a status comes first.
    """
    return jax.process_count() > 1 and bool(_STATUS.match(str(error)))


def describe_loss(workdir: Path, error: BaseException) -> str:
    """What is said when a step of several processes did not come to its end."""
    steps = saved_steps(workdir)
    saved = f"step {steps[-1]} is saved" if steps else "no step was saved"
    return (
        f"process {jax.process_index()} of {jax.process_count()} cannot go on, most "
        f"likely because another one has ended: {one_line(error):.200}; {saved} in "
        f"{workdir}. Start all of them again with the same commands to go on."
    )
