"""Time of the exact assignment: the device solver beside OR-Tools and SciPy.

`python -m experiments.benchmark.assignment [--items=64,256,1024]
[--num_categories=3,10,64] [--solver_calls=5] [--train_steps=40]`

Every way solves the same problems, 4 kinds at 4 spreads for each size. They take turns,
so that a busy machine slows all of them:
  device: `assign_categories`, compiled, in JAX alone.
  callback: OR-Tools' minimum-cost flow through a host callback in a compiled program.
  host: the same as a plain host call, `assign_categories_on_host`.
  arcs: OR-Tools alone, its arcs added one by one in Python, as in the code of
    CascadeVAE's authors (https://github.com/snu-mllab/DisentanglementICML19).
  columns: `scipy.optimize.linear_sum_assignment` on a matrix with a column for each
    place of each class; left out where it has more than MAX_ENTRIES entries.
The values of all answers are compared. Last, the share of a training step of CascadeVAE
(batch 64, 3 categories, 64 pixels) that the device solver takes.

Measured on 2 cores of an AMD EPYC that other programs were using (load 3),
jax 0.10.2, OR-Tools 9.15, one run of this command; medians over 16 problems in ms:

      size    device  callback      host      arcs   columns
      64x3      0.18      0.59      0.41      0.31      0.50
     64x10      0.26      0.74      0.56      0.85      0.61
     64x64      1.22      2.25      1.84      4.70      3.84
     256x3      0.24      0.99      0.80      1.18     20.82
    256x10      0.47      1.76      1.46      3.30     32.90
    256x64      2.48      6.37      5.79     19.08         -
    1024x3      0.52      2.36      2.23      4.51   1467.19
   1024x10      1.27      5.16      4.89     13.75         -
   1024x64     10.26     22.72     22.80     78.03         -

Of one problem, up to 10 categories, the device took at most 0.56 of the callback's
time; of all, 1.15 (64x64). In the training step, of 178 ms under that load, the solver
took 0.05 ms, 0.03%. The JAX solver takes about 2 seconds to compile.
"""

import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags

from experiments import _flags
from experiments._environment import prepare
from experiments._quick import QUICK
from experiments.benchmark._steps import make_steps, positive_numbers
from vsc_jax.assignment import (
    assign_categories,
    assign_categories_on_host,
    assignment_value,
)
from vsc_jax.models import CascadeVAE

_BATCH_SIZE = flags.DEFINE_list("items", ["64", "256", "1024"], "Batch sizes.")
_NUM_CATEGORIES = flags.DEFINE_list("num_categories", ["3", "10", "64"], "Classes.")
_REPEATS = flags.DEFINE_integer("solver_calls", 5, "Timed calls per problem.", 1)
_STEPS = flags.DEFINE_integer("train_steps", 40, "Timed training steps, 0 for none.", 0)

KINDS = ("iid", "skew", "clustered", "ties")
# Spread of the log-likelihoods relative to the largest price of a class: far below 1
# the penalty decides, far above it the argmax.
SPREADS = (0.001, 0.1, 1.0, 100.0)
PENALTY = 0.0005
MAX_ENTRIES = 4_000_000
# Done once per problem, because they are slow.
ONCE = ("arcs", "columns")
STEP_BATCH, STEP_CATEGORIES = 64, 3

Solver = Callable[[np.ndarray], np.ndarray]
"""Log-likelihoods `[batch, num_categories]` to categories."""


def make_log_likelihood(
    rng: np.random.Generator,
    kind: str,
    spread: float,
    batch_size: int,
    num_categories: int,
    *,
    penalty: float = PENALTY,
) -> np.ndarray:
    """float32 `[batch_size, num_categories]` of one of `KINDS`."""
    shape = (batch_size, num_categories)
    unit = spread * 2.0 * penalty * batch_size
    if kind == "iid":
        u = rng.normal(size=shape) * unit
    elif kind == "skew":  # all prefer the first classes: long paths
        u = (rng.normal(size=shape) - 0.5 * np.arange(num_categories)) * unit
    elif kind == "clustered":  # clusters in half of the classes
        u = rng.normal(size=shape) * 0.3 * unit
        own = rng.integers(0, max(1, num_categories // 2), batch_size)
        u[np.arange(batch_size), own] += unit
    elif kind == "ties":
        u = rng.integers(0, 3, shape) * unit
    else:
        raise ValueError(f"unknown kind {kind!r}, known: {', '.join(KINDS)}.")
    return u.astype(np.float32)


def problems(batch_size: int, num_categories: int) -> Iterator[np.ndarray]:
    """One problem of each kind and spread."""
    rng = np.random.default_rng(0)
    for kind, spread in itertools.product(KINDS, SPREADS):
        yield make_log_likelihood(rng, kind, spread, batch_size, num_categories)


def make_solvers(batch_size: int, num_categories: int) -> dict[str, Solver]:
    """The ways that the table compares, by name."""

    def compiled(method) -> Solver:
        solve = jax.jit(
            lambda u: assign_categories(u, pairwise_penalty=PENALTY, method=method)
        )
        return lambda u: np.asarray(solve(u).categories)

    solvers = {
        "device": compiled("device"),
        "callback": compiled("ortools"),
        "host": lambda u: (
            assign_categories_on_host(u, pairwise_penalty=PENALTY).categories
        ),
        "arcs": solve_arc_by_arc,
    }
    if batch_size**2 * num_categories <= MAX_ENTRIES:
        solvers["columns"] = solve_columns
    return solvers


def _integers(u: np.ndarray) -> tuple[np.ndarray, int]:
    """Costs of the flow, and what each further item of a class adds, to 1e-7 nats."""
    costs = np.rint(1e7 * (u.max(axis=1, keepdims=True) - u.astype(np.float64)))
    return costs.astype(np.int64), round(1e7 * 2.0 * PENALTY)


def solve_arc_by_arc(u: np.ndarray) -> np.ndarray:
    """OR-Tools with one Python call per arc."""
    from ortools.graph.python import min_cost_flow

    costs, step = _integers(u)
    batch, num_categories = costs.shape
    sink = batch + num_categories
    solver = min_cost_flow.SimpleMinCostFlow()
    for i, k in itertools.product(range(batch), range(num_categories)):
        solver.add_arc_with_capacity_and_unit_cost(i, batch + k, 1, int(costs[i, k]))
    for k, t in itertools.product(range(num_categories), range(batch)):
        solver.add_arc_with_capacity_and_unit_cost(batch + k, sink, 1, step * t)
    for i in range(batch):
        solver.set_node_supply(i, 1)
    solver.set_node_supply(sink, -batch)
    solver.solve()
    flows = [solver.flow(arc) for arc in range(batch * num_categories)]
    return np.reshape(flows, costs.shape).argmax(axis=1)


def solve_columns(u: np.ndarray) -> np.ndarray:
    """SciPy's Hungarian method, `batch` columns for each class."""
    from scipy.optimize import linear_sum_assignment

    batch = len(u)
    places = 2.0 * PENALTY * np.arange(batch)
    matrix = u.astype(np.float64)[:, :, None] - places[None, None, :]
    columns = linear_sum_assignment(matrix.reshape(batch, -1), maximize=True)[1]
    return columns // batch


def time_solvers(
    batch_size: int, num_categories: int, repeats: int
) -> dict[str, list[float]]:
    """Seconds of each way: the median over repeats, for each problem.

    Raises:
      RuntimeError: if two ways disagree about the best value.
    """
    solvers = make_solvers(batch_size, num_categories)
    times = {name: [] for name in solvers}
    for u in problems(batch_size, num_categories):
        found = {}
        seconds = {name: [] for name in solvers}
        for name, solve in solvers.items():
            if name not in ONCE:
                solve(u)  # compiles
        for name, solve in solvers.items():
            for _ in range(1 if name in ONCE else repeats):
                start = time.perf_counter()
                found[name] = solve(u)
                seconds[name].append(time.perf_counter() - start)
        values = {
            name: assignment_value(u, categories, pairwise_penalty=PENALTY)
            for name, categories in found.items()
        }
        tolerance = 1e-6 * batch_size * max(1.0, float(np.ptp(u, axis=1).max()))
        if np.ptp(list(values.values())) > tolerance:
            raise RuntimeError(f"{batch_size} x {num_categories}: values {values}.")
        for name, taken in seconds.items():
            times[name].append(statistics.median(taken))
    return times


def table_row(times: dict[str, list[float]], size: str) -> str:
    """Median milliseconds of each way, and how the device does beside the callback."""
    cells = [
        f"{1e3 * statistics.median(times[name]):9.2f}"
        if name in times
        else " " * 8 + "-"
        for name in ("device", "callback", "host", "arcs", "columns")
    ]
    ratios = [a / b for a, b in zip(times["device"], times["callback"], strict=True)]
    worst = 1e3 * max(times["device"])
    return " ".join([f"{size:>9}", *cells, f"{worst:9.2f}", f"{max(ratios):9.2f}"])


HEADER = (
    f"{'size':>9} {'device':>9} {'callback':>9} {'host':>9} {'arcs':>9} {'columns':>9} "
    f"{'dev. max':>9} {'max ratio':>9}"
)


def time_train_step(num_steps: int, image_size: int) -> tuple[float, float]:
    """Median seconds of a step of CascadeVAE, and of the device solver in a program.

    Both run `num_steps` times in one compiled loop, and the loops take turns.
    """
    shape = (image_size, image_size, 1)
    model = CascadeVAE(
        shape, latent_dim=6, network="conv", category_sizes=(STEP_CATEGORIES,)
    )
    block = max(1, num_steps // 4)
    run_steps = make_steps(model, STEP_BATCH, steps_per_call=block)
    many = np.stack(list(problems(STEP_BATCH, STEP_CATEGORIES)))
    many = jnp.asarray(many[np.arange(10 * block) % len(many)])
    solve_all = jax.jit(
        lambda many: jax.lax.map(
            lambda u: assign_categories(u, pairwise_penalty=PENALTY).categories, many
        )
    )
    steps, solves = [], []
    for _ in range(5):
        start = time.perf_counter()
        run_steps(block)
        middle = time.perf_counter()
        solve_all(many).block_until_ready()
        steps.append((middle - start) / block)
        solves.append((time.perf_counter() - middle) / len(many))
    # The first of each compiled.
    return statistics.median(steps[1:]), statistics.median(solves[1:])


def main(argv: Sequence[str]) -> None:
    """Prints the table and the share."""
    _flags.refuse_words(argv)
    prepare()
    sizes = list(
        itertools.product(
            positive_numbers("items", _BATCH_SIZE.value),
            positive_numbers("num_categories", _NUM_CATEGORIES.value),
        )
    )
    print(f"jax {jax.__version__} on {jax.default_backend()}, {os.cpu_count()} cores")
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"Other programs are running (load {load:.1f}): times are not reliable.")
    print("Milliseconds, median over 16 problems; 'dev. max' is the slowest of them,")
    print("'max ratio' the largest device / callback of one problem.")
    print(HEADER)
    for batch_size, num_categories in [(8, 3)] if QUICK.value else sizes:
        times = time_solvers(batch_size, num_categories, _REPEATS.value)
        print(table_row(times, f"{batch_size}x{num_categories}"), flush=True)
        if "columns" not in times:
            entries = batch_size**2 * num_categories / 1e6
            print(f"{'':9} columns left out: a matrix of {entries:.0f} million entries")
    if _STEPS.value:
        image_size = 28 if QUICK.value else 64
        step, solve = time_train_step(_STEPS.value, image_size)
        print(
            f"CascadeVAE {STEP_BATCH}x{STEP_CATEGORIES}, {image_size} pixels: "
            f"{1e3 * step:.1f} ms per training step, of it the solver "
            f"{1e3 * solve:.3f} ms, {100 * solve / step:.2f}%"
        )


if __name__ == "__main__":
    _flags.run(main)
