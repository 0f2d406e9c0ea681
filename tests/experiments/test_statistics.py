import math

import numpy as np
import pytest

from experiments import _directions, _statistics
from experiments._results import HEADLINES


def test_statistics_are_those_of_numpy():
    values = np.random.default_rng(0).normal(size=7)
    found = _statistics.statistics_of("elbo", values.tolist())
    assert found.n == 7
    assert found.mean == pytest.approx(values.mean())
    assert found.standard_deviation == pytest.approx(values.std(ddof=1))
    assert found.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(7))
    assert found.best == values.max()
    assert _statistics.statistics_of("loss", values.tolist()).best == values.min()
    assert _statistics.statistics_of("kl", values.tolist()).best is None


def test_what_is_no_finite_number_is_left_out():
    values = [None, math.nan, math.inf, "text", True, 2]
    assert _statistics.statistics_of("elbo", values) == (1, 2.0, None, None, 2.0)
    assert _statistics.statistics_of("elbo", []) == (0, None, None, None, None)


def test_the_best_mean_is_marked_among_ours():
    def of(*means):
        return [(str(i), _statistics.Statistics(1, m)) for i, m in enumerate(means)]

    assert _statistics.block_of("loss", of(3.0, 1.0, None)).marked == 1
    block = _statistics.block_of("elbo", of(3.0, 1.0), of(9.0))
    assert (block.marked, block.aside) == (0, {2})
    assert block.heading == "elbo (higher is better)"
    assert _statistics.block_of("kl", of(3.0, 1.0))[::2] == ("kl", None)
    assert _statistics.block_of("loss", of(3.0, None)).marked is None
    # None of several that are equally good.
    assert _statistics.block_of("loss", of(1.0, 3.0, 1.0)).marked is None
    assert _statistics.block_of("loss", of(3.0, 1.0, 3.0)).marked == 1


def test_numbers_beside_scores_are_no_scores():
    beside = ("num_test_images", "iwae_4_standard_error", "probe.num_labels")
    beside += ("disentanglement.factor_vae_score.cascade.chance", "best_of_run.step")
    beside += ("aggregate_posterior.mmd_of_prior", "probe.majority_accuracy")
    row = {**dict.fromkeys(beside, 1.0), "elbo": 1, "failed": "why", "kl": True}
    assert _statistics.scores_of([row, {"mig": 0.5}]) == ["elbo", "mig"]


@pytest.mark.parametrize(
    ("score", "better"),
    [
        ("iwae_5000", "higher"),
        ("loss", "lower"),
        ("loss_terms.discriminator_loss", "lower"),
        ("reconstruction", "lower"),
        ("metrics.jemmig", "lower"),
        ("metrics.dci.disentanglement", "higher"),
        ("metrics.unsupervised_scores.gaussian_total_correlation", "lower"),
        ("best_of_run.factor_vae_score", "higher"),
        ("disentanglement.unsupervised_accuracy.d0.unsupervised_accuracy", "higher"),
        ("classification.calibration_error", "lower"),
        ("aggregate_posterior.mmd", "lower"),
        ("aggregate_posterior.overlap", "neither"),
        ("class_leak.nearest_neighbours", "lower"),
        ("class_mmd.shared.mean_class_mmd", "lower"),
        ("sample_agreement.agreement_stddev_1_4", "higher"),
        ("sample_agreement.classifier_accuracy", "neither"),
        ("class_kl.num_detected", "neither"),
        ("layer_probe.label_at_end", "higher"),
        ("layer_probe.others_at_end", "lower"),
        ("layers.kl", "neither"),
        ("kl_terms.slab_kl", "neither"),
        ("udr", "higher"),
        ("a_new_score", "neither"),
    ],
)
def test_directions(score, better):
    direction = _directions.direction_of(score)
    assert direction.better == better
    assert direction.why


def test_each_direction_is_used_and_the_headlines_have_the_right_ones():
    neither = {s for s in HEADLINES if _directions.direction_of(s).better == "neither"}
    assert neither == {
        *("kl", "active_latents", "main_latents", "aggregate_posterior.overlap"),
        *("layers.kl", "layers.saturated"),
        "kl_decomposition.total_correlation",
        "aggregate_posterior.mutual_information",
    }
