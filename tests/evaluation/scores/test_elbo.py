"""The `elbo` and the `iwae` bound, where log p(x) is known."""

import jax
import numpy as np
import pytest
from linear_scores import NO_GATES, OTHERS, linear_results, log_marginal, scores_of

from vsc_jax.evaluation import EvaluationOptions
from vsc_jax.evaluation.scores import _elbo


def test_bounds_of_an_exact_posterior(params, dataset):
    results = linear_results()
    exact = log_marginal(params, dataset.decode(dataset.test_indices))
    assert results["elbo"] == pytest.approx(exact.mean(), abs=1e-3)
    assert results["elbo_standard_error"] == pytest.approx(
        exact.std(ddof=1) / np.sqrt(len(exact)), rel=1e-3
    )
    # The 30 images of the bound are some of the test split.
    error = results["iwae_8_standard_error"]
    assert abs(results["iwae_8"] - exact.mean()) < 4 * error
    assert results["num_iwae_images"] == 30


def test_bound_on_all_images_equals_elbo_of_an_exact_posterior(model, params, dataset):
    results = scores_of(
        model, params, dataset, iwae_images=10_000, iwae_samples=5, num_labels=0,
        elbo_samples=3, batch_size=33,
    )  # fmt: skip
    assert results["num_iwae_images"] == results["num_test_images"] == 69
    assert results["iwae_5"] == pytest.approx(results["elbo"], abs=1e-3)
    assert results["skipped"] == OTHERS | NO_GATES
    assert "probe" not in results


def test_iwae_is_tighter_than_elbo(params, dataset, model):
    class Wide(type(model)):
        """A posterior that is too wide, so that both bounds have a gap."""

        def encode(self, params, x):
            q = super().encode(params, x)
            return q._replace(log_var=q.log_var + 1.0)

    wide = scores_of(
        Wide(), params, dataset, iwae_images=10_000, iwae_samples=64, elbo_samples=64,
        only=("elbo", "iwae"),
    )  # fmt: skip
    exact = log_marginal(params, dataset.decode(dataset.test_indices)).mean()
    # KL of the wide posterior from the exact one: 4 latents, variance times e.
    assert wide["elbo"] == pytest.approx(exact - 2 * (np.e - 2), abs=0.15)
    assert wide["elbo"] + 0.8 < wide["iwae_64"] < exact + 0.05


def test_bounds_do_not_depend_on_the_block_of_draws(
    params, dataset, model, monkeypatch
):
    def bounds():
        options = {"iwae_samples": 7, "elbo_samples": 7}
        return scores_of(model, params, dataset, **options, only=("elbo", "iwae"))

    whole = bounds()
    monkeypatch.setattr(_elbo, "BLOCK", 3)
    blocks = bounds()
    for name in ("elbo", "elbo_standard_error", "iwae_7", "iwae_7_standard_error"):
        assert blocks[name] == pytest.approx(whole[name], rel=1e-12)


def test_only_a_block_of_weights_is_held(params, dataset, model, monkeypatch):
    """So that memory is the same for any number of draws."""
    sizes, stack = [], np.stack
    monkeypatch.setattr(_elbo, "BLOCK", 10)
    monkeypatch.setattr(
        np, "stack", lambda a, axis=0: sizes.append(len(a)) or stack(a, axis=axis)
    )
    scores_of(model, params, dataset, iwae_samples=25, iwae_images=5, only=("iwae",))
    assert sizes == [10, 10, 5]


def test_keys_of_a_block_are_those_of_one_split():
    key = jax.random.key(3)
    all_keys = jax.random.key_data(jax.random.split(key, 12))
    np.testing.assert_array_equal(_elbo.block_keys(key, 0, 12), all_keys)
    np.testing.assert_array_equal(_elbo.block_keys(key, 5, 4), all_keys[5:9])


@pytest.mark.parametrize("name", ["elbo_samples", "iwae_samples"])
def test_numbers_of_draws_that_would_never_end_are_refused(name):
    message = f"{name} must be a whole number of .* at most 1000000, got 1000000000"
    with pytest.raises(ValueError, match=message):
        EvaluationOptions(**{name: 10**9})
