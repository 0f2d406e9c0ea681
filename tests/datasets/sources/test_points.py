"""Points in the plane: their shape, their numbers, the split."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.datasets import ImageFormat, load_dataset, pinwheel, spirals

NAMES = ("pinwheel", "spirals")
NUM_ARMS = {"pinwheel": 4, "spirals": 2}
DRAW = {"pinwheel": pinwheel, "spirals": spirals}


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_pinwheel_without_spread_is_a_point_per_arm():
    # f = (1, 0), turned clockwise by 2 pi k / 4 + e / 4.
    points, arms = pinwheel(rng(), 1, radial_stddev=0.0, tangential_stddev=0.0)
    angle = -(np.pi / 2 * np.arange(4) + 0.25 * np.e)
    np.testing.assert_array_equal(arms, np.arange(4))
    np.testing.assert_allclose(
        points, np.stack([np.cos(angle), np.sin(angle)], 1), atol=1e-6
    )


def test_pinwheel_is_the_rotation_of_the_authors_row_by_row():
    features = rng(3).standard_normal((40, 2)) * [0.4, 0.2] + [1.0, 0.0]
    points, arms = pinwheel(
        rng(3), 8, num_arms=5, radial_stddev=0.4, tangential_stddev=0.2, rate=0.7
    )
    for f, arm, point in zip(features, arms, points, strict=True):
        angle = 2 * np.pi * arm / 5 + 0.7 * np.exp(f[0])
        rotation = np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        )
        np.testing.assert_allclose(point, f @ rotation, atol=1e-6)


def test_pinwheel_has_known_range_and_spread_and_turns_into_itself():
    points, arms = pinwheel(rng(), 20_000)
    assert points.dtype == np.float32
    assert arms.dtype == np.int32
    # E|f|^2 = 1 + 0.3^2 + 0.1^2 does not change when f is turned.
    assert (points.astype(np.float64) ** 2).sum(1).mean() == pytest.approx(
        1.1, abs=0.01
    )
    np.testing.assert_allclose(points.std(axis=0), np.sqrt(1.1 / 2), atol=0.01)
    np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=0.01)
    # Each arm is the one before, turned clockwise by a right angle.
    means = np.stack([points[arms == arm].mean(axis=0) for arm in range(4)])
    turned = np.stack([means[:, 1], -means[:, 0]], axis=1)
    np.testing.assert_allclose(np.roll(means, -1, axis=0), turned, atol=0.02)
    small, _ = pinwheel(rng(1))
    assert 1.5 < np.abs(small).max() < 2.1


def test_the_spread_of_a_pinwheel_is_larger_along_an_arm():
    points, arms = pinwheel(rng(), 5_000, rate=0.0)
    # Without a twist arm 0 points to the right.
    np.testing.assert_allclose(points[arms == 0].std(axis=0), [0.3, 0.1], rtol=0.05)


def test_spirals_without_noise_lie_on_their_curves():
    points, arms = spirals(rng(), 500, noise_stddev=0.0)
    x, y = points.astype(np.float64).T
    radius = np.hypot(x, y)
    assert 1.7 < radius.max() < 1.8
    angle = 2 * np.pi * (arms / 2 + 1.5 * radius / 1.8)
    np.testing.assert_allclose(x, radius * np.cos(angle), atol=1e-5)
    np.testing.assert_allclose(y, radius * np.sin(angle), atol=1e-5)
    # Half of the points lie in the inner half of the disc.
    assert np.median(radius) == pytest.approx(1.8 / np.sqrt(2), abs=0.05)


def test_spirals_have_the_noise_and_the_range_that_was_asked_for():
    clean, _ = spirals(rng(), 5_000, noise_stddev=0.0)
    noisy, _ = spirals(rng(), 5_000)
    np.testing.assert_allclose((noisy - clean).std(axis=0), 0.05, rtol=0.05)
    assert 1.7 < np.abs(noisy).max() < 2.1


@pytest.mark.parametrize("name", NAMES)
def test_the_data_set_has_two_splits_of_400_with_all_arms_alike(name):
    dataset = load_dataset(name)
    num_arms = NUM_ARMS[name]
    assert dataset.images.shape == (800, 1, 2, 1)
    assert dataset.images.dtype == np.float32
    assert dataset.image_shape == (1, 2, 1)
    assert dataset.factor_names == ("arm",)
    assert dataset.label_factor is None
    assert dataset.category_factor is None
    assert dataset.factor_sizes == (num_arms,)
    assert dataset.factors.dtype == np.int32
    for indices in (dataset.train_indices, dataset.test_indices):
        assert indices.dtype == np.int32
        counts = np.bincount(dataset.factors[indices, 0])
        assert counts.tolist() == [400 // num_arms] * num_arms
    both = np.concatenate([dataset.train_indices, dataset.test_indices])
    np.testing.assert_array_equal(np.sort(both), np.arange(800))
    assert len(np.unique(dataset.images.reshape(800, 2), axis=0)) == 800
    assert 1.5 < np.abs(dataset.images).max() < 2.2


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_gives_the_points(name):
    one, two, other = (load_dataset(name, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.images, two.images)
    assert np.isclose(one.images, other.images).mean() < 0.01
    expected, arms = DRAW[name](rng([5, 1]))
    test = one.test_indices
    np.testing.assert_array_equal(one.images[test].reshape(-1, 2), expected)
    np.testing.assert_array_equal(one.factors[test, 0], arms)


@pytest.mark.parametrize("name", NAMES)
def test_a_smaller_split_is_a_prefix_with_all_arms(name):
    full, small = load_dataset(name), load_dataset(name, num_train=40, num_test=20)
    assert len(small.images) == 60
    for split, num in (("train_indices", 40), ("test_indices", 20)):
        rows, kept = getattr(full, split)[:num], getattr(small, split)
        np.testing.assert_array_equal(full.images[rows], small.images[kept])
        np.testing.assert_array_equal(full.factors[rows], small.factors[kept])
        assert len(np.unique(np.bincount(small.factors[kept, 0]))) == 1


@pytest.mark.parametrize("name", NAMES)
def test_decoding_gives_the_points_as_they_are(name):
    dataset = load_dataset(name)
    x = dataset.decode(np.array([700, 3]))
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, dataset.images[[700, 3]])
    assert x.min() < 0.0
    decode = jax.jit(dataset.format.decode)
    np.testing.assert_array_equal(decode(jnp.asarray(dataset.images)), dataset.images)


@pytest.mark.parametrize("name", NAMES)
def test_what_belongs_to_images_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} has points.*image_size.*got 32"):
        load_dataset(name, image_size=32)
    with pytest.raises(ValueError, match=f"{name} has points.*channels.*got 1"):
        load_dataset(name, channels=1)
    for normalization in ("mean_norm", "unit_norm"):
        with pytest.raises(ValueError, match=f"must be none, got '{normalization}'"):
            load_dataset(name, normalization=normalization)
    with pytest.raises(ValueError, match=rf"num_train of {name}.*1\.\.400, got 401"):
        load_dataset(name, num_train=401)
    with pytest.raises(ValueError, match=rf"num_test of {name}.*1\.\.400, got 0"):
        load_dataset(name, num_test=0)


@pytest.mark.parametrize(
    "options", [{"packed": True}, {"unit_norm": True}, {"divisor": 2.0}]
)
def test_a_format_of_points_takes_nothing_else(options):
    with pytest.raises(ValueError, match="points are taken as they are"):
        ImageFormat((1, 2, 1), points=True, **options)


def test_bad_numbers_are_refused():
    with pytest.raises(ValueError, match="num_per_arm must be at least 1, got 0"):
        pinwheel(rng(), 0)
    with pytest.raises(ValueError, match="num_arms must be at least 1, got -1"):
        spirals(rng(), num_arms=-1)
    with pytest.raises(ValueError, match="radial_stddev must not be negative, got -1"):
        pinwheel(rng(), radial_stddev=-1)
    with pytest.raises(ValueError, match="noise_stddev must not be negative, got nan"):
        spirals(rng(), noise_stddev=float("nan"))
