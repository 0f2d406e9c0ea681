import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_cases import CASES, model_of, params_of, weights_of
from table_model import (
    DIM,
    NUM,
    TableEncoder,
    TableModel,
    WithKL,
    WithPrior,
    random_tables,
    row_dataset,
    tables,
)
from tiny_runs import tiny_dataset

from vsc_jax import losses
from vsc_jax.datasets import ImageFormat
from vsc_jax.evaluation import (
    Context,
    EvaluationOptions,
    evaluate,
    has,
    inferred_latents,
)
from vsc_jax.evaluation.scores import _aggregate_posterior
from vsc_jax.models import BoundsLikelihood, EncodesImages, HasKL, SamplesPrior

LOG_2_PI = np.log(2 * np.pi)
DISTANCES = ("mmd", "mmd_per_dimension", "sliced_wasserstein")


ALL = 1_000_000


def scores_of(model, params, num_test=NUM, num_images=ALL, batch_size=64, seed=0):
    context = Context(
        model, params, row_dataset(num_test), batch_size=batch_size, seed=seed
    )
    return group_of(context, EvaluationOptions(aggregate_images=num_images))


def group_of(context, options):
    """The scores of the aggregate posterior alone, with what is skipped."""
    results = evaluate(context, options, only=("aggregate_posterior",))
    assert results["failed"] == {}
    return results.get("aggregate_posterior", {}) | {"skipped": results["skipped"]}


def assert_close(scores, expected):
    jax.tree.map(
        lambda one, two: np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5),
        scores,
        expected,
    )


def assert_near_the_prior(scores):
    """Distances that are noise: over seeds they vary by 0.01, 0.03 and 0.01."""
    assert abs(scores["mmd"]) < 0.05
    assert abs(scores["mmd_per_dimension"]) < 0.2
    assert scores["sliced_wasserstein"] < 0.1
    for name in DISTANCES:
        assert abs(scores[name] - scores[f"{name}_of_prior"]) < 0.2


def oracle(params, rows, spike, num_draws=400, seed=7):
    """I(x; z) under the mixture of these rows, its error, and mean entropies.

    Slow and in float64, from the densities with respect to Lebesgue + delta_0.
    """
    mean, log_var, logits = (np.asarray(table, np.float64)[rows] for table in params)
    g = 1 / (1 + np.exp(-logits)) if spike else np.ones_like(mean)
    rng = np.random.default_rng(seed)
    ratios = []
    for _ in range(num_draws):
        z = mean + np.exp(log_var / 2) * rng.normal(size=mean.shape)
        z = np.where(rng.random(z.shape) < g, z, 0.0)
        own = _log_density(z[:, None], mean[:, None], log_var[:, None], g[:, None])
        pairs = _log_density(z[:, None], mean[None], log_var[None], g[None])
        log_mixture = np.log(np.exp(pairs).mean(axis=1))
        ratios.append(own[:, 0] - log_mixture)
    ratios = np.array(ratios)
    entropy = g * 0.5 * (1 + LOG_2_PI + log_var)
    if spike:
        entropy -= g * np.log(g) + (1 - g) * np.log(1 - g)
    error = ratios[0].std(ddof=1) / np.sqrt(len(rows))
    return ratios.mean(), error, entropy.mean(axis=0)


def _log_density(z, mean, log_var, g):
    normal = np.exp(-((z - mean) ** 2) / (2 * np.exp(log_var)))
    normal = normal / np.sqrt(2 * np.pi * np.exp(log_var))
    return np.log(np.where(z != 0, g * normal, 1 - g)).sum(axis=-1)


def test_posteriors_at_the_prior_tell_nothing():
    scores = scores_of(TableModel(), tables(0.0, 0.0))
    assert scores["num_images"] == scores["num_draws"] == NUM
    assert scores["skipped"] == {}
    assert scores["overlap"] == pytest.approx(DIM * 0.5 * (1 + LOG_2_PI), rel=1e-6)
    for name in ("mutual_information", "kl", "marginal_kl"):
        assert scores[name] == pytest.approx(0.0, abs=1e-5)
    assert_near_the_prior(scores)


def test_the_same_with_spikes():
    model = TableModel(spike=True)
    logit = np.log(0.3 / 0.7)
    scores = scores_of(model, tables(0.0, 0.0, logit))
    gate = -0.3 * np.log(0.3) - 0.7 * np.log(0.7)
    expected = gate + 0.3 * 0.5 * (1 + LOG_2_PI)
    np.testing.assert_allclose(
        scores["overlap_per_latent"], [expected] * DIM, rtol=1e-6
    )
    for name in ("mutual_information", "kl", "marginal_kl"):
        assert scores[name] == pytest.approx(0.0, abs=1e-5)
    assert_near_the_prior(scores)


def test_narrow_posteriors_far_apart_are_a_lookup_table():
    grid = np.stack(np.unravel_index(np.arange(NUM + 5), (7, 7, 7)), axis=1)
    scores = scores_of(TableModel(), tables(grid, 2 * np.log(0.01)))
    bound = np.log(NUM)
    assert scores["mutual_information_bound"] == pytest.approx(bound)
    assert scores["mutual_information"] == pytest.approx(bound, abs=1e-4)
    assert scores["mutual_information_standard_error"] < 1e-5
    entropy = 0.5 * (1 + LOG_2_PI) + np.log(0.01)
    assert scores["overlap"] == pytest.approx(DIM * entropy, rel=1e-5)
    assert scores["marginal_kl"] == pytest.approx(scores["kl"] - bound, abs=1e-3)
    for name in DISTANCES:
        assert scores[name] > 10 * abs(scores[f"{name}_of_prior"])


@pytest.mark.parametrize("spike", [False, True])
def test_against_the_densities_in_float64(spike):
    model, params, dataset = TableModel(spike=spike), random_tables(), row_dataset()
    rows = np.sort(dataset.test_indices)
    scores = scores_of(model, params)
    information, error, entropy = oracle(params, rows, spike)
    assert 0.5 < information < np.log(NUM) - 0.5
    assert scores["mutual_information"] == pytest.approx(information, abs=4 * error)
    assert scores["mutual_information_standard_error"] == pytest.approx(error, rel=0.25)
    np.testing.assert_allclose(scores["overlap_per_latent"], entropy, rtol=1e-5)
    assert scores["overlap"] == pytest.approx(entropy.sum(), rel=1e-5)
    x = jnp.asarray(dataset.decode(rows))
    terms = model.kl_per_latent(
        params, x, model.encode(params, x), model.default_weights
    )
    kl = sum(np.asarray(term, np.float64).sum(axis=1).mean() for term in terms.values())
    assert scores["kl"] == pytest.approx(kl, rel=1e-5)
    assert scores["marginal_kl"] == pytest.approx(kl - scores["mutual_information"])
    assert scores["marginal_kl_standard_error"] > 0


def test_a_spike_that_is_never_drawn_changes_nothing():
    params = random_tables()
    never = (*params[:2], jnp.full_like(params[2], 40.0))
    dense = scores_of(TableModel(), params)
    spiked = scores_of(TableModel(spike=True), never)
    for name in ("overlap", "mutual_information"):
        assert spiked[name] == pytest.approx(dense[name], rel=1e-5)


def test_posteriors_of_no_width_are_finite():
    params = random_tables()
    scores = scores_of(TableModel(), (params[0], params[1] * 0 - 200.0, params[2]))
    assert scores["mutual_information"] == pytest.approx(np.log(NUM), rel=1e-6)
    json.dumps(scores, allow_nan=False)


def test_gates_at_their_extremes_are_finite():
    """Latent 0 always on, latent 1 never, latent 2 on for every second image."""
    logits = np.tile([200.0, -200.0, 0.0], (NUM + 5, 1))
    logits[:, 2] = np.where(np.arange(NUM + 5) % 2 == 0, 200.0, -200.0)
    params = tables(0.0, [0.0, -300.0, 0.0], logits)
    scores = scores_of(TableModel(spike=True), params)
    on = np.mean(row_dataset().test_indices % 2 == 0)
    normal = 0.5 * (1 + LOG_2_PI)
    np.testing.assert_allclose(
        scores["overlap_per_latent"], [normal, 0.0, on * normal], rtol=1e-5
    )
    # All that z tells is whether the row is even.
    expected = -on * np.log(on) - (1 - on) * np.log(1 - on)
    assert scores["mutual_information"] == pytest.approx(expected, abs=1e-5)
    json.dumps(scores, allow_nan=False)


def test_distances_are_those_of_the_losses_at_draws_of_the_codes():
    mean = np.random.default_rng(0).normal(1.0, 2.0, (NUM + 5, DIM))
    model = WithPrior(deterministic=True)
    scores = scores_of(model, tables(mean, 0.0))
    z = jnp.asarray(mean[row_dataset().test_indices], jnp.float32)
    prior = jax.random.normal(jax.random.key(5), z.shape)
    directions = jax.random.normal(jax.random.key(6), (100, DIM))
    expected = {
        "mmd": losses.mmd(z, prior),
        "mmd_per_dimension": losses.mmd_per_dimension(z, prior),
        "sliced_wasserstein": losses.sliced_wasserstein(z, prior, directions),
    }
    # The draws of the prior and the directions are others.
    for name, value in expected.items():
        assert scores[name] == pytest.approx(float(value), rel=0.25)
    why = "the code of this model is deterministic"
    assert scores["skipped"] == {
        "overlap": why,
        "mutual_information": why,
        "marginal_kl": "this model has no KL to a prior",
    }
    assert "overlap" not in scores
    assert "kl" not in scores


def test_no_prior_and_no_fixed_prior():
    params = random_tables()
    scores = scores_of(TableEncoder(), params)
    assert scores["skipped"] == {
        "marginal_kl": "this model has no KL to a prior",
        "distance_to_prior": "this model has no prior",
    }
    assert "num_draws" not in scores
    assert scores["mutual_information"] > 0
    scores = scores_of(WithKL(), params)
    assert scores["skipped"] == {
        "marginal_kl": "the KL of this model is to no fixed prior"
    }


def test_categories_have_no_part_in_it():
    params = random_tables()
    plain = scores_of(TableModel(), params)
    mixed = scores_of(TableModel(category_sizes=(4, 2)), params)
    assert_close(mixed, plain)
    assert len(mixed["overlap_per_latent"]) == DIM


def test_a_part_of_the_images_and_reproducible():
    model, params = TableModel(), random_tables(1200)
    scores = scores_of(model, params, 1200, num_images=NUM)
    again = scores_of(model, params, 1200, num_images=NUM, batch_size=7)
    other = scores_of(model, params, 1200, num_images=NUM, seed=1)
    assert scores["num_images"] == scores["num_draws"] == NUM
    assert_close(scores, again)
    assert scores != other
    # The estimate is bounded by the number of images, and grows with it.
    more = scores_of(model, params, 1200)
    assert more["num_images"] == 1200
    assert more["num_draws"] == 1000
    assert scores["mutual_information"] < more["mutual_information"]
    assert more["mutual_information"] < more["mutual_information_bound"]


def test_two_images_are_needed():
    with pytest.raises(ValueError, match="aggregate_images must be 0 or at least 2"):
        EvaluationOptions(aggregate_images=1)


@pytest.mark.parametrize("case", CASES)
def test_every_model_has_numbers_or_reasons(case):
    model = model_of(case)
    dataset = tiny_dataset()
    if dataset.images.shape[1:] != model.image_shape:
        images = np.random.default_rng(0).integers(0, 255, (70, *model.image_shape))
        dataset = dataclasses.replace(
            dataset,
            images=images.astype(np.uint8),
            format=ImageFormat(model.image_shape),
        )
    context = Context(model, params_of(case), dataset, weights_of(case), batch_size=10)
    scores = group_of(context, EvaluationOptions())
    json.dumps(scores, allow_nan=False)
    skipped = set(scores["skipped"])
    if not has(model, EncodesImages) or (
        context.encode(dataset.test_indices).log_var is None
    ):
        assert {"overlap", "mutual_information", "marginal_kl"} <= skipped
    else:
        assert len(scores["overlap_per_latent"]) == len(inferred_latents(model))
        bound = scores["mutual_information_bound"] + 1e-5
        noise = 4 * scores["mutual_information_standard_error"] + 1e-5
        assert -noise < scores["mutual_information"] < bound
    marginal = has(model, HasKL) and has(model, BoundsLikelihood)
    assert ("marginal_kl" in skipped) == (not marginal)
    assert ("marginal_kl" in scores) == marginal
    assert ("distance_to_prior" in skipped) == (not has(model, SamplesPrior))
    assert all(name in scores for name in DISTANCES) == has(model, SamplesPrior)


def test_part_of_evaluate(model, params, dataset):
    def of(**options):
        options = EvaluationOptions(iwae_samples=0, num_labels=0, **options)
        return evaluate(Context(model, params, dataset, seed=4), options)

    results = of(num_test=0)
    alone = group_of(
        Context(model, params, dataset, seed=4), EvaluationOptions(num_test=0)
    )
    assert alone.pop("skipped") == {}
    assert_close(results["aggregate_posterior"], alone)
    assert not {"overlap", "mutual_information", "marginal_kl"} & set(
        results["skipped"]
    )
    # Over all images both are the same mean.
    assert results["aggregate_posterior"]["kl"] == pytest.approx(
        results["kl"], rel=1e-5
    )
    few = of(aggregate_images=9)
    assert few["aggregate_posterior"]["num_images"] == 9
    assert few["aggregate_posterior"]["mutual_information_bound"] == np.log(9)
    assert "aggregate_posterior" not in of(aggregate_images=0)


def test_pairs_of_images_are_compared_in_bounded_memory(monkeypatch):
    ratio = _aggregate_posterior._spike_slab_log_ratio.__wrapped__
    mean = jax.random.normal(jax.random.key(0), (60, 4))
    z, shape = mean + 0.1, jax.ShapeDtypeStruct((5_000, 40), mean.dtype)
    arguments = z, mean, mean - 1.0, jax.nn.sigmoid(mean)
    at_once = ratio(*arguments)
    monkeypatch.setattr(_aggregate_posterior, "MAX_NUMBERS", 2**20)
    taken = jax.jit(ratio).lower(*[shape] * 4).compile().memory_analysis()
    assert taken.temp_size_in_bytes < 2.5 * 4 * 2**20
    monkeypatch.setattr(_aggregate_posterior, "MAX_NUMBERS", 1)
    np.testing.assert_allclose(ratio(*arguments), at_once, rtol=1e-6)
