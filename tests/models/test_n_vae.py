"""N-VAE: who learns from what, codes of classes, both scopes, labels that are wrong."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import BATCH_SIZE, importance_of, kl_of, pair, tiny_dataset, tiny_model

from vsc_jax.models import Batch, ChecksDataset, DecodesClasses
from vsc_jax.training import create_optimizers

SIZES = {"num_classes": 6, "shared_dim": 2, "class_dim": 3}
CASES = {
    "all": {},
    "active": {"kl_scope": "active"},
    "share_trunk": {"share_trunk": True},
    "no_blocks": {"class_dim": 0},
}
each_case = pytest.mark.parametrize("case", CASES)


def model_of(case="all"):
    return tiny_model("n_vae", **SIZES | CASES[case])


@functools.cache
def params_of(case="all"):
    return jax.jit(model_of(case).init)(jax.random.key(1))


def batch_of(num=BATCH_SIZE):
    dataset = tiny_dataset()
    x = jnp.asarray(dataset.decode(np.arange(num)))
    return Batch(x, jnp.asarray(dataset.factors[:num]))


def weights_of(**weights):
    defaults = model_of().default_weights
    return {k: jnp.float32(v) for k, v in (defaults | weights).items()}


@functools.cache
def gradient_of(case, **weights):
    """Of the loss with these weights, by group of parameters."""
    model = model_of(case)
    noise = model.noise(jax.random.key(3), BATCH_SIZE)
    loss = jax.jit(jax.grad(pair(model.loss), has_aux=True))
    return loss(params_of(case), batch_of(), noise, weights_of(**weights))[0]


def largest(tree):
    return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(tree))


@each_case
def test_a_code_has_shared_latents_blocks_and_the_label(case):
    model = model_of(case)
    own = 6 * model.class_dim
    assert model.latent_dim == 2 + own
    assert model.code_dim == 2 + own + 6
    assert model.category_sizes == (6,)
    assert isinstance(model, DecodesClasses)
    assert model.class_latents.shape == (6, model.class_dim)
    np.testing.assert_array_equal(model.class_latents.ravel(), 2 + np.arange(own))
    posterior = model.encode(params_of(case), batch_of().x)
    assert posterior.mean.shape == (BATCH_SIZE, model.latent_dim)
    np.testing.assert_array_equal(
        posterior.category_logits[0], model.class_logits(params_of(case), batch_of().x)
    )
    z = jnp.arange(2 * model.code_dim, dtype=jnp.float32).reshape(2, -1)
    code = model.with_labels(z, jnp.array([4, 0]))
    np.testing.assert_array_equal(code[:, :-6], z[:, :-6])
    np.testing.assert_array_equal(code[:, -6:], np.eye(6)[[4, 0]])


@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_other_blocks_do_not_reach_the_image(network):
    """Exactly: neither its value nor its gradient depends on them."""
    model = tiny_model(
        "n_vae", **SIZES, image_shape=(8, 8, 1), network=network, channels=(4, 6),
        features=9,
    )  # fmt: skip
    params = model.init(jax.random.key(1))
    z = jax.random.normal(jax.random.key(2), (5, model.code_dim))
    labels = jnp.array([0, 5, 2, 2, 3])
    x = jax.random.uniform(jax.random.key(3), (5, 8, 8, 1))

    def log_likelihood(z):
        code = model.with_labels(z, labels)
        return model.log_likelihood(model.decoder_output(params, code), x).sum()

    gradient = np.asarray(jax.grad(log_likelihood)(z))
    for row, label in zip(gradient, labels, strict=True):
        is_own = np.zeros(model.latent_dim, bool)
        is_own[: model.shared_dim] = is_own[model.class_latents[label]] = True
        np.testing.assert_array_equal(row[: model.latent_dim][~is_own], 0.0)
        assert (row[: model.latent_dim][is_own] != 0.0).all()
    other = np.array(z)
    other[0, model.class_latents[1:]] += 10.0
    assert log_likelihood(jnp.asarray(other)) == log_likelihood(z)


def test_the_loss_sees_the_label_and_the_encoder_does_not():
    model, batch = model_of(), batch_of()
    noise = model.noise(jax.random.key(3), BATCH_SIZE)
    other = batch._replace(factors=(batch.factors + 1) % 6)
    loss = jax.jit(pair(model.loss))
    (_, one), (_, two) = (
        loss(params_of(), b, noise, weights_of()) for b in (batch, other)
    )
    for name in ("log_likelihood", "label_log_prob"):
        assert one[name] != two[name], name
    for name in ("shared_kl", "class_kl"):
        assert one[name] == two[name], name


@each_case
def test_the_classifier_reaches_the_encoder_through_a_shared_trunk_alone(case):
    without = gradient_of(case, label_weight=0.0)
    with_it = gradient_of(case, label_weight=5.0)
    if case == "share_trunk":
        assert "classifier" not in with_it
        head = with_it["encoder"]["params"]["category_logits_0"]
        assert largest(head) > 0.0
        trunks = (g["encoder"]["params"]["trunk"] for g in (without, with_it))
        assert largest(jax.tree.map(jnp.subtract, *trunks)) > 1e-3
        return
    assert largest(without["classifier"]) == 0.0
    assert min(largest(leaf) for leaf in jax.tree.leaves(with_it["classifier"])) > 0.0
    for group in ("encoder", "decoder"):
        jax.tree.map(np.testing.assert_array_equal, without[group], with_it[group])


@each_case
def test_the_loss_is_the_sum_of_the_terms_in_the_log(case):
    model = model_of(case)
    noise = model.noise(jax.random.key(3), BATCH_SIZE)
    weights = weights_of(beta=0.5, class_beta=3.0, label_weight=2.0)
    loss, terms = jax.jit(pair(model.loss))(params_of(case), batch_of(), noise, weights)
    kl = terms["shared_kl"] + 3.0 * terms["class_kl"]
    expected = 0.5 * kl - terms["log_likelihood"] - 2.0 * terms["label_log_prob"]
    assert loss == pytest.approx(float(expected), rel=1e-5)
    assert terms["kl_per_latent"].shape == (model.latent_dim,)
    assert terms["kl_per_latent"].sum() == pytest.approx(float(terms["kl"]), rel=1e-4)
    shared = terms["kl_per_latent"][:2].sum()
    assert terms["shared_kl"] == pytest.approx(float(shared), rel=1e-4)
    assert 0.0 <= terms["label_accuracy"] <= 1.0


def test_the_scope_active_has_the_kl_of_the_own_block_alone():
    model, batch = model_of("active"), batch_of()
    params = params_of("active")
    noise = model.noise(jax.random.key(3), BATCH_SIZE)
    _, terms = pair(model.loss)(params, batch, noise, weights_of())
    kl = np.asarray(
        kl_of(model_of("all"), params, batch.x, weights_of())["class_kl"], np.float64
    )
    labels = np.asarray(batch.factors)[:, 0]
    rows = np.arange(BATCH_SIZE)[:, None]
    own = kl[rows, model.class_latents[labels]].sum(-1).mean()
    assert terms["class_kl"] == pytest.approx(own, rel=1e-4)
    # At evaluation, that of the most probable class; the others are the prior.
    posterior = model.encode(params, batch.x)
    found = kl_of(model, params, batch.x, weights_of())["class_kl"]
    chosen = np.asarray(posterior.categories)[:, 0]
    for k in range(6):
        columns = model.class_latents[k]
        expected = np.where((chosen == k)[:, None], kl[:, columns], 0.0)
        np.testing.assert_allclose(found[:, columns], expected, rtol=1e-4, atol=1e-7)
        others = posterior.mean[chosen != k][:, columns]
        np.testing.assert_array_equal(others, 0.0)


@each_case
def test_the_mean_importance_weight_is_the_bound(case):
    """The exact sum over labels, with the log-likelihood from draws of z."""
    model, params, x = model_of(case), params_of(case), batch_of().x[:3]
    keys = jax.random.split(jax.random.key(6), 3000)
    log_weights = jax.jit(
        jax.vmap(lambda key: importance_of(model, params, x, key, weights_of()))
    )(keys)
    posterior = model.encode(params, x)
    log_q = jax.nn.log_softmax(posterior.category_logits[0])

    @jax.jit
    @jax.vmap
    def elbos(key):
        z = model.sample_posterior(params, posterior, key)
        total = jnp.zeros(3)
        for k in range(6):
            code = model.with_labels(z, jnp.full(3, k))
            likelihood = model.log_likelihood(model.decoder_output(params, code), x)
            total += jnp.exp(log_q[:, k]) * likelihood
        return total

    kl = sum(k.sum(-1) for k in kl_of(model, params, x, weights_of()).values())
    expected = np.asarray(elbos(jax.random.split(jax.random.key(7), 3000)), np.float64)
    log_weights = np.asarray(log_weights, np.float64)
    error = (log_weights.std(0) + expected.std(0)) / math.sqrt(3000)
    difference = log_weights.mean(0) - (expected.mean(0) - np.asarray(kl))
    assert (np.abs(difference) < 4.0 * error + 1e-3).all()


def test_training_finds_the_labels_and_codes_without_them():
    """The classifier learns the heights, which the shared latent then need not say."""
    dataset = tiny_dataset(num_train=200)
    model = tiny_model("n_vae", num_classes=6, shared_dim=2, class_dim=1, hidden=(32,))
    x = jnp.asarray(dataset.decode(dataset.train_indices))
    batch = Batch(x, jnp.asarray(dataset.factors[dataset.train_indices]))
    optimizer = create_optimizers(model)["model"]

    @jax.jit
    def train(params):
        def step(carry, key):
            params, state = carry
            noise = model.noise(key, len(x))
            (_, terms), gradient = jax.value_and_grad(pair(model.loss), has_aux=True)(
                params, batch, noise, weights_of()
            )
            direction, state = optimizer.update(gradient, state, params)
            params = jax.tree.map(lambda p, d: p + 0.01 * d, params, direction)
            return (params, state), terms

        keys = jax.random.split(jax.random.key(8), 300)
        (params, _), terms = jax.lax.scan(step, (params, optimizer.init(params)), keys)
        return params, terms

    params, terms = train(jax.jit(model.init)(jax.random.key(1)))
    assert terms["elbo"][-1] > terms["elbo"][0] + 1.0
    x_test = jnp.asarray(dataset.decode(dataset.test_indices))
    labels = dataset.factors[dataset.test_indices, 0]
    posterior = model.encode(params, x_test)
    assert (np.asarray(posterior.categories)[:, 0] == labels).mean() > 0.9
    # The label alone sets the height of the decoded rectangle.
    z = model.sample_prior(params, jax.random.key(9), 5, {})
    for height in range(1, 6):
        decoded = model.decode(params, model.with_labels(z, jnp.full(5, height)))
        rows = np.asarray(decoded)[:, :, 1:4, 0].mean((0, 2))
        assert (rows > 0.5).sum() == height


GOOD = np.arange(6)[:, None]


@pytest.mark.parametrize(
    ("sizes", "factors", "message"),
    [
        ((), None, r"label_factor must be .* data set, which has 0, got 0; take data"),
        ((10,), None, "num_classes must be 10, the number of values of .* 'a', got 6"),
        ((6,), GOOD[[0, 1, 2, 4]], "label_factor must .* got none of 'a' 3, 5; take"),
        ((6,), GOOD - 1, "label_factor must be .* values of 0 to 5, got -1 to 4 in"),
    ],
)
def test_data_with_wrong_labels_are_refused(sizes, factors, message):
    model = model_of()
    assert isinstance(model, ChecksDataset)
    model.check_dataset(("a",), (6,), GOOD)
    with pytest.raises(ValueError, match=message) as error:
        model.check_dataset(("a",)[: len(sizes)], sizes, factors)
    assert "\n" not in str(error.value)


def test_a_batch_without_labels_is_refused():
    model, batch = model_of(), batch_of()
    noise = model.noise(jax.random.key(3), BATCH_SIZE)
    with pytest.raises(
        ValueError, match=r"N-VAE uses labels: .* got 0 columns; .*'vae'"
    ):
        model.loss(params_of(), Batch(batch.x), noise, weights_of())


def test_bad_fields():
    def refused(message, error=ValueError, **fields):
        with pytest.raises(error, match=message):
            tiny_model("n_vae", **fields)

    refused("kl_scope must be one of all, active, got 'own'", kl_scope="own")
    refused("num_classes must be a whole number of at least 2, got 1", num_classes=1)
    refused("class_dim must be a whole number of at least 0, got -1", class_dim=-1)
    refused("shared_dim must be a whole number of at least 1, got 0", shared_dim=0)
    refused("unexpected keyword argument 'latent_dim'", TypeError, latent_dim=3)
    refused("share_trunk must be True or False, got 'no'", TypeError, share_trunk="no")
