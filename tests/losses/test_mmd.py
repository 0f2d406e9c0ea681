"""MMD: published numbers, oracle in float64, distribution, memory, extremes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradients_agree

from vsc_jax.losses import _mmd, _row_chunks, mmd, mmd_per_dimension

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
KERNELS = {
    "imq": lambda squared, c: c / (c + squared),
    "rbf": lambda squared, c: np.exp(-squared / c),
}
both = pytest.mark.parametrize("loss", [mmd, mmd_per_dimension])
each_kernel = pytest.mark.parametrize("kernel", KERNELS)


def oracle(z, z_prior, kernel="imq", scales=SCALES, unbiased=True):
    """Of `[n, size]` samples, as the formula says it."""
    z, z_prior = (np.asarray(a, np.float64) for a in (z, z_prior))

    def pairs(a, b, c):
        squared = np.square(a[:, None] - b[None]).sum(-1)
        return KERNELS[kernel](squared, c)

    def within(a, c):
        values = pairs(a, a, c)
        if unbiased:
            return (values.sum() - np.trace(values)) / (len(a) * (len(a) - 1))
        return values.mean()

    bandwidths = [2.0 * z.shape[1] * scale for scale in scales]
    return sum(
        within(z, c) + within(z_prior, c) - 2.0 * pairs(z, z_prior, c).mean()
        for c in bandwidths
    )


def oracle_of(loss, z, z_prior, **options):
    if loss is mmd:
        return oracle(z, z_prior, **options)
    columns = range(z.shape[1])
    return sum(oracle(z[:, [j]], z_prior[:, [j]], **options) for j in columns)


def samples(n, m, latent_dim, seed=0, shift=0.3):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, latent_dim)) * 1.5 + shift
    return z.astype(np.float32), rng.normal(size=(m, latent_dim)).astype(np.float32)


def small_chunks(monkeypatch, num_pairs):
    monkeypatch.setattr(_row_chunks, "_CHUNK_PAIRS", num_pairs)


@both
@each_kernel
@pytest.mark.parametrize(("n", "m"), [(37, 52), (2, 3)])
def test_against_oracle(loss, kernel, n, m):
    z, z_prior = samples(n, m, 5)

    @jax.jit
    def estimates(z, z_prior):
        return [
            loss(z, z_prior, kernel=kernel, unbiased=unbiased)
            for unbiased in (True, False)
        ]

    expected = [
        oracle_of(loss, z, z_prior, kernel=kernel, unbiased=unbiased)
        for unbiased in (True, False)
    ]
    result = estimates(z, z_prior)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@both
def test_float32_is_accurate_for_a_training_batch(loss):
    z, z_prior = samples(500, 500, 10, shift=0.0)
    z = z / 1.5
    expected = oracle_of(loss, z, z_prior)
    assert abs(expected) < 0.1
    np.testing.assert_allclose(jax.jit(loss)(z, z_prior), expected, atol=1e-5)


@both
@each_kernel
def test_chunks_of_any_size_give_the_same(loss, kernel, monkeypatch):
    z, z_prior = samples(23, 31, 3)
    scales = np.array([0.3, 2.0])

    def results(num_pairs):
        small_chunks(monkeypatch, num_pairs)

        def value(z, z_prior, scales):
            return loss(z, z_prior, kernel=kernel, scales=scales)

        return jax.jit(jax.value_and_grad(value, (0, 1, 2)))(z, z_prior, scales)

    expected = results(10**6)
    oracle_value = oracle_of(loss, z, z_prior, kernel=kernel, scales=scales)
    np.testing.assert_allclose(expected[0], oracle_value, rtol=1e-4, atol=1e-6)
    for num_pairs in (1, 200):
        jax.tree.map(
            functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6),
            results(num_pairs),
            expected,
        )


@both
@each_kernel
def test_gradients(loss, kernel, monkeypatch):
    small_chunks(monkeypatch, 20)
    rng = np.random.default_rng(1)
    arguments = rng.normal(size=(7, 2)), rng.normal(size=(5, 2)), np.array([0.2, 1.0])

    def function(z, z_prior, scales):
        return loss(z, z_prior, kernel=kernel, scales=scales)

    assert_gradients_agree(function, *arguments)

    # One argument at a time: what does not move is left out.
    @jax.jit
    def together_and_alone(*arguments):
        return [
            jax.grad(function, (0, 1, 2))(*arguments),
            tuple(jax.grad(function, i)(*arguments) for i in range(3)),
        ]

    with jax.enable_x64(True):
        together, alone = together_and_alone(*arguments)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-14),
        together,
        alone,
    )


@both
@each_kernel
def test_second_derivatives(loss, kernel):
    z, z_prior = samples(4, 3, 2)
    gradient = jax.grad(functools.partial(loss, kernel=kernel, scales=(0.5,)))
    assert_gradients_agree(lambda z: gradient(z, z_prior), z, modes=("rev",))


def kernel_mean(first, second):
    """E k(x, y), summed over the scales, of two 1-D normal mixtures, by quadrature.

    Each is a list of (weight, mean, stddev). The difference x - y is a mixture, too.
    """
    total = 0.0
    step = 1e-3
    grid = np.arange(-60.0, 60.0, step)
    kernel = sum(KERNELS["imq"](np.square(grid), 2.0 * t) for t in SCALES)
    for weight, mean, stddev in first:
        for other_weight, other_mean, other_stddev in second:
            var = stddev**2 + other_stddev**2
            density = np.exp(-np.square(grid - mean + other_mean) / (2.0 * var))
            density /= np.sqrt(2.0 * np.pi * var)
            total += weight * other_weight * (density * kernel).sum() * step
    return total


STANDARD = [(1.0, 0.0, 1.0)]
# Published prior of the sparsity experiment, a mixture of two normals.
SPARSE = [(0.2, 0.0, 1.0), (0.8, 0.0, 0.05)]
ANCHORS = {
    "shifted": ([(1.0, 1.0, 1.0)], 0.752480),
    "wide": ([(1.0, 0.0, 2.0)], 0.377844),
    "sparse": (SPARSE, 0.842742),
}


def draws(rng, mixture, shape):
    weights, means, stddevs = zip(*mixture, strict=True)
    component = rng.choice(len(weights), size=shape, p=weights)
    noise = rng.normal(size=shape)
    return np.asarray(means)[component] + np.asarray(stddevs)[component] * noise


_per_dimension = jax.jit(mmd_per_dimension)
_each_column = jax.jit(jax.vmap(lambda a, b: mmd(a[:, None], b[:, None]), 1))


@pytest.mark.parametrize("name", ANCHORS)
def test_known_values_between_distributions(name):
    other, anchor = ANCHORS[name]
    population = (
        kernel_mean(STANDARD, STANDARD)
        + kernel_mean(other, other)
        - 2.0 * kernel_mean(STANDARD, other)
    )
    assert population == pytest.approx(anchor, abs=2e-6)
    rng = np.random.default_rng(4)
    # Independent columns: their mean is an estimate with a standard error.
    columns = 40
    z = draws(rng, other, (500, columns)).astype(np.float32)
    z_prior = rng.normal(size=(500, columns)).astype(np.float32)
    values = np.asarray(_each_column(z, z_prior))
    np.testing.assert_allclose(values.sum(), _per_dimension(z, z_prior), rtol=1e-5)
    standard_error = values.std(ddof=1) / np.sqrt(columns)
    assert standard_error < 0.03 * anchor
    assert abs(values.mean() - anchor) < 3.0 * standard_error


def test_equal_distributions_give_zero_on_average():
    """And the standard deviation that the docstring has for 50 latents."""
    rng = np.random.default_rng(5)
    pairs = rng.normal(size=(5, 2, 500, 40)).astype(np.float32)
    values = np.concatenate([_each_column(*pair) for pair in pairs])
    stddev = values.std(ddof=1)
    assert 0.035 < np.sqrt(50) * stddev < 0.048
    assert abs(values.mean()) < 3.0 * stddev / np.sqrt(len(values))
    assert 0.25 < (values < 0.0).mean() < 0.75
    pairs = rng.normal(size=(2, 40, 60, 4)).astype(np.float32)
    joint = np.asarray(jax.jit(jax.vmap(mmd))(*pairs))
    assert abs(joint.mean()) < 3.0 * joint.std(ddof=1) / np.sqrt(40)


@both
@each_kernel
def test_v_statistic_is_never_negative(loss, kernel):
    z, z_prior = samples(40, 40, 3)
    function = jax.jit(functools.partial(loss, kernel=kernel, unbiased=False))
    assert function(z, z_prior) > 0.0
    for sample in (z, z + 1000.0, z * 1e-6):
        assert 0.0 <= function(sample, sample) < 1e-5


def test_one_latent_is_the_same_in_both():
    z, z_prior = samples(20, 30, 1)
    np.testing.assert_allclose(
        mmd(z, z_prior), mmd_per_dimension(z, z_prior), rtol=1e-6
    )


def test_dependence_is_seen_by_the_joint_kernel_only():
    rng = np.random.default_rng(6)
    column, z_prior = rng.normal(size=(400, 1)), rng.normal(size=(400, 2))
    z = np.repeat(column, 2, axis=1)
    assert jax.jit(mmd)(z, z_prior) > 0.05
    assert abs(_per_dimension(z, z_prior)) < 0.02


@both
def test_an_offset_of_both_samples_changes_nothing(loss):
    z, z_prior = samples(30, 40, 4)
    gradient = jax.jit(jax.value_and_grad(loss))
    expected, expected_gradient = gradient(z, z_prior)
    value, moved_gradient = gradient(z + 512.0, z_prior + 512.0)
    np.testing.assert_allclose(value, expected, rtol=1e-3)
    np.testing.assert_allclose(moved_gradient, expected_gradient, atol=1e-4)


@both
@each_kernel
def test_median_heuristic(loss, kernel):
    z, z_prior = samples(9, 8, 3)
    pooled = np.concatenate([z, z_prior]).astype(np.float64)
    above = np.triu_indices(len(pooled), 1)

    def expected(columns):
        columns = np.atleast_1d(columns)
        squared = np.square(pooled[:, None] - pooled[None])[..., columns].sum(-1)
        # The lower of the two middle ones of 136 pairs.
        median = np.sort(squared[above])[len(above[0]) // 2 - 1]
        scales = (median / (2.0 * len(columns)),)
        return oracle(z[:, columns], z_prior[:, columns], kernel, scales)

    groups = [np.arange(3)] if loss is mmd else np.arange(3)
    by_median = functools.partial(loss, kernel=kernel, scales="median")
    result = jax.jit(by_median)(z, z_prior)
    np.testing.assert_allclose(result, sum(map(expected, groups)), rtol=1e-4)


@both
@each_kernel
def test_median_is_scale_free_and_without_gradient(loss, kernel):
    z, z_prior = samples(30, 20, 3)
    by_median = jax.jit(functools.partial(loss, kernel=kernel, scales="median"))
    expected = by_median(z, z_prior)
    for factor in np.float32([1e-6, 1e5]):
        result = by_median(factor * z, factor * z_prior)
        np.testing.assert_allclose(result, expected, rtol=1e-3)
    constants = np.ones((5, 3), np.float32)
    value, gradient = jax.jit(jax.value_and_grad(by_median))(constants, constants)
    np.testing.assert_allclose(value, 0.0, atol=1e-6)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-8)
    if loss is mmd:
        pooled = np.concatenate([z, z_prior])
        median = float(jax.jit(_mmd._median_squared_distance)(pooled))
        same = functools.partial(loss, kernel=kernel, scales=(median / 6.0,))
        np.testing.assert_allclose(
            jax.jit(jax.grad(by_median))(z, z_prior),
            jax.jit(jax.grad(same))(z, z_prior),
            rtol=1e-4,
            atol=1e-8,  # entries near 0 are differences of ones near 5e-3
        )


@both
@each_kernel
@pytest.mark.parametrize("scales", [SCALES, "median", (1e-12, 1e12)])
def test_value_and_gradient_are_finite_at_extremes(loss, kernel, scales):
    z_prior = np.array([[0.0, 1.0, 2.0], [1.0, -1.0, 0.0]], np.float32)
    function = functools.partial(loss, kernel=kernel, scales=scales)
    both_gradients = jax.jit(jax.value_and_grad(function, (0, 1)))
    for size in (0.0, 1e-20, 1e8, 1e18, 3e38):
        z = np.array([[size, 0.0, 1.0], [-size, size, 2.0], [0.5, 0.5, -size]])
        z = z.astype(np.float32)
        value, gradients = both_gradients(z, z_prior)
        assert np.isfinite(value), size
        assert all(np.isfinite(g).all() for g in gradients), size


@both
@pytest.mark.parametrize("scales", [SCALES, "median"])
def test_infinite_codes_and_nan_are_not_hidden(loss, scales):
    compiled = jax.jit(functools.partial(loss, scales=scales))
    for wrong in (np.nan, np.inf, -np.inf):
        for i in range(2):
            pair = samples(5, 5, 2)
            pair[i][0, 0] = wrong
            assert np.isnan(compiled(*pair)), (wrong, i)


@both
def test_scales_that_are_not_above_zero(loss):
    z, z_prior = samples(4, 5, 3)
    for wrong in (0.0, -1.0, np.float32(-1.0), np.nan, np.inf):
        for scales in ((1.0, wrong), [wrong], np.array([wrong]), jnp.array([wrong])):
            with pytest.raises(ValueError, match=r"scales must be above 0, got"):
                loss(z, z_prior, scales=scales)
    traced = jax.jit(lambda scales: loss(z, z_prior, scales=scales))
    assert np.isfinite(traced(np.array([1.0, 2.0])))
    for wrong in (0.0, -1.0):
        assert np.isnan(traced(np.array([1.0, wrong])))


@both
def test_memory_is_linear_in_the_batch(loss):
    """Value and gradient of 5,000 codes of 50 latents: all pairs would be 5 GB."""
    shape = jax.ShapeDtypeStruct((5000, 50), jnp.float32)
    for argnums in (0, (0, 1)):
        lowered = jax.jit(jax.value_and_grad(loss, argnums)).lower(shape, shape)
        memory = lowered.compile().memory_analysis()
        assert memory.temp_size_in_bytes < 100e6


@both
def test_errors(loss):
    z, z_prior = samples(4, 5, 3)
    with pytest.raises(ValueError, match=r"z must have shape \[rows, latent_dim\]"):
        loss(z[0], z_prior)
    with pytest.raises(ValueError, match=r"z_prior must have .* at least 2 rows, got"):
        loss(z, z_prior[:1])
    jax.eval_shape(functools.partial(loss, unbiased=False), z[:1], z_prior[:1])
    with pytest.raises(ValueError, match=r"z_prior must have the latents of z, 3, got"):
        loss(z, z_prior[:, :2])
    with pytest.raises(ValueError, match="kernel must be 'imq' or 'rbf', got 'cubic'"):
        loss(z, z_prior, kernel="cubic")
    with pytest.raises(ValueError, match="numbers or 'median', got 'mean'"):
        loss(z, z_prior, scales="mean")
    with pytest.raises(ValueError, match=r"scales must be one or more.*\(0,\)"):
        loss(z, z_prior, scales=())
    with pytest.raises(ValueError, match=r"scales must be one or more.*got shape \(\)"):
        loss(z, z_prior, scales=np.float32(1.0))


def test_text_and_flags_in_the_place_of_options_are_refused():
    z = np.zeros((3, 2), np.float32)
    with pytest.raises(TypeError, match=r"scales must be a number, got \('1',\)"):
        mmd(z, z, scales=("1",))
    with pytest.raises(TypeError, match="unbiased must be True or False, got 'no'"):
        mmd(z, z, unbiased="no")
