import numpy as np
import pytest

from vsc_jax.metrics import hoyer


@pytest.mark.parametrize(("num_latents", "expected"), [(10, 0.267), (50, 0.231)])
def test_independent_normal_codes(num_latents, expected):
    codes = np.random.default_rng(0).normal(size=(20_000, num_latents))
    assert hoyer(codes) == pytest.approx(expected, abs=0.002)


def test_scale_of_a_latent_does_not_matter():
    rng = np.random.default_rng(1)
    codes = rng.normal(size=(500, 10))
    assert hoyer(codes * rng.uniform(0.1, 10.0, size=10)) == pytest.approx(hoyer(codes))


def test_sparse_prior():
    # 50 latents, each N(0, 0.05^2) with probability 0.8 and N(0, 1) otherwise.
    rng = np.random.default_rng(2)
    narrow = rng.random((20_000, 50)) < 0.8
    codes = rng.normal(size=narrow.shape) * np.where(narrow, 0.05, 1.0)
    assert hoyer(codes) == pytest.approx(0.650, abs=0.003)
    # With true zeros instead of the narrow component.
    assert hoyer(np.where(narrow, 0.0, codes)) == pytest.approx(0.743, abs=0.003)


def test_one_hot_codes_score_one():
    assert hoyer(3.0 * np.eye(7)) == pytest.approx(1.0)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.0])
def test_constant_codes_score_zero(value):
    assert hoyer(np.full((8, 5), value, np.float32)) == pytest.approx(0.0, abs=1e-6)


def test_latent_without_variation_is_not_divided():
    rng = np.random.default_rng(3)
    codes = np.concatenate([rng.normal(size=(5_000, 1)), np.zeros((5_000, 9))], axis=1)
    assert hoyer(codes) == pytest.approx(1.0)


def test_rows_of_zeros_are_left_out():
    codes = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert hoyer(codes) == pytest.approx(1.0)


def test_single_row_and_single_latent_are_finite():
    assert hoyer([[3.0, 4.0]]) == pytest.approx((2**0.5 - 7 / 5) / (2**0.5 - 1))
    assert hoyer([[1.0], [2.0]]) == 0.0


@pytest.mark.parametrize("codes", [[1.0, 2.0], np.zeros((0, 3)), np.zeros((3, 0))])
def test_shape_is_checked(codes):
    with pytest.raises(ValueError, match="codes must be a non-empty matrix"):
        hoyer(codes)


def test_values_that_are_not_finite_are_named():
    with pytest.raises(ValueError, match="1 values that are not finite among 4"):
        hoyer([[1.0, np.nan], [0.0, 1.0]])
