"""Codes of a generator: sizes, prior, and the parts of a code."""

import math

import jax
import numpy as np
import pytest

from vsc_jax.models import create_model


def model_of(**options):
    return create_model("infogan", image_shape=(4, 4, 1), hidden=(6,), **options)


def test_the_parts_of_a_code():
    model = model_of(num_codes=3, noise_dim=4, category_sizes=(3, 2))
    assert (model.latent_dim, model.code_dim) == (7, 12)
    code = np.arange(24.0).reshape(2, 12)
    z, one_hots = model.split_codes(code)
    np.testing.assert_array_equal(z, code[:, :3])
    np.testing.assert_array_equal(one_hots[0], code[:, 7:10])
    np.testing.assert_array_equal(one_hots[1], code[:, 10:])
    assert model_of(category_sizes=()).split_codes(np.ones((1, 64)))[1] == []


def test_the_prior_is_uniform():
    model, num = model_of(num_codes=2, noise_dim=1, category_sizes=(3, 2)), 6000
    codes = model.sample_prior({}, jax.random.key(1), num, {})
    assert codes.shape == (num, 8)
    z, one_hots = np.asarray(codes[:, :3]), model.split_codes(codes)[1]
    assert -1.0 <= z.min() < -0.99
    assert 0.99 < z.max() <= 1.0
    assert np.abs(z.mean(0)).max() < 4 / math.sqrt(3 * num)
    assert np.abs(z.var(0) - 1 / 3).max() < 0.02
    for size, one_hot in zip((3, 2), one_hots, strict=True):
        np.testing.assert_array_equal(one_hot.sum(-1), 1.0)
        error = math.sqrt((1 / size) * (1 - 1 / size) / num)
        assert np.abs(one_hot.mean(0) - 1 / size).max() < 4 * error
    together = np.corrcoef(codes.T)[:3, :3] - np.eye(3)
    assert np.abs(together).max() < 4 / math.sqrt(num)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_codes": 0}, "num_codes must be a whole number of at least 1, got 0"),
        ({"noise_dim": -1}, "noise_dim must be a whole number of at least 0, got -1"),
        ({"category_sizes": (3, 1)}, "category_sizes must be a whole .* 2, got 1"),
    ],
)
def test_specs_that_are_none_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        model_of(**options)
