"""What models with categories share, on a model whose loss does not matter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import IMAGE_SHAPE, tiny_dataset

from vsc_jax.models._mixed_model import MixedModel
from vsc_jax.networks import Posterior

NUM = 4


class Mixed(MixedModel):
    @property
    def weight_fields(self):
        return {}

    def loss(self, *args, **kwargs):
        raise AssertionError("the loss does not matter")


def mixed(sizes=(3, 2)):
    return Mixed(IMAGE_SHAPE, latent_dim=2, hidden=(8,), category_sizes=sizes)


@pytest.fixture(scope="module")
def parts():
    model = mixed()
    params = model.init(jax.random.key(0))
    x = jnp.asarray(tiny_dataset().decode(np.arange(NUM)))
    return model, params, x, jax.random.normal(jax.random.key(1), (NUM, 2))


def test_a_code_is_the_latents_and_then_a_one_hot_of_each_variable(parts):
    model, _, _, z = parts
    categories = jnp.array([[0, 1], [2, 0], [1, -1], [-1, -1]])
    code = model.code(z, model.one_hots(categories))
    assert code.shape == (NUM, model.code_dim) == (NUM, 2 + 3 + 2)
    np.testing.assert_array_equal(code[:, :2], z)
    expected = [
        [1, 0, 0, 0, 1],
        [0, 0, 1, 1, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    np.testing.assert_array_equal(code[:, 2:], expected)


@pytest.mark.parametrize("variable", [0, 1])
def test_log_likelihoods_of_all_values_of_a_variable(parts, variable):
    model, params, x, z = parts
    categories = jnp.array([[0, 1], [2, 0], [1, 1], [0, 0]])
    found = model.category_log_likelihoods(params, x, z, categories, variable)
    for value in range(model.category_sizes[variable]):
        here = categories.at[:, variable].set(value)
        output = model.decoder_output(params, model.code(z, model.one_hots(here)))
        np.testing.assert_allclose(
            found[:, value], model.log_likelihood(output, x), rtol=1e-5
        )


def test_categories_are_inferred_in_turn(parts):
    model, params, x, z = parts
    first, second = model.infer_categories(params, x, z)
    nothing = jnp.full((NUM, 2), -1)
    np.testing.assert_allclose(
        first, model.category_log_likelihoods(params, x, z, nothing, 0), rtol=1e-6
    )
    given = nothing.at[:, 0].set(first.argmax(1))
    np.testing.assert_allclose(
        second, model.category_log_likelihoods(params, x, z, given, 1), rtol=1e-6
    )


def test_draws_from_the_prior_are_normal_and_uniform(parts):
    model, params, _, _ = parts
    num = 6000
    draws = model.sample_prior(params, jax.random.key(2), num, {})
    assert draws.shape == (num, 7)
    error = 5 / np.sqrt(num)
    assert abs(draws[:, :2].mean()) < error
    assert abs(draws[:, :2].std() - 1) < error
    np.testing.assert_array_equal(draws[:, 2:5].sum(1), 1)
    np.testing.assert_allclose(draws[:, 2:5].mean(0), 1 / 3, atol=error)
    np.testing.assert_allclose(draws[:, 5:].mean(0), 1 / 2, atol=error)


def test_a_draw_from_the_posterior_keeps_the_most_probable_categories(parts):
    model, params, _, z = parts
    logits = (jnp.array([[0.0, 3.0, 1.0]] * NUM), jnp.array([[-1.0, -2.0]] * NUM))
    posterior = Posterior(z, jnp.full_like(z, -40.0), category_logits=logits)
    draw = model.sample_posterior(params, posterior, jax.random.key(3))
    np.testing.assert_allclose(draw[:, :2], z, atol=1e-6)
    np.testing.assert_array_equal(draw[:, 2:], [[0, 1, 0, 1, 0]] * NUM)
    np.testing.assert_allclose(draw, posterior.expected_code, atol=1e-6)


def test_kls_are_padded_to_all_latents():
    gaussian, categorical = mixed().padded_kl(jnp.ones((NUM, 2)), jnp.ones((NUM, 2)))
    np.testing.assert_array_equal(gaussian, [[1, 1, 0, 0]] * NUM)
    np.testing.assert_array_equal(categorical, [[0, 0, 1, 1]] * NUM)


def test_the_number_of_codes_and_the_ratio_of_densities():
    model = mixed()
    assert model.log_num_codes() == pytest.approx(np.log(6))
    z = jnp.array([[0.3, -1.0]])
    ratio = model.gaussian_log_ratio(z, jnp.zeros((1, 2)), jnp.zeros((1, 2)))
    assert float(ratio[0]) == pytest.approx(0.0, abs=1e-6)


def test_a_variable_needs_two_categories():
    with pytest.raises(ValueError, match=r"a whole number of at least 2, got 1"):
        mixed((3, 1))
