"""The `sparsity` of codes, its `effective_number`, and the `probe`."""

import dataclasses

import numpy as np
import pytest
from linear_model import _WithPrior
from linear_scores import NO_SAMPLES, OTHERS, scores_of

from vsc_jax.evaluation import Context
from vsc_jax.metrics import sparsity

SPIKE = {"kl_decomposition": "the code of this model has a spike"}


def test_sparsity_and_probe(model, params, dataset):
    model = dataclasses.replace(model, spike=True)
    results = scores_of(model, params, dataset, iwae_samples=2)
    encoded = Context(model, params, dataset).encode(np.sort(dataset.test_indices))
    expected = sparsity(
        encoded.slab_prob,
        encoded.expected_code,
        prior_slab_prob=0.25,
        spike_kl=results["kl_terms"]["spike_kl"],
    )
    assert results["sparsity"] == pytest.approx(expected, rel=1e-4)
    assert 0 < results["sparsity"]["expected_support"] < 4
    assert results["sparsity"]["effective_number"] > 0
    assert results["kl"] == pytest.approx(sum(results["kl_terms"].values()))
    # Stripes are far apart, 4 random directions see them.
    assert results["probe"]["accuracy"] > 0.8
    assert results["probe"]["num_labels"] == 68
    assert results["skipped"] == OTHERS | NO_SAMPLES | SPIKE


def test_gates_without_a_fixed_prior_have_no_effective_number(dataset, params):
    results = scores_of(_WithPrior(spike=True), params, dataset, num_labels=0)
    assert results["kl_terms"]["spike_kl"] > 0
    assert "effective_number" not in results["sparsity"]
    no_bound = "this model defines no bound on log p(x)"
    assert results["skipped"] == OTHERS | SPIKE | {
        "elbo": no_bound,
        "iwae": no_bound,
        "effective_number": "the gates of this model have no fixed prior",
        "marginal_kl": "the KL of this model is to no fixed prior",
    }
    assert "reconstruction" not in results
