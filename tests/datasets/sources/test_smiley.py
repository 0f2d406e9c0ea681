"""Smileys: what each attribute draws, and the distribution of the sources."""

import numpy as np
import pytest

from vsc_jax.datasets import load_dataset, render_smileys


def draw(attributes, values=()):
    present = np.zeros((1, 4), bool)
    present[0, list(attributes)] = True
    v = np.zeros((1, 18))
    for column, value in values:
        v[0, column] = value
    return render_smileys(present, v)[0].astype(int)


def test_each_attribute_changes_its_own_region():
    face = draw([])
    rows, columns = np.mgrid[:32, :32] - 15.5
    np.testing.assert_array_equal(face, rows**2 + columns**2 < 100)
    bow_tie, hat, eyes, mouth = (draw([k]) - face for k in range(4))
    assert bow_tie.min() == 0
    assert bow_tie[26:].sum() == bow_tie.sum() > 20
    assert hat.min() == 0
    assert hat[:8].sum() == hat.sum() > 20
    # Eyes and mouth are holes; the eyes mirror each other, radius 2.
    assert eyes.max() == 0
    assert -eyes[12:16].sum() == -eyes.sum() == 24
    np.testing.assert_array_equal(eyes, eyes[:, ::-1])
    assert mouth.max() == 0
    # 4 x 2 pixels, and two on each side.
    assert -mouth.sum() == 12
    together = draw([0, 1, 2, 3]) - face
    np.testing.assert_array_equal(together, bow_tie + hat + eyes + mouth)


def test_variables_do_what_they_say():
    # Eyes: distance, height, radius.
    eyes = draw([2], [(12, 1.5)])
    assert np.nonzero(draw([]) - draw([2], [(10, 1.0)]))[1].min() == 9
    assert (draw([]) - draw([2], [(11, 1.0)]))[14].sum() == 8
    assert (draw([]) - eyes).sum() > 60
    assert (draw([]) - draw([2], [(12, -2.5)])).sum() == 0
    # Hat: moves by whole pixels; a wider brim.
    hat = draw([1])
    np.testing.assert_array_equal(draw([1], [(4, 1.0)])[:6, 1:], hat[:6, :-1])
    assert draw([1], [(6, 1.0)])[5].sum() == hat[5].sum() + 3
    # Bow-tie: shifted down by one pixel; mouth: corners up by two.
    np.testing.assert_array_equal(draw([0], [(1, 1.0)])[28:], draw([0])[27:-1])
    corners = draw([]) - draw([3], [(17, -2.0)])
    assert corners[:21].sum() == 4


def test_absent_attributes_ignore_their_variables():
    np.testing.assert_array_equal(draw([2], [(0, 1.0), (5, 2.0), (17, 1.0)]), draw([2]))


def test_sources_have_the_stated_distribution():
    dataset = load_dataset("smiley")
    assert dataset.images.shape == (80_000, 128)
    assert len(dataset.train_indices) == 60_000
    assert len(dataset.test_indices) == 20_000
    present, sources = dataset.factors, dataset.sources
    assert present.shape == (80_000, 4)
    assert sources.shape == (80_000, 18)
    assert sources.dtype == np.float32
    assert dataset.source_names[0] == "bow_tie_0"
    assert dataset.source_names[-1] == "mouth_4"
    # A source is zero exactly where its attribute is absent.
    bits = np.repeat(present, (4, 6, 3, 5), axis=1)
    np.testing.assert_array_equal(sources != 0, bits == 1)
    # Five standard errors: sqrt(.25 / 80,000) and .5 / sqrt(2 * 40,000).
    np.testing.assert_allclose(present.mean(axis=0), 0.5, atol=5 * 0.00177)
    stddev = np.array([sources[bits[:, k] == 1, k].std() for k in range(18)])
    np.testing.assert_allclose(stddev, 0.5, atol=5 * 0.00177)
    means = sources.sum(axis=0) / bits.sum(axis=0)
    np.testing.assert_allclose(means, 0.0, atol=5 * 0.0025)
    # The published test set has a mean pixel of .3356 with a bow-tie of its own.
    pixel = np.unpackbits(dataset.images[dataset.test_indices]).mean()
    assert 0.32 < pixel < 0.345


def test_a_smaller_set_is_a_prefix_and_seeds_differ():
    large = load_dataset("smiley", num_train=300, num_test=200)
    small = load_dataset("smiley", num_train=50, num_test=20)
    np.testing.assert_array_equal(
        small.images[small.train_indices], large.images[large.train_indices[:50]]
    )
    np.testing.assert_array_equal(
        small.sources[small.test_indices], large.sources[large.test_indices[:20]]
    )
    other = load_dataset("smiley", num_train=50, num_test=20, seed=1)
    assert not np.array_equal(other.images, small.images)
    # The stored bits are the drawing of the stored sources.
    drawn = render_smileys(small.factors == 1, small.sources)
    np.testing.assert_array_equal(small.decode(np.arange(70))[..., 0], drawn)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"\[n, 4\].*\(2, 3\)"):
        render_smileys(np.zeros((2, 3), bool), np.zeros((2, 18)))
    with pytest.raises(ValueError, match=r"32x32.*image_size=64"):
        load_dataset("smiley", image_size=64)
    with pytest.raises(ValueError, match="channels must be 1"):
        load_dataset("smiley", channels=3)
