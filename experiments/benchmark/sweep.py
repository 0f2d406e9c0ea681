"""Time of many runs in one program, beside that of one.

`python -m experiments.benchmark.sweep [--runs=10] [--num_steps=200] [--cases=...]`

For each row the seconds per step of one run, as `experiments.run` trains it, of all
runs of a group, as `experiments.sweep` does, and their ratio; then the seconds that
scores, figures and report of one run take, which include compiling, and those of all
runs of a group, one after the other, on 32-pixel sprites. Blocks of each alternate in
one process, and medians over blocks are reported. On a GPU or TPU a group is timed in
all forms: all runs at once (`vmap`) or in turn, convolutions as matrix products or not,
with float32 and with TF32 products. On a CPU the runs are shared out among the cores.

Measured on 2 cores of an AMD EPYC (Zen 4), otherwise idle, jax 0.10.2, one run of this
command, ten runs against one at batch 64: beta-VAE 9.1, FactorVAE 7.9, CascadeVAE 8.9
(fully connected, 4.3 to 6.7 ms a step of one run), convolutional VAE of 32 pixels 9.5
(25.8 ms). One run alone keeps both cores busy: the beta-VAE's step is 0.44 GFLOP, so
100 GFLOP/s. Scores, figures and report: 8.3 s for one run, 2.6 s for a further one, so
3.8 times for ten (two runs of the command). No GPU has been timed.
"""

import itertools
import os
import statistics
import tempfile
import time
from pathlib import Path

import jax
from absl import flags
from jax.experimental.compilation_cache import compilation_cache

from experiments import _flags
from experiments._environment import prepare
from experiments._errors import UserError, fail
from experiments._groups import num_cores
from experiments._job import build
from experiments.benchmark._steps import Step, make_group_steps, make_steps
from experiments.configs import beta_vae
from experiments.run import finish
from vsc_jax import training
from vsc_jax.models import VAE, CascadeVAE, FactorVAE, Model

_RUNS = flags.DEFINE_integer("runs", 10, "Runs of a group.", 2)
_STEPS = flags.DEFINE_integer(
    "num_steps", 200, "Timed steps of one run, at least 16.", 16
)
_BATCH_SIZE = flags.DEFINE_integer("images", 64, "Images per step.", 2)

_EVALUATION = flags.DEFINE_string(
    "evaluation", "sprites,laptop", "Words of configs/beta_vae.py; none for no part."
)

NUM_BLOCKS = 5
NUM_EVALUATIONS = 4
_LAPTOP = {"image_shape": (32, 32, 1), "network": "mlp", "hidden": (512, 256)}
CASES: dict[str, Model] = {
    "beta_vae:laptop": VAE(**_LAPTOP, latent_dim=6),
    "factor_vae:laptop": FactorVAE(**_LAPTOP, latent_dim=6, disc_width=256),
    "cascade_vae:laptop": CascadeVAE(**_LAPTOP, latent_dim=6, category_sizes=(3,)),
    "vae conv 32": VAE((32, 32, 1), latent_dim=10, network="conv"),
    "vae conv 64": VAE((64, 64, 1), latent_dim=10, network="conv"),
}
_CASES = flags.DEFINE_list(
    "cases", list(CASES)[:4], f"Of {', '.join(CASES)}; on a GPU all by default."
)


def forms(platform: str) -> dict[str, dict[str, bool]]:
    """The forms of a group that are timed on a platform, by name."""
    if platform == "cpu":
        return {"group": {}}
    return {
        f"{'at once' if vectorized else 'in turn'}, "
        f"{'matrix products' if matrix_form else 'convolutions'}": {
            "vectorized": vectorized,
            "matrix_form": matrix_form,
        }
        for vectorized, matrix_form in itertools.product((True, False), repeat=2)
    }


def compare(
    model: Model, num_runs: int, num_steps: int, batch_size: int, platform: str
) -> list[str]:
    """A line for one run, and one for each form of a group."""
    block = max(num_steps // NUM_BLOCKS, 2)
    # A block of a group takes about as long as one of a run alone, on a CPU.
    # Of fewer steps a call, and bringing each run's state to the cache, is a part.
    short = block if platform != "cpu" else max(block // num_runs, 20)
    steps: dict[str, tuple[Step, int]] = {
        "one run": (make_steps(model, batch_size, steps_per_call=block), block)
    }
    for name, options in forms(platform).items():
        group = make_group_steps(
            model, batch_size, num_runs, steps_per_call=short, **options
        )
        steps[f"{num_runs} runs {name}"] = group, short
    times: dict[str, list[float]] = {name: [] for name in steps}
    for run, count in steps.values():
        run(count)  # compiles
    for _ in range(NUM_BLOCKS):
        for name, (run, count) in steps.items():
            began = time.perf_counter()
            run(count)
            times[name].append((time.perf_counter() - began) / count)
    medians = {name: statistics.median(values) for name, values in times.items()}
    one = medians["one run"]
    return [
        f"  {name:42s} {1e3 * seconds:9.3f} ms per step  ratio {seconds / one:5.2f}  "
        f"{(1 if name == 'one run' else num_runs) / seconds:,.0f} run-steps/s"
        for name, seconds in medians.items()
    ]


def compare_evaluation(num_runs: int, words: str) -> str:
    """A line for scores, figures and report of one run and of many."""
    config = beta_vae.get_config(words)
    job = build(config)
    times = []
    # A third run is like the second one.
    for seed in range(min(num_runs, NUM_EVALUATIONS)):
        params = jax.device_get(jax.jit(job.model.init)(jax.random.key(seed)))
        with tempfile.TemporaryDirectory() as folder:
            log = training.MetricsLog(Path(folder) / "metrics.jsonl", from_step=0)
            log.write(1, {"loss": 1.0})
            log.close()
            began = time.perf_counter()
            finish(
                config,
                job,
                Path(folder),
                params,
                num_steps=1,
                facts={},
                show_progress=False,
            )
            times.append(time.perf_counter() - began)
    later = statistics.median(times[1:])
    total = times[0] + (num_runs - 1) * later
    return (
        f"scores, figures and report of beta_vae:{words}: one run {times[0]:.1f} s, "
        f"a further one {later:.1f} s, so {num_runs} runs {total / times[0]:.2f} times "
        "as long as one"
    )


def main(argv: list[str]) -> None:
    """Prints the lines of each row."""
    try:
        _flags.refuse_words(argv)
        if unknown := [name for name in _CASES.value if name not in CASES]:
            raise UserError(
                f"--cases must be of {', '.join(CASES)}, got {', '.join(unknown)}."
            )
        cores = num_cores()
        if "JAX_NUM_CPU_DEVICES" not in os.environ and cores > 1:
            jax.config.update("jax_num_cpu_devices", min(cores, _RUNS.value))
        prepare()
    except UserError as error:
        fail(str(error))
    device = jax.devices()[0]
    print(f"jax {jax.__version__} on {jax.device_count()} x {device.device_kind}")
    load = os.getloadavg()[0]
    if load > 0.5 and device.platform == "cpu":
        print(f"Other programs are running (load {load:.1f}): times are not reliable.")
    on_cpu = device.platform == "cpu"
    rows = _CASES.value if on_cpu or _CASES.present else list(CASES)
    for precision in ("float32",) if on_cpu else ("float32", "tensorfloat32"):
        with jax.default_matmul_precision(precision):
            for name in rows:
                print(f"{name}, batch {_BATCH_SIZE.value}, {precision}", flush=True)
                for line in compare(
                    CASES[name],
                    _RUNS.value,
                    _STEPS.value,
                    _BATCH_SIZE.value,
                    device.platform,
                ):
                    print(line, flush=True)
    if _EVALUATION.value:
        # Else what an earlier run has compiled would make the first one fast.
        jax.config.update("jax_enable_compilation_cache", False)
        compilation_cache.reset_cache()  # it was asked once and remembers
        print(compare_evaluation(_RUNS.value, _EVALUATION.value), flush=True)


if __name__ == "__main__":
    _flags.run(main)
