"""The three terms of the KL: oracle, no bias, exact integrals, devices, extremes."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradients_agree
from jax.sharding import PartitionSpec as P
from scipy.special import logsumexp, ndtri

from vsc_jax.losses import (
    KLDecomposition,
    _row_chunks,
    gaussian_kl,
    gaussian_log_prob,
    kl_decomposition,
)

ESTIMATORS = ("stratified", "weighted", "full")


def codes(num, latent_dim, seed=0, dtype=np.float32):
    """Draws and posteriors that overlap, of latents that depend on each other."""
    rng = np.random.default_rng(seed)
    mean = 1.5 * rng.normal(size=(num, latent_dim))
    mean[:, -1] += mean[:, 0]
    log_var = rng.normal(size=(num, latent_dim)) - 1.0
    z = mean + np.exp(log_var / 2) * rng.normal(size=mean.shape)
    return tuple(a.astype(dtype) for a in (z, mean, log_var))


def log_weights(estimator, batch_size, dataset_size):
    """The matrix of the weights of row i's draw under the posterior of row j."""
    b, n = batch_size, dataset_size
    if estimator == "full":
        return np.full((b, b), -math.log(n))
    if estimator == "weighted":
        return np.full((b, b), -math.log(n * b))
    # Rows sum to 1: 1/N for the image itself, the rest shared out evenly.
    weights = np.full((b, b), (1 - 1 / n) / (b - 1))
    np.fill_diagonal(weights, 1 / n)
    return np.log(weights)


def oracle(z, mean, log_var, dataset_size, estimator):
    z, mean, log_var = (np.asarray(a, np.float64) for a in (z, mean, log_var))
    distances = (z[:, None] - mean[None]) ** 2 / np.exp(log_var)[None]
    pairs = -0.5 * (np.log(2 * np.pi) + log_var[None] + distances)
    weights = log_weights(estimator, len(z), dataset_size)
    joint = logsumexp(weights + pairs.sum(-1), axis=1)
    marginals = logsumexp(weights[..., None] + pairs, axis=1)
    own = np.diagonal(pairs.sum(-1))
    log_prior = -0.5 * (np.log(2 * np.pi) + z**2)
    return KLDecomposition(
        (own - joint).mean(),
        (joint - marginals.sum(-1)).mean(),
        (marginals - log_prior).sum(-1).mean(),
    )


def size_of(estimator, num):
    return num if estimator == "full" else 50


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", [(7, 3), (2, 1), (12, 5)])
def test_terms_against_numpy(estimator, shape):
    arguments = codes(*shape)
    size = size_of(estimator, shape[0])
    result = kl_decomposition(*arguments, dataset_size=size, estimator=estimator)
    expected = oracle(*arguments, size, estimator)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_stratified_is_unbiased_over_all_batches(latent_dim):
    """N = 5, B = 3: every batch in every order that holds the image z is drawn from.

    With one latent the product of the marginals is one of them.
    """
    _, mean, log_var = codes(5, latent_dim)
    z = np.full((1, latent_dim), 0.4, np.float32)
    own = gaussian_log_prob(z, mean[2:3], log_var[2:3]).sum()
    log_prior = gaussian_log_prob(z, 0.0 * z, 0.0 * z).sum()

    @jax.jit
    def densities(mean, log_var, place):
        terms = kl_decomposition(z, mean, log_var, dataset_size=5, row=place[None])
        marginals = jnp.exp(terms.dimension_wise_kl + log_prior)
        return jnp.exp(own - terms.mutual_information), marginals

    found = []
    for batch in itertools.permutations(range(5), 3):
        if 2 in batch:
            rows = list(batch)
            found.append(densities(mean[rows], log_var[rows], jnp.int32(rows.index(2))))
    assert len(found) == 36
    joint, marginals = np.mean(np.array(found, np.float64), axis=0)
    pairs = np.exp(gaussian_log_prob(np.broadcast_to(z, mean.shape), mean, log_var))
    expected = pairs.prod(axis=1).mean()
    np.testing.assert_allclose(joint, expected, rtol=1e-5)
    if latent_dim == 1:
        np.testing.assert_allclose(marginals, expected, rtol=1e-5)


def test_the_weights_of_public_code_are_biased():
    """What the tests above would say of 1/N in the first column, not the diagonal."""
    pairs = np.random.default_rng(0).uniform(size=(5, 5))
    np.fill_diagonal(pairs, 20.0)  # a draw is likeliest under its own posterior
    own, public = np.zeros((2, 5))
    for batch in itertools.permutations(range(5), 3):
        matrix = pairs[np.ix_(batch, batch)]
        ours = np.exp(log_weights("stratified", 3, 5))
        theirs = np.full((3, 3), 1 / 2)
        theirs[:, 0], theirs[:, 1], theirs[1, 0] = 1 / 5, 3 / 10, 3 / 10
        for row, image in enumerate(batch):
            own[image] += ours[row] @ matrix[row] / 36
            public[image] += theirs[row] @ matrix[row] / 36
    np.testing.assert_allclose(own, pairs.mean(1), rtol=1e-12)
    assert (np.abs(public / pairs.mean(1) - 1.0) > 0.1).all()


def test_a_batch_that_is_the_data_set_is_stratified_fully():
    arguments = codes(9, 3)
    full = kl_decomposition(*arguments, dataset_size=9, estimator="full")
    stratified = kl_decomposition(*arguments, dataset_size=9)
    np.testing.assert_allclose(stratified, full, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_sum_is_the_mean_log_ratio_whatever_the_estimator(estimator):
    z, mean, log_var = codes(40, 4, seed=1)
    size = size_of(estimator, 40)
    terms = kl_decomposition(z, mean, log_var, dataset_size=size, estimator=estimator)
    zeros = np.zeros_like(z)
    ratio = gaussian_log_prob(z, mean, log_var) - gaussian_log_prob(z, zeros, zeros)
    np.testing.assert_allclose(sum(terms), ratio.sum(-1).mean(), atol=1e-3)


def quantile_draws(mean, log_var, num):
    """Of each posterior the quantiles on a grid, in place of random draws."""
    middle = ndtri((np.arange(num) + 0.5) / num)
    middle /= middle.std()  # which the tails are missing for
    grid = np.stack(np.meshgrid(middle, middle, indexing="ij"), -1).reshape(-1, 2)
    z = mean[:, None] + np.exp(0.5 * log_var)[:, None] * grid[None]
    return z.reshape(-1, 2), np.repeat(np.arange(len(mean)), num**2)


def test_the_terms_are_the_integrals_and_sum_to_the_closed_form():
    mean = np.array([[-1.2, -0.8], [0.1, 0.4], [1.0, 0.9]])
    log_var = np.log(np.array([[0.3, 0.5], [0.6, 0.2], [0.4, 0.4]]))
    z, row = quantile_draws(mean, log_var, 200)
    terms = kl_decomposition(
        *(a.astype(np.float32) for a in (z, mean, log_var)),
        dataset_size=3,
        estimator="full",
        row=jnp.asarray(row),
    )
    axis = np.linspace(-7.0, 7.0, 701)
    step = axis[1] - axis[0]
    each = np.exp(
        -0.5 * (axis[:, None, None] - mean[None]) ** 2 / np.exp(log_var)[None]
    ) / np.sqrt(2 * np.pi * np.exp(log_var))  # [points, images, latents]
    joint = np.einsum("an,bn->ab", each[:, :, 0], each[:, :, 1]) / 3
    first, second = each[:, :, 0].mean(1), each[:, :, 1].mean(1)
    tc = (joint * np.log(joint / np.outer(first, second))).sum() * step**2
    log_prior = -0.5 * (np.log(2 * np.pi) + axis**2)
    dimension_wise = sum(
        (q * (np.log(q) - log_prior)).sum() * step for q in (first, second)
    )
    kl = np.asarray(gaussian_kl(mean, log_var), np.float64).sum(-1).mean()
    assert terms.total_correlation == pytest.approx(tc, abs=1e-3)
    assert terms.dimension_wise_kl == pytest.approx(dimension_wise, abs=1e-3)
    assert sum(terms) == pytest.approx(kl, abs=1e-3)
    assert terms.mutual_information == pytest.approx(kl - tc - dimension_wise, abs=1e-3)


def test_posteriors_at_the_prior_have_no_terms():
    z = codes(6, 3)[0]
    for estimator in ("stratified", "full"):
        size = size_of(estimator, 6)
        terms = kl_decomposition(
            z, 0.0 * z, 0.0 * z, dataset_size=size, estimator=estimator
        )
        np.testing.assert_allclose(terms, 0.0, atol=1e-5)


def test_one_latent_has_no_total_correlation():
    for estimator in ESTIMATORS:
        terms = kl_decomposition(
            *codes(8, 1), dataset_size=size_of(estimator, 8), estimator=estimator
        )
        assert terms.total_correlation == 0.0


def test_a_prior_of_ones_own():
    z, mean, log_var = codes(6, 3)
    log_prior = gaussian_log_prob(z, np.full_like(z, 0.5), np.full_like(z, 1.0))
    terms = kl_decomposition(z, mean, log_var, dataset_size=9, log_prior=log_prior)
    normal = kl_decomposition(z, mean, log_var, dataset_size=9)
    zeros = np.zeros_like(z)
    change = (gaussian_log_prob(z, zeros, zeros) - log_prior).sum(-1).mean()
    np.testing.assert_allclose(
        terms.dimension_wise_kl, normal.dimension_wise_kl + change, rtol=1e-4
    )
    np.testing.assert_array_equal(terms[:2], normal[:2])


def test_what_the_estimators_are_worth():
    """The table of the docstring, on 4,000 images: TC in nats at B = 128."""
    rng = np.random.default_rng(0)
    num, latent_dim, stddev, batch_size = 4_000, 10, 0.3, 128
    mean = np.float32(rng.normal(size=(num, latent_dim)) * math.sqrt(1 - stddev**2))
    log_var = np.full_like(mean, 2 * math.log(stddev))
    z = mean + np.float32(stddev) * np.float32(rng.normal(size=mean.shape))

    def terms(z, mean, log_var, estimator, size):
        return kl_decomposition(
            z, mean, log_var, dataset_size=size, estimator=estimator
        )

    full = jax.jit(terms, static_argnums=(3, 4))(z, mean, log_var, "full", num)
    full_information, full_tc, _ = map(float, full)

    def over_batches(estimator):
        rows = rng.permutation(num)[: num // batch_size * batch_size]
        batches = [a[rows].reshape(-1, batch_size, latent_dim) for a in (z, mean)]
        mapped = jax.jit(
            jax.vmap(lambda z, m: terms(z, m, 0 * m + log_var[0, 0], estimator, num))
        )
        return [float(term.mean()) for term in mapped(*batches)]

    information, tc, _ = over_batches("stratified")
    assert tc == pytest.approx(full_tc, abs=0.4)
    assert information == pytest.approx(full_information, abs=0.4)
    assert information <= math.log(num)
    information, tc, _ = over_batches("weighted")
    assert tc > full_tc + 50.0
    assert information > math.log(num)  # which it cannot be


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_devices_with_rows_of_their_own_give_the_value_of_the_batch(estimator):
    """Values and gradients: 8 devices, each with 2 draws and all posteriors."""
    arguments = codes(16, 3)
    size = size_of(estimator, 16)
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))

    def total(terms):
        return terms.mutual_information + 3 * terms.total_correlation

    def of_batch(z, mean, log_var):
        return total(
            kl_decomposition(z, mean, log_var, dataset_size=size, estimator=estimator)
        )

    def on_devices(z, mean, log_var):
        def local(z, mean, log_var, row):
            every = [jax.lax.all_gather(a, "data", tiled=True) for a in (mean, log_var)]
            terms = kl_decomposition(
                z, *every, dataset_size=size, estimator=estimator, row=row
            )
            return jax.lax.pmean(total(terms), "data")

        mapped = jax.shard_map(
            local, mesh=mesh, in_specs=(P("data"),) * 4, out_specs=P()
        )
        return mapped(z, mean, log_var, jnp.arange(16))

    one = jax.jit(jax.value_and_grad(of_batch, (0, 1, 2)))(*arguments)
    eight = jax.jit(jax.value_and_grad(on_devices, (0, 1, 2)))(*arguments)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), one, eight
    )


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_chunks_of_any_size_give_the_same(estimator, monkeypatch):
    arguments = codes(11, 3)
    size = size_of(estimator, 11)

    def value_and_gradients():
        def weighted(*arguments):
            terms = kl_decomposition(*arguments, dataset_size=size, estimator=estimator)
            return terms.mutual_information + 2 * terms.total_correlation

        return jax.jit(jax.value_and_grad(weighted, (0, 1, 2)))(*arguments)

    expected = value_and_gradients()
    for num_pairs in (1, 40):
        monkeypatch.setattr(_row_chunks, "_CHUNK_PAIRS", num_pairs)
        jax.clear_caches()
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
            value_and_gradients(),
            expected,
        )


def test_gradients():
    z, mean, log_var = codes(5, 3, dtype=np.float64)
    assert_gradients_agree(
        lambda *a: kl_decomposition(*a, dataset_size=20), z, mean, log_var
    )


@jax.jit
@jax.value_and_grad
def _value_and_gradients(arguments):
    terms = kl_decomposition(*arguments, dataset_size=10)
    return terms.mutual_information + terms.total_correlation


@pytest.mark.parametrize("log_var", [-300.0, -80.0, 0.0, 80.0])
@pytest.mark.parametrize("mean", [0.0, 5.0, 1e4, 1e18, 1e30])
def test_value_and_gradient_are_finite_at_extremes(mean, log_var):
    z = np.array([[0.0, 1.0], [2.0, -1.0]])
    means = np.array([[mean, 0.0], [-mean, mean]])
    log_vars = np.array([[log_var, 0.0], [0.0, log_var]])
    value, gradients = _value_and_gradients((z, means, log_vars))
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in gradients)


def test_infinite_codes_and_means_give_nan():
    for i in range(2):
        arguments = [a.copy() for a in codes(2, 2)]
        arguments[i][0, 1] = np.inf
        value, _ = _value_and_gradients(tuple(arguments))
        assert np.isnan(value), i


def test_memory_is_linear_in_the_batch():
    """2,048 images of 10 latents: all pairs of all latents would be 168 MB."""

    def loss(z, mean, log_var):
        return kl_decomposition(z, mean, log_var, dataset_size=10**6)[1]

    shape = jax.ShapeDtypeStruct((2048, 10), jnp.float32)
    compiled = jax.jit(jax.grad(loss, (0, 1, 2))).lower(shape, shape, shape).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 30e6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset_size": None}, "dataset_size must be the number of training images"),
        ({"dataset_size": 2}, "dataset_size must be at least .* of mean, 3, got 2"),
        ({"dataset_size": 0}, "dataset_size must be a whole number of at least 1"),
        ({"dataset_size": 4, "estimator": "full"}, "must be 3, .* 'full', got 4"),
        ({"dataset_size": 4, "estimator": "mss"}, "estimator must be one of strat"),
        ({"dataset_size": 4, "row": np.arange(2)}, r"row must have shape \(3,\)"),
        ({"dataset_size": 4, "log_prior": np.zeros(3)}, "log_prior must have the"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        kl_decomposition(*codes(3, 2), **options)


def test_wrong_rows_are_refused():
    z, mean, log_var = codes(3, 2)
    with pytest.raises(ValueError, match=r"z must have shape \(3, 2\).*give.* row"):
        kl_decomposition(z[:2], mean, log_var, dataset_size=4)
    with pytest.raises(TypeError, match="row must be of integers, got float32"):
        kl_decomposition(z, mean, log_var, dataset_size=4, row=np.zeros(3, np.float32))
    for row in ([0, 1, 3], [0, 1, -1]):
        with pytest.raises(ValueError, match=r"row must be in 0..2, the rows of mean"):
            kl_decomposition(z, mean, log_var, dataset_size=4, row=np.array(row))


def test_a_batch_of_one_is_refused_unless_it_is_the_data_set():
    arguments = codes(1, 2)
    for estimator in ("stratified", "weighted"):
        with pytest.raises(ValueError, match=r"mean must have at least 2 .*got 1"):
            kl_decomposition(*arguments, dataset_size=5, estimator=estimator)
    terms = kl_decomposition(*arguments, dataset_size=1, estimator="full")
    np.testing.assert_allclose(terms[:2], 0.0, atol=1e-6)
