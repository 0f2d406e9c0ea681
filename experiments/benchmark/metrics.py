"""Time of each score of `vsc_jax.metrics`.

`python -m experiments.benchmark.metrics [--samples=10000] [--latents=10]
[--factor_sizes=3,6,40,32,32] [--timed_calls=3] [--only=mig,dci]`

The factors are drawn uniformly, those of dSprites by default. The first latents are
copies of them with normal noise (standard deviation 0.3 of the factor's), the others
are noise. Scores that learn also get half as many test rows. The table has the first
call, which loads what the score imports, and the median of further calls; a score whose
first call takes more than `MAX_SECONDS` is not called again. What `SLOW` names, the
trees of other protocols, runs only if `--only` asks for it.

Measured on 2 cores of an AMD EPYC that other programs were using (load 8), one call
after the first; an idle machine takes less. In ms:

    under 30: absolute_correlation, dci:lasso, dcimig, factor_vae_score, hoyer, mcc,
      mig_sup, modularity, unsupervised_accuracy, unsupervised_scores
    30 to 100: factor_vae_score:locatello, irs, jaccard_diversity, mig, sparsity, udr
    few_label_probe 160, jemmig 240, beta_vae_score 440, sap 670, info_mec 980,
    explicitness 5,700, dci 6,800, med 12,900, downstream 30,000 (four budgets, up to
      51 fits for each and each factor), dci:random_forest 73,000
"""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from absl import flags

from experiments import _flags
from experiments._environment import prepare
from experiments._errors import UserError
from experiments.benchmark._steps import positive_numbers
from vsc_jax import metrics

_SAMPLES = flags.DEFINE_integer("samples", 10_000, "Rows of codes.", 10)
_LATENTS = flags.DEFINE_integer("latents", 10, "Columns of codes.", 2)
_SIZES = flags.DEFINE_list(
    "factor_sizes", ["3", "6", "40", "32", "32"], "How many values each factor has."
)
_CALLS = flags.DEFINE_integer("timed_calls", 3, "Calls after the first one.", 1)
_ONLY = flags.DEFINE_list("only", [], "Scores to time; all but the slow without it.")

MAX_SECONDS = 30.0
NUM_MODELS = 5  # that UDR compares


class Data(NamedTuple):
    """What the scores take.

    Attributes:
      codes: `[n, latent_dim]`.
      factors: `[n, num_factors]`.
      codes_test: `[n / 2, latent_dim]`.
      factors_test: `[n / 2, num_factors]`.
    """

    codes: np.ndarray
    factors: np.ndarray
    codes_test: np.ndarray
    factors_test: np.ndarray


def make_data(num_samples: int, latent_dim: int, sizes: list[int]) -> Data:
    """Noisy copies of the first factors, one per latent, and noise."""
    rng = np.random.default_rng(0)
    num = num_samples + num_samples // 2
    factors = np.stack([rng.integers(size, size=num) for size in sizes], axis=1)
    codes = rng.normal(size=(num, latent_dim))
    copies = min(latent_dim, len(sizes))
    known = factors[:, :copies] - factors[:, :copies].mean(axis=0, keepdims=True)
    known = known / np.maximum(known.std(axis=0, keepdims=True), 1e-9)
    codes[:, :copies] = known + 0.3 * codes[:, :copies]
    return Data(
        codes[:num_samples],
        factors[:num_samples],
        codes[num_samples:],
        factors[num_samples:],
    )


def _boxes(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """A box per latent, all of them there."""
    boxes = np.repeat(np.abs(data.codes)[:, :, None], 4, axis=2)
    return boxes, np.ones(data.codes.shape, bool)


def _segments(data: Data) -> np.ndarray:
    """Three objects on images of 8 x 8 pixels."""
    return (1 + (data.factors[:, :1] + np.arange(64)) % 3).reshape(-1, 8, 8)


Score = Callable[[Data], object]

SCORES: dict[str, Score] = {
    "absolute_correlation": lambda d: metrics.absolute_correlation(d.codes, d.factors),
    "beta_vae_score": lambda d: metrics.beta_vae_score(d.codes, d.factors),
    "box_iou": lambda d: metrics.box_iou(*_boxes(d), *_boxes(d)),
    "centres_on_objects": lambda d: metrics.centres_on_objects(
        np.abs(d.codes[:, :2, None].repeat(2, axis=2)) % 1.0,
        np.ones((len(d.codes), min(2, d.codes.shape[1])), bool),
        _segments(d) == 1,
    ),
    "class_factors": lambda d: metrics.class_factors(
        np.square(d.codes)[:, None], np.zeros(len(d.codes), np.int64)
    ),
    "count_accuracy": lambda d: metrics.count_accuracy(
        d.factors[:, 0], d.factors[:, -1]
    ),
    "dci": lambda d: metrics.dci(*d),
    "dci:gradient_boosting": lambda d: metrics.dci(*d, estimator="gradient_boosting"),
    "dci:random_forest": lambda d: metrics.dci(*d, estimator="random_forest"),
    "dci:lasso": lambda d: metrics.dci(*d, estimator="lasso"),
    "dcimig": lambda d: metrics.dcimig(d.codes, d.factors),
    "downstream": lambda d: metrics.downstream(*d),
    "downstream:gradient_boosting": lambda d: metrics.downstream(
        *d, classifier="gradient_boosting"
    ),
    "explicitness": lambda d: metrics.explicitness(*d),
    "factor_vae_score": lambda d: metrics.factor_vae_score(d.codes, d.factors),
    "factor_vae_score:locatello": lambda d: metrics.factor_vae_score(
        d.codes, d.factors, protocol="locatello"
    ),
    "few_label_probe": lambda d: metrics.few_label_probe(
        d.codes, d.factors[:, 0], d.codes_test, d.factors_test[:, 0]
    ),
    "generated_factor_score": lambda d: metrics.generated_factor_score(
        d.codes[: len(d.codes) // 10 * 10].reshape(-1, 10, d.codes.shape[1]),
        d.factors[: len(d.codes) // 10, 0],
        d.codes,
    ),
    "hoyer": lambda d: metrics.hoyer(d.codes),
    "info_mec": lambda d: metrics.info_mec(d.codes, d.factors),
    "irs": lambda d: metrics.irs(d.codes, d.factors),
    "jaccard_diversity": lambda d: metrics.jaccard_diversity(d.codes > 0),
    "jemmig": lambda d: metrics.jemmig(
        d.codes, np.full_like(d.codes, np.log(0.09)), d.factors
    ),
    "mask_ari": lambda d: metrics.mask_ari(_segments(d), _segments(d)),
    "mcc": lambda d: metrics.mcc(d.codes, d.factors),
    "med": lambda d: metrics.med(*d),
    "mig": lambda d: metrics.mig(d.codes, d.factors),
    "mig_sup": lambda d: metrics.mig_sup(d.codes, d.factors),
    "modularity": lambda d: metrics.modularity(d.codes, d.factors),
    "model_centrality": lambda d: metrics.model_centrality(
        np.ones((NUM_MODELS, NUM_MODELS))
    ),
    "neighbour_probe": lambda d: metrics.neighbour_probe(
        d.codes, d.factors[:, 0], d.codes_test, d.factors_test[:, 0]
    ),
    "sap": lambda d: metrics.sap(*d),
    "sparsity": lambda d: metrics.sparsity(1 / (1 + np.exp(-d.codes)), d.codes),
    "udr": lambda d: metrics.udr([np.roll(d.codes, i, 1) for i in range(NUM_MODELS)]),
    "unsupervised_accuracy": lambda d: metrics.unsupervised_accuracy(
        (d.codes[:, 0] > 0).astype(int), d.factors[:, 0]
    ),
    "unsupervised_scores": lambda d: metrics.unsupervised_scores(d.codes),
}
SLOW = ("dci:gradient_boosting", "dci:random_forest", "downstream:gradient_boosting")


class Times(NamedTuple):
    """Seconds of the first call, the median of the others, and how many those were."""

    first: float
    median: float
    calls: int


def time_score(score: Score, data: Data, num_calls: int) -> Times:
    """Calls once, then `num_calls` times unless the first call was a long one."""
    seconds = []
    for _ in range(1 + num_calls):
        start = time.perf_counter()
        score(data)
        seconds.append(time.perf_counter() - start)
        if seconds[0] > MAX_SECONDS:
            break
    rest = seconds[1:] or seconds
    return Times(seconds[0], statistics.median(rest), len(seconds) - 1)


def select(names: list[str]) -> list[str]:
    """The scores named, in the order of the table; all but the slow without names.

    Raises:
      UserError: if a name is not known.
    """
    if unknown := [name for name in names if name not in SCORES]:
        raise UserError(
            f"unknown score {', '.join(unknown)}; known: {', '.join(SCORES)}."
        )
    if names:
        return [name for name in SCORES if name in names]
    return [name for name in SCORES if name not in SLOW]


HEADER = f"{'score':<30} {'median ms':>10} {'first ms':>10} {'calls':>6}"


def table_row(name: str, times: Times) -> str:
    """One line of the table."""
    return (
        f"{name:<30} {1e3 * times.median:10.1f} {1e3 * times.first:10.1f} "
        f"{times.calls:6d}"
    )


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    _flags.refuse_words(argv)
    prepare()
    sizes = positive_numbers("factor_sizes", _SIZES.value)
    names = select(_ONLY.value)
    print(
        f"{_SAMPLES.value} rows, {_LATENTS.value} latents, factors with "
        f"{', '.join(map(str, sizes))} values; {os.cpu_count()} cores"
    )
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"Other programs are running (load {load:.1f}): times are not reliable.")
    data = make_data(_SAMPLES.value, _LATENTS.value, sizes)
    print(HEADER)
    for name in names:
        times = time_score(SCORES[name], data, _CALLS.value)
        print(table_row(name, times), flush=True)
    if left_out := [name for name in SLOW if name not in names and not _ONLY.value]:
        print(f"Left out, minutes each: --only={','.join(left_out)}")


if __name__ == "__main__":
    _flags.run(main)
