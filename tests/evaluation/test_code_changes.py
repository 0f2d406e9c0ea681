import numpy as np
import pytest

from vsc_jax.evaluation import (
    conditional_codes,
    interpolation_codes,
    interpretation_codes,
)


def test_largest_magnitude_is_scaled_and_the_rest_stays():
    z = np.array([[0.1, -3.0, 2.0], [4.0, 0.0, 0.0]])
    before = z.copy()
    latents, codes = interpretation_codes(z, scales=(0.0, -0.5, 2.0))
    assert latents.tolist() == [1, 0]
    assert codes.shape == (2, 3, 3)
    assert codes[0, :, 1].tolist() == [0.0, 1.5, -6.0]
    assert codes[1, :, 0].tolist() == [0.0, -2.0, 8.0]
    assert (z[0, [0, 2]] == codes[0, :, [0, 2]].T).all()
    np.testing.assert_array_equal(z, before)


def test_the_largest_is_taken_among_some():
    z = np.array([[0.1, -3.0, 2.0], [4.0, 0.5, 0.0]])
    latents, codes = interpretation_codes(z, scales=(0.0,), among=np.array([0, 2]))
    assert latents.tolist() == [2, 0]
    assert codes[:, 0].tolist() == [[0.1, -3.0, 0.0], [0.0, 0.5, 0.0]]


def test_a_code_of_zeros_stays():
    _, codes = interpretation_codes(np.zeros((1, 3)))
    assert not codes.any()
    codes = conditional_codes(np.random.default_rng(0), np.zeros(3))
    assert codes.shape == (6, 3)
    assert not codes.any()


def test_conditional_draws_touch_the_support_alone():
    z = np.zeros(50)
    z[[3, 7, 20]] = 100.0
    z[30] = 1e-5  # below the threshold
    codes = conditional_codes(np.random.default_rng(0), z, num_samples=500)
    off = np.delete(np.arange(50), [3, 7, 20])
    np.testing.assert_array_equal(codes[:, off], np.tile(z[off], (500, 1)))
    changed = codes[:, [3, 7, 20]] != 100.0
    assert changed.any(axis=1).all()
    # ceil(0.8 * 3) = 3 picks with replacement change 3 (1 - (2/3)^3) on average.
    counts = changed.sum(axis=1)
    expected = 3 * (1 - (2 / 3) ** 3)
    assert abs(counts.mean() - expected) < 4 * counts.std() / np.sqrt(500)


def test_conditional_values_are_standard_normal():
    codes = conditional_codes(
        np.random.default_rng(1), np.full(1_000, 50.0), num_samples=20
    )
    drawn = codes[codes != 50.0]
    fraction = len(drawn) / codes.size
    assert fraction == pytest.approx(1 - np.exp(-0.8), abs=0.01)
    assert abs(drawn.mean()) < 4 / np.sqrt(len(drawn))
    assert drawn.var() == pytest.approx(1.0, abs=4 * np.sqrt(2 / len(drawn)))


def test_fraction_zero_changes_nothing():
    z = np.array([1.0, 2.0])
    codes = conditional_codes(np.random.default_rng(0), z, fraction=0.0)
    np.testing.assert_array_equal(codes, np.tile(z, (6, 1)))


@pytest.mark.parametrize("switch", [False, True])
def test_interpolation_is_gate_times_mean(switch):
    rng = np.random.default_rng(0)
    mean, gates = rng.normal(size=(2, 5)), rng.uniform(size=(2, 5))
    codes = interpolation_codes(mean, gates, num_frames=6, switch=switch)
    assert codes.shape == (6, 5)
    for i, code in enumerate(codes):
        t = i / 5
        if switch:
            gate = gates[0] if t < 0.5 else gates[1]
        else:
            gate = (1 - t) * gates[0] + t * gates[1]
        np.testing.assert_allclose(code, gate * ((1 - t) * mean[0] + t * mean[1]))


def test_both_ways_are_one_where_gates_agree():
    mean, gates = np.array([[1.0, 2.0], [-1.0, 5.0]]), np.array([[True, False]] * 2)
    np.testing.assert_allclose(
        interpolation_codes(mean, gates),
        interpolation_codes(mean, gates, switch=True),
        atol=1e-15,
    )


def test_bad_input():
    with pytest.raises(ValueError, match=r"z must have shape \[n, latent_dim\]"):
        interpretation_codes(np.zeros(3))
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"got shape \(1, 3\) and 0.8"):
        conditional_codes(rng, np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"got shape \(3,\) and -1"):
        conditional_codes(rng, np.zeros(3), fraction=-1)
    with pytest.raises(ValueError, match=r"got \(3, 4\) and \(3, 4\)"):
        interpolation_codes(np.zeros((3, 4)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="at least 2, got 1"):
        interpolation_codes(np.zeros((2, 4)), np.zeros((2, 4)), num_frames=1)
