import numpy as np
import pytest
from linear_model import make_dataset

from vsc_jax.evaluation._image_classifier import train_image_classifier


def test_it_knows_images_that_it_has_not_seen():
    dataset = make_dataset()
    images, labels = dataset.decode(np.arange(137)), dataset.labels
    classify = train_image_classifier(images[:70], labels[:70])
    assert np.mean(classify(images[70:]) == labels[70:]) > 0.95
    # The labels of images of another kind are no use.
    wrong = train_image_classifier(images[:70], np.roll(labels, 1)[:70])
    assert np.mean(wrong(images[70:]) == labels[70:]) < 0.6


def test_classes_that_no_line_parts():
    rng = np.random.default_rng(0)
    images, labels = rng.uniform(size=(400, 2, 1, 1)), rng.integers(2, size=400)
    images[:, 1] = np.where(labels[:, None, None], images[:, 0], 1 - images[:, 0])
    far = np.abs(images[:, 0, 0, 0] - 0.5) > 0.1
    classify = train_image_classifier(images[:200], labels[:200])
    assert np.mean((classify(images) == labels)[200:][far[200:]]) > 0.95


@pytest.mark.parametrize("shape", [(6, 2, 2, 1), (40, 16, 16, 3)])
def test_few_images_and_the_same_answers(shape):
    images = np.random.default_rng(0).uniform(size=shape)
    labels = np.arange(len(images)) % 2 * 7
    images[labels == 7] += 2.0
    once, again = (train_image_classifier(images, labels)(images) for _ in range(2))
    np.testing.assert_array_equal(once, labels)
    np.testing.assert_array_equal(again, labels)
