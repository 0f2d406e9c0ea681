"""Attend-Infer-Repeat: the bound at forced choices, gradients, windows, bad input."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import IMAGE_SHAPE, pair, tiny_dataset, tiny_model

from vsc_jax.models import Batch, ChecksDataset, FindsObjects
from vsc_jax.networks import place_windows
from vsc_jax.priors import presence_prior_logits

NUM, SLOTS = 4, 2
SIZES = {
    "num_slots": SLOTS,
    "glimpse_size": 4,
    "what_dim": 3,
    "rnn_width": 8,
    "predictor_hidden": (7,),
}
CASES = {
    "sampled": {},
    "analytic": {"kl_count": "analytic"},
    "concrete": {"estimator": "concrete", "window": "squashed", "size_mean": -1.0},
}
WEIGHTS = {"prior_presence_odds": 0.3}
# Of the logistic noise, which decides whatever the logits are.
YES, NO = 1e4, -1e4


def model_of(case="sampled", **options):
    return tiny_model("air", **SIZES | CASES[case] | options)


@functools.cache
def params_of(case="sampled"):
    return jax.jit(model_of(case).init)(jax.random.key(1))


def batch_of():
    dataset = tiny_dataset()
    x = jnp.asarray(dataset.decode(np.arange(NUM)))
    return Batch(x, jnp.asarray(dataset.factors[:NUM]))


def noise_of(case="sampled", choices=None):
    """Of these choices, one for each step."""
    noise = model_of(case).noise(jax.random.key(3), NUM)
    if choices is None:
        return noise
    return noise._replace(presence=jnp.tile(jnp.array(choices), (NUM, 1)))


@functools.cache
def terms_of(case, choices):
    """The steps that these choices give, and the terms of the bound; as NumPy."""
    model = model_of(case)

    @jax.jit
    def terms(params, x, noise):
        steps, objective, _ = model._terms(params, x, noise, WEIGHTS)
        logits = model.decoder().apply(params["decoder"], steps.what)
        return steps, objective, jax.nn.sigmoid(logits + model.decoder_bias)

    output = terms(params_of(case), batch_of().x, noise_of(case, choices))
    return jax.tree.map(lambda a: np.asarray(a, np.float64), output)


def gaussian_kl(mean, log_var, prior_mean, prior_stddev):
    """Sum over the last axis."""
    ratio = np.exp(log_var) / prior_stddev**2
    squares = (mean - prior_mean) ** 2 / prior_stddev**2
    return 0.5 * (ratio - 1.0 - np.log(ratio) + squares).sum(axis=-1)


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("case", ["sampled", "analytic"])
def test_the_bound_of_a_number_of_objects(case, count):
    choices = (YES,) * count + (NO,) * (SLOTS - count)
    x = np.asarray(batch_of().x, np.float64)
    steps, objective, glimpses = terms_of(case, choices)
    np.testing.assert_array_equal(steps.present, [[1] * count + [0] * (2 - count)] * 4)
    prob = 1.0 / (1.0 + np.exp(-steps.presence_logits))
    prior = presence_prior_logits(SLOTS, odds=0.3)
    prior = 1.0 / (1.0 + np.exp(-np.asarray(prior, np.float64)))
    for i in range(NUM):
        canvas, kl, reached = np.zeros(IMAGE_SHAPE), 0.0, 1.0
        for t in range(SLOTS):
            if t < count:
                canvas += np.asarray(
                    place_windows(
                        jnp.asarray(glimpses[i, t], jnp.float32),
                        jnp.asarray(steps.size[i, t], jnp.float32),
                        jnp.asarray(steps.centre[i, t], jnp.float32),
                        IMAGE_SHAPE[:2],
                    )
                )
            present = reached * prob[i, t] if case == "analytic" else float(t < count)
            q, p = prob[i, t], prior[t]
            choice = q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))
            where = gaussian_kl(
                steps.where_mean[i, t],
                steps.where_log_var[i, t],
                np.array([3.0, 0.0, 0.0]),
                np.array([0.2, 1.0, 1.0]),
            )
            what = gaussian_kl(steps.what_mean[i, t], steps.what_log_var[i, t], 0, 1)
            kl += reached * choice + present * (where + what)
            reached = present
        error = (x[i] - canvas) / 0.3
        log_prob = -0.5 * error**2 - math.log(0.3 * math.sqrt(2.0 * math.pi))
        assert objective.log_likelihood[i] == pytest.approx(log_prob.sum(), rel=1e-4)
        assert objective.kl[i] == pytest.approx(kl, rel=1e-4)
        assert objective.loss[i] == pytest.approx(kl - log_prob.sum(), rel=1e-4)


@pytest.mark.parametrize("case", ["sampled", "analytic"])
def test_the_mean_gradient_over_all_choices_is_that_of_the_mean(case):
    """Of one image, with a baseline that has learned nothing: it must not matter."""
    model, params = model_of(case), params_of(case)
    one = jax.tree.map(lambda a: a[:1], batch_of())
    outcomes = np.array([(NO, NO), (YES, NO), (YES, YES)], np.float32)

    def noise_at(choices):
        noise = jax.tree.map(lambda a: a[:1], noise_of(case))
        return noise._replace(presence=choices[None])

    def loss(params, choices):
        return model.loss(params, one, noise_at(choices), WEIGHTS).loss

    def probabilities(params):
        steps = model._terms(params, one.x, noise_at(outcomes[2]), WEIGHTS).steps
        first, second = jax.nn.sigmoid(steps.presence_logits[0])
        return jnp.stack([1.0 - first, first * (1.0 - second), first * second])

    def mean_bound(params):
        values = [
            model._terms(params, one.x, noise_at(choices), WEIGHTS).objective.loss
            for choices in outcomes
        ]
        return probabilities(params) @ jnp.concatenate(values)

    @jax.jit
    def compare(params):
        estimates = jax.vmap(jax.grad(loss), (None, 0))(params, outcomes)
        probs = probabilities(params)
        mean = jax.tree.map(lambda g: jnp.tensordot(probs, g, 1), estimates)
        return mean, jax.grad(mean_bound)(params)

    mean, expected = compare(params)
    for group in ("inference", "encoder", "decoder"):
        scale = max(float(jnp.abs(a).max()) for a in jax.tree.leaves(expected[group]))
        jax.tree.map(
            lambda a, b, s=scale: np.testing.assert_allclose(a / s, b / s, atol=1e-4),
            mean[group],
            expected[group],
        )


def test_relaxed_steps_end_when_enough_is_missing():
    """Of 0.9, 0.2, 0.2 and 0.9 the sum of what is missing passes 0.99 at the third."""
    model = model_of("concrete", num_slots=4)
    params = jax.jit(model.init)(jax.random.key(1))
    noise = model.noise(jax.random.key(3), NUM)
    wanted = jnp.array([0.9, 0.2, 0.2, 0.9])

    @jax.jit
    def steps_of(params, x, noise):
        free = model._terms(params, x, noise, WEIGHTS).steps
        # Later logits depend on no choice, so that any z can be had.
        z = jnp.broadcast_to(wanted, free.presence_logits.shape)
        logistic = jnp.log(z) - jnp.log1p(-z) - free.presence_logits
        return model._terms(params, x, noise._replace(presence=logistic), WEIGHTS).steps

    steps = steps_of(params, batch_of().x, noise)
    rows = np.ones((NUM, 1))
    np.testing.assert_array_equal(steps.reached, rows * [[1.0, 1.0, 1.0, 0.0]])
    np.testing.assert_array_equal(steps.present, rows * [[1.0, 1.0, 0.0, 0.0]])
    np.testing.assert_allclose(steps.shown, rows * [[0.9, 0.2, 0.0, 0.0]], atol=1e-5)


def test_the_baseline_is_a_player_of_its_own():
    model, params, batch, noise = model_of(), params_of(), batch_of(), noise_of()
    assert [player.name for player in model.players] == ["model", "baseline"]
    gradients = {}
    for player in model.players:
        gradient, _ = jax.jit(jax.grad(pair(player.loss), has_aux=True))(
            params, batch, noise, WEIGHTS
        )
        gradients[player.name] = {
            group: max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(part))
            for group, part in gradient.items()
        }
    assert gradients["model"].pop("baseline") == 0.0
    assert gradients["baseline"].pop("baseline") > 0.0
    assert min(gradients["model"].values()) > 0.0
    assert set(gradients["baseline"].values()) == {0.0}
    relaxed = model_of("concrete")
    assert [player.name for player in relaxed.players] == ["model"]
    assert set(params_of("concrete")) == {"inference", "encoder", "decoder"}


def test_the_value_of_the_loss_is_minus_the_bound():
    """The surrogate has a gradient alone."""
    output = jax.jit(model_of().loss)(params_of(), batch_of(), noise_of(), WEIGHTS)
    assert float(output.loss) == pytest.approx(-float(output.metrics["elbo"]), rel=1e-6)


def test_the_log_has_what_was_found_of_each_number():
    dataset, model = tiny_dataset(), model_of()
    counts = np.array([0, 1, 2, 2], np.int32)
    batch = Batch(
        jnp.asarray(dataset.decode(np.arange(NUM))), jnp.asarray(counts)[:, None]
    )
    noise = noise_of("sampled", (YES, NO))
    noise = noise._replace(presence=noise.presence.at[3].set(YES))
    metrics = jax.jit(model.loss)(params_of(), batch, noise, WEIGHTS).metrics
    assert metrics["num_objects"] == pytest.approx(1.25)
    assert metrics["count_accuracy"] == pytest.approx(0.5)
    np.testing.assert_allclose(metrics["true_counts"], [0.25, 0.25, 0.5])
    np.testing.assert_allclose(metrics["found_per_count"], [0.25, 0.25, 0.75])
    blind = model_of(count_factor=-1)
    metrics = jax.jit(blind.loss)(params_of(), batch, noise, WEIGHTS).metrics
    assert "count_accuracy" not in metrics


@pytest.mark.parametrize("case", ["sampled", "concrete"])
def test_boxes_and_masks_are_the_windows(case):
    """White windows on a larger image: what is lit is what is in the box."""
    model = model_of(case, image_shape=(20, 30, 2), decoder_bias=50.0)
    assert isinstance(model, FindsObjects)
    params = jax.jit(model.init)(jax.random.key(1))
    x = jnp.asarray(np.random.default_rng(0).random((NUM, 20, 30, 2)), jnp.float32)
    found = jax.tree.map(np.asarray, jax.jit(model.find_objects)(params, x))
    assert found.presence.shape == (NUM, SLOTS)
    assert (np.diff(found.presence, axis=1) <= 0.0).all()
    assert found.masks.shape == (NUM, SLOTS, 20, 30)
    assert found.codes.shape == (NUM, SLOTS, 3)
    assert found.masks.min() >= 0.0
    assert found.masks.sum(axis=1).max() <= 1.0 + 1e-6
    for i, t in itertools.product(range(NUM), range(SLOTS)):
        top, left, height, width = found.boxes[i, t] * np.array([20, 30, 20, 30])
        share = found.masks[i, t] / found.presence[i, t]
        rows, columns = (np.nonzero(share.max(axis=a) > 0.4)[0] for a in (1, 0))
        for begin, size, lit in ((top, height, rows), (left, width, columns)):
            assert lit[0] == pytest.approx(begin, abs=1.1)
            assert lit[-1] + 1 == pytest.approx(begin + size, abs=1.1)


def test_a_code_has_where_and_what_of_each_slot_and_their_number():
    model, params, x = model_of(), params_of(), batch_of().x
    assert (model.latent_dim, model.code_dim) == (2 * 6, 2 * 6 + 3)
    np.testing.assert_array_equal(model.slot_latents, [range(6), range(6, 12)])

    @jax.jit
    def compare(params, x):
        posterior, found = model.encode(params, x), model.find_objects(params, x)
        slots = posterior.mean.reshape(NUM, SLOTS, 6)
        codes = jnp.concatenate(
            [jnp.tile(posterior.mean[:1], (3, 1)), jnp.eye(3)], axis=1
        )
        z = model.sample_posterior(params, posterior, jax.random.key(0))
        return posterior, found, slots, model.decode(params, codes), z

    posterior, found, slots, decoded, z = compare(params, x)
    np.testing.assert_allclose(slots[..., 3:], found.codes, atol=1e-6)
    probs = np.exp(posterior.category_logits[0])
    np.testing.assert_allclose(
        probs[:, 1:].sum(axis=1), found.presence[:, 0], rtol=1e-5
    )
    np.testing.assert_allclose(probs[:, 2], found.presence[:, 1], rtol=1e-5)
    assert z.shape == (NUM, model.code_dim)
    np.testing.assert_array_equal(z[:, 12:].sum(axis=1), 1.0)
    # Nothing, then one window, then both.
    assert float(decoded[0].max()) == 0.0
    one, two = (
        np.asarray(found.masks[0, k] / found.presence[0, k])[..., None]
        for k in range(SLOTS)
    )
    np.testing.assert_allclose(decoded[1], one, atol=1e-5)
    np.testing.assert_allclose(decoded[2], np.minimum(one + two, 1.0), atol=1e-5)


def test_a_window_that_is_not_there_has_no_mask():
    model, params = model_of(), params_of()
    head = params["inference"]["params"]["head"]
    bias = head["bias"].at[0].set(-30.0)
    inference = {
        "params": params["inference"]["params"] | {"head": head | {"bias": bias}}
    }
    found = jax.jit(model.find_objects)(params | {"inference": inference}, batch_of().x)
    assert float(found.presence.max()) < 1e-6
    assert float(found.masks.max()) < 1e-6


def test_the_prior_of_presence_is_traced():
    model, params, batch, noise = model_of(), params_of(), batch_of(), noise_of()

    @jax.jit
    def kl(odds):
        weights = {"prior_presence_odds": odds}
        return model.loss(params, batch, noise, weights).metrics["presence_kl"]

    values = [float(kl(jnp.float32(odds))) for odds in (1.0, 1e-3, 1e-7)]
    assert 0.0 < values[0] < values[1] < values[2]
    assert kl._cache_size() == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"glimpse_size": 6}, r"glimpse_size must be at most 5, .*\(6, 5, 1\), got 6"),
        ({"num_slots": 0}, "num_slots must be a whole number of at least 1, got 0"),
        (
            {"estimator": "vimco"},
            "estimator must be one of nvil, concrete, got 'vimco'",
        ),
        ({"kl_count": "none"}, "kl_count must be one of sampled, analytic"),
        ({"count_prior": "x"}, "count_prior must be one of geometric, bernoulli"),
        ({"window": "x"}, "window must be one of zoom, squashed"),
        ({"size_stddev": 0.0}, "size_stddev must be above 0"),
        ({"temperature": -1.0}, "temperature must be above 0"),
        (
            {"estimator": "concrete", "kl_count": "analytic"},
            "kl_count must be 'sampled' for the estimator 'concrete', got 'analytic'",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        model_of(**options)


def test_a_data_set_with_more_objects_than_steps_is_refused():
    model = model_of()
    assert isinstance(model, ChecksDataset)
    model.check_dataset(("count", "x"), (3, 9))
    with pytest.raises(ValueError, match=r"num_slots must be at least 3, .*, got 2"):
        model.check_dataset(("count", "x"), (4, 9))
    with pytest.raises(ValueError, match=r"count_factor must be .* got 0, 'shape'; -1"):
        model.check_dataset(("shape", "count"), (3, 9))
    with pytest.raises(ValueError, match=r"count_factor must be .* got 0, no factor"):
        model.check_dataset((), ())
    model_of(count_factor=-1).check_dataset(("shape",), (9,))
