"""What all priors have in common: the protocols, pytrees, hashes, shapes, checks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.priors import (
    GaussianMixturePrior,
    GaussianPrior,
    LearnedGaussianPrior,
    LearnedPrior,
    Prior,
    SparsePrior,
    SpikeSlabPrior,
    StandardNormal,
    StudentTPrior,
)
from vsc_jax.priors._base import as_latent_values

PRIORS = {
    "standard_normal": StandardNormal(),
    "gaussian": GaussianPrior((0.5, 3.0)),
    "learned_gaussian": LearnedGaussianPrior(2.0, (1.0, 4.0)).at(
        {"logits": jnp.array([0.0, 1.0])}
    ),
    "student_t": StudentTPrior(4.0),
    "gaussian_mixture": GaussianMixturePrior(component_weights=(1.0, 2.0, 3.0, 4.0)),
    "sparse": SparsePrior(0.7, (0.05, 0.1)),
}
STATIC = [p for name, p in PRIORS.items() if name != "learned_gaussian"]
STATIC += [LearnedGaussianPrior(2.0, (1.0, 4.0)), SpikeSlabPrior(0.1)]

KEY = jax.random.key(0)

each_prior = pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)


@each_prior
def test_has_the_methods_of_the_protocol(prior):
    assert isinstance(prior, Prior)
    assert not isinstance(prior, LearnedPrior)


def test_a_learned_prior_is_none_before_it_has_parameters():
    prior = LearnedGaussianPrior()
    assert isinstance(prior, LearnedPrior)
    assert not isinstance(prior, Prior)


@pytest.mark.parametrize("prior", STATIC, ids=lambda p: type(p).__name__)
def test_is_hashable_and_static(prior):
    leaves, structure = jax.tree.flatten(prior)
    copy = jax.tree.unflatten(structure, leaves)
    assert copy == prior and hash(copy) == hash(prior)
    static = jax.jit(lambda p: jnp.zeros(len(jax.tree.leaves(p))), static_argnums=0)
    assert static(prior).shape == (len(leaves),)


@each_prior
def test_static_and_traced_values_agree(prior):
    z = np.array([[0.3, -1.2], [4.0, 0.01]], np.float32)
    np.testing.assert_allclose(
        jax.jit(lambda p, z: p.log_prob(z))(prior, z),
        jax.jit(prior.log_prob)(z),  # a constant of the program
        rtol=2e-6,
    )
    draw = jax.jit(lambda p, key: p.sample(key, 5, 2))
    constant = jax.jit(lambda key: prior.sample(key, 5, 2))(KEY)
    np.testing.assert_allclose(draw(prior, KEY), constant, rtol=2e-6)


@each_prior
def test_shapes_and_dtypes(prior):
    for lead in [(), (3,), (3, 4)]:
        z = jax.ShapeDtypeStruct((*lead, 2), jnp.bfloat16)
        log_prob = jax.eval_shape(prior.log_prob, z)
        assert (log_prob.shape, log_prob.dtype) == (z.shape, jnp.float32)
    for num in (0, 7):
        z = jax.eval_shape(lambda key, num=num: prior.sample(key, num, 2), KEY)
        assert (z.shape, z.dtype) == ((num, 2), jnp.float32)
    with pytest.raises(TypeError, match=r"z must have a floating dtype"):
        prior.log_prob(np.ones((3, 2), np.int32))
    with pytest.raises(ValueError, match=r"z must have at least 1 axes"):
        prior.log_prob(np.ones((), np.float32))


@each_prior
def test_value_and_gradient_are_finite_at_extremes(prior):
    sizes = np.array([0.0, 1e-30, 1e-6, 1.0, 1e3, 1e8], np.float32)
    z = np.stack(np.meshgrid(sizes, -sizes), -1).reshape(-1, 2)
    total = jax.jit(jax.value_and_grad(lambda z: prior.log_prob(z).sum()))
    value, grad = total(z)
    assert np.isfinite(value) and np.isfinite(grad).all()


@each_prior
def test_draws_are_the_same_for_a_key_and_others_for_another(prior):
    draw = jax.jit(lambda key: prior.sample(key, 9, 2))
    first, again, other = map(np.asarray, map(draw, (KEY, KEY, jax.random.key(1))))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


def test_as_latent_values():
    like = jnp.zeros((4, 3))
    assert as_latent_values(StudentTPrior(2.0), "df", like).shape == ()
    assert as_latent_values(StudentTPrior((2.0,)), "df", like).shape == ()
    np.testing.assert_array_equal(
        as_latent_values(StudentTPrior((1.0, 2.0, 3.0)), "df", like), [1.0, 2.0, 3.0]
    )
    message = r"df must be a scalar or have shape \(3,\).*got shape \(2,\)"
    with pytest.raises(ValueError, match=message):
        as_latent_values(StudentTPrior((1.0, 2.0)), "df", like)
    # Of arrays only what is known.
    with pytest.raises(ValueError, match="df must be above 0, got -1"):
        as_latent_values(StudentTPrior(np.array(-1.0)), "df", like)
    jax.eval_shape(lambda df: as_latent_values(StudentTPrior(df), "df", like), -1.0)


@pytest.mark.parametrize(
    "bad", [0, -1.0, float("nan"), float("inf"), (1.0, (2, -3.0)), "2", True]
)
def test_numbers_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=r"df must be above 0, got"):
        StudentTPrior(bad)


def test_placeholders_pass():
    StudentTPrior((1.0, object(), jnp.array(-1.0), None))


@each_prior
def test_numbers_of_draws_and_latents(prior):
    assert jax.eval_shape(lambda key: prior.sample(key, 0, 2), KEY).shape == (0, 2)
    for num, latent_dim, name in (
        (-1, 2, "num"),
        (1.5, 2, "num"),
        (3, 0, "latent_dim"),
    ):
        with pytest.raises(ValueError, match=f"{name} must be a whole number of at le"):
            prior.sample(KEY, num, latent_dim)
