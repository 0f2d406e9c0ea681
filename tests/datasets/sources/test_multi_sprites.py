"""No, one or two coloured sprites: counts, places, colours and pixels of each."""

import numpy as np
import pytest

from vsc_jax.datasets import load_dataset, render_sprites
from vsc_jax.datasets.sources._multi_sprites import _patches
from vsc_jax.datasets.sources._sprites import inside_sprite

NUM = 600
COLORS = np.array(
    [
        *([1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]),
        *([1, 1, 0], [1, 0, 1], [0, 1, 1]),
    ]
)


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("multi_sprites", num_train=NUM, num_test=20)


@pytest.fixture(scope="module")
def masks(dataset):
    return dataset.objects.masks(np.arange(NUM))


def slot(dataset, name):
    """The factor of both slots, `[NUM, 2]`."""
    return np.stack([dataset.factor(f"{name}_{k}")[:NUM] for k in (0, 1)], axis=1)


def test_the_factors_count_the_objects(dataset):
    counts = dataset.factor("count")
    assert dataset.label_factor == "count"
    np.testing.assert_array_equal(counts, dataset.objects.counts)
    np.testing.assert_allclose(np.bincount(counts[:NUM]) / NUM, 1 / 3, atol=0.06)
    full = np.arange(2) < counts[:NUM, None]
    np.testing.assert_array_equal(dataset.objects.presence[:NUM], full)
    for name in ("shape", "scale", "orientation", "color", "x", "y"):
        factor = slot(dataset, name)
        np.testing.assert_array_equal(factor > 0, full)
        size = dataset.factor_sizes[dataset.factor_names.index(f"{name}_0")]
        # All values but for a few of the positions come up.
        assert len(np.unique(factor)) > 0.9 * size


def test_an_image_is_the_sum_of_its_objects(dataset, masks):
    colors = COLORS[np.maximum(slot(dataset, "color") - 1, 0)]
    light = np.einsum("nkyx,nkc->nyxc", masks.astype(int), colors)
    np.testing.assert_array_equal(
        dataset.images[:NUM], 255 * np.minimum(light, 1).astype(np.uint8)
    )


def test_the_pixels_of_an_object_are_those_of_its_shape(dataset, masks):
    """From the formulas of dSprites at each pixel's centre."""
    y, x = np.mgrid[:64, :64] + 0.5
    names = ("shape", "scale", "orientation", "x", "y")
    values = np.stack([slot(dataset, name) for name in names], axis=-1) - 1
    for i, k in np.argwhere(dataset.objects.presence[:200]):
        shape, scale, orientation, left, top = values[i, k].tolist()
        # 18 pixels are the diagonal of the square, which is 0.3 long on each side.
        dx, dy = ((0.3 * np.sqrt(2) / 18) * v for v in (x - left - 9, y - top - 9))
        angle, size = 2 * np.pi * orientation / 40, 0.5 + scale / 10
        u = (np.cos(angle) * dx - np.sin(angle) * dy) / size
        w = (np.sin(angle) * dx + np.cos(angle) * dy) / size
        if shape == 0:
            expected = np.maximum(abs(u), abs(w)) < 0.15
        elif shape == 1:
            expected = (u / 0.1995) ** 2 + (w / 0.1127) ** 2 < 1
        else:
            expected = inside_sprite(2, u, w)
        np.testing.assert_array_equal(masks[i, k], expected)


def test_positions_are_the_centres_of_mass_from_left_to_right(dataset, masks):
    # A heart's centre of mass is not the middle of its outline.
    of = dataset.objects.presence[:NUM] & (slot(dataset, "shape") < 3)
    mass = masks.sum(axis=(2, 3))[of]
    for name, axis in (("x", 2), ("y", 3)):
        centre = (masks.sum(axis=axis) @ (np.arange(64) + 0.5))[of] / mass
        np.testing.assert_allclose(slot(dataset, name)[of] - 1 + 9, centre, atol=1e-9)
    x = slot(dataset, "x")[dataset.labels[:NUM] == 2]
    assert (x[:, 0] <= x[:, 1]).all()


def test_sprites_are_whole_in_their_patches():
    """As large as dSprites would draw them at this size, nothing is cut off."""
    patches = _patches()
    assert patches.shape == (3, 6, 40, 18, 18)
    # A unit of length is 18 / (0.3 sqrt(2)) pixels here and 64 there.
    ratio = (18 / (0.3 * np.sqrt(2)) / 64) ** 2
    for shape in range(3):
        factors = np.array([[shape, 5, o, 16, 16] for o in range(39)])
        original = render_sprites(factors).sum(axis=(1, 2)).mean()
        found = patches[shape, 5].sum(axis=(1, 2)).mean()
        assert found == pytest.approx(ratio * original, rel=0.03)


def test_objects_have_half_of_their_pixels_to_themselves(dataset, masks):
    alone = masks & (masks.sum(axis=1, keepdims=True) == 1)
    shares = alone.sum(axis=(2, 3)) / np.maximum(masks.sum(axis=(2, 3)), 1)
    shares = shares[dataset.objects.presence[:NUM]]
    assert 0.5 <= shares.min() < 0.8
    assert (shares < 1).mean() > 0.02


def test_small_images_keep_every_object():
    small = load_dataset("multi_sprites", num_train=NUM, num_test=2, image_size=32)
    large = load_dataset("multi_sprites", num_train=NUM, num_test=2)
    np.testing.assert_array_equal(small.objects.presence, large.objects.presence)
    # An edge is at most a large pixel away.
    np.testing.assert_allclose(small.objects.boxes, large.objects.boxes, atol=2.01 / 32)
    masks = small.objects.masks(np.arange(NUM)).any(axis=1)
    lit = small.images[:NUM].max(axis=-1) >= 127
    assert lit[masks].all()
    # Two objects may make half of a pixel together.
    assert masks[lit].mean() > 0.999


def test_grey_is_refused():
    with pytest.raises(ValueError, match=r"multi_sprites has colours.*got 1\.$"):
        load_dataset("multi_sprites", channels=1)
