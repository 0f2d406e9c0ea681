"""The small classifiers: they learn, and many at once are those of one at a time."""

import jax
import numpy as np
import pytest

from experiments import _small_classifiers
from experiments._small_classifiers import Images, error_rates, train_classifiers

RNG = np.random.default_rng(0)


def bars(num):
    """Upright bars, and level ones."""
    labels = np.arange(num) % 2
    x = 0.2 * RNG.random((num, 8, 8, 1), np.float32)
    for image, label, place in zip(x, labels, RNG.integers(0, 8, num), strict=True):
        if label:
            image[place] = 1.0
        else:
            image[:, place] = 1.0
    return Images(x, labels)


TRAIN, TEST = bars(300), bars(64)
TESTS = {"clean": TEST, "labels of the other": Images(TEST.x, 1 - TEST.labels)}


@pytest.fixture(scope="module")
def alone():
    """The parameters of two seeds, trained one after the other."""
    return [
        train_classifiers([TRAIN], [seed], num_classes=2, num_epochs=20)[0]
        for seed in (3, 4)
    ]


def test_a_classifier_learns(alone):
    for params in alone:
        (rates,) = error_rates([params], TESTS, num_classes=2)
        assert rates["clean"] < 0.05
        assert rates["labels of the other"] == pytest.approx(1 - rates["clean"])


def test_it_follows_from_its_seed(alone):
    (again,) = train_classifiers([TRAIN], [3], num_classes=2, num_epochs=20)
    jax.tree.map(np.testing.assert_array_equal, again, alone[0])
    kernels = [jax.tree.leaves(params)[-1] for params in alone]
    assert (kernels[0] != kernels[1]).any()


def test_many_at_once():
    """One epoch, after which roundings have not grown."""
    other = Images(TRAIN.x[::-1], TRAIN.labels[::-1])
    alone = [
        train_classifiers([images], [seed], num_classes=2, num_epochs=1)[0]
        for images, seed in ((TRAIN, 3), (other, 4))
    ]
    together = train_classifiers([TRAIN, other], [3, 4], num_classes=2, num_epochs=1)
    for one, same in zip(alone, together, strict=True):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), one, same
        )
    rates = error_rates(together, TESTS, num_classes=2)
    assert rates == [error_rates([p], TESTS, num_classes=2)[0] for p in together]


@pytest.mark.parametrize(("num", "shape"), [(300, (2, 128)), (100, (1, 100))])
def test_an_epoch_sees_no_image_twice(num, shape):
    orders = list(_small_classifiers._orders(num, 3, seed=0))
    assert len(orders) == 3
    for order in orders:
        assert order.shape == shape
        assert len(np.unique(order)) == order.size
        assert order.max() < num
    assert (orders[0] != orders[1]).any()
