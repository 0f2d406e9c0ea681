import numpy as np
import pytest

from vsc_jax.metrics import NotApplicable, few_label_probe, neighbour_probe

RNG = np.random.default_rng(0)


def votes(train_x, train_y, test_x, num):
    """The most frequent label among the nearest rows, the slow way."""
    answers = []
    for x in test_x:
        nearest = np.argsort(((train_x - x[None]) ** 2).sum(axis=1))[:num]
        answers.append(np.bincount(train_y[nearest]).argmax())
    return np.array(answers)


@pytest.mark.parametrize("num", [1, 5, 9])
def test_against_all_distances(num):
    train, test = RNG.normal(size=(80, 3)), RNG.normal(size=(60, 3))
    train_y, test_y = RNG.integers(3, size=80), RNG.integers(3, size=60)
    train[np.arange(80), train_y] += 1.5
    test[np.arange(60), test_y] += 1.5
    scores = neighbour_probe(train, train_y, test, test_y, num_neighbours=num)
    expected = np.mean(votes(train, train_y, test, num) == test_y)
    assert 0.4 < expected < 1.0
    assert scores["accuracy"] == pytest.approx(expected)
    most = np.bincount(train_y).argmax()
    assert scores["majority_accuracy"] == pytest.approx(np.mean(test_y == most))


def test_a_class_around_another_is_found_where_no_line_parts_them():
    angle, labels = RNG.uniform(0, 2 * np.pi, 800), np.arange(800) % 2
    codes = (1.0 + 2.0 * labels)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    parts = codes[:400], labels[:400], codes[400:], labels[400:]
    assert neighbour_probe(*parts)["accuracy"] == 1.0
    assert few_label_probe(*parts)["accuracy"] < 0.65


def test_a_latent_that_hardly_varies_counts_little():
    codes, labels = RNG.normal(size=(400, 2)), np.arange(400) % 2
    codes[:, 0] = 3.0 * labels
    codes[:, 1] *= 1e-3
    parts = codes[:200], labels[:200], codes[200:], labels[200:]
    assert neighbour_probe(*parts)["accuracy"] == 1.0


def test_few_rows_and_bad_input():
    codes, labels = np.array([[0.0], [1.0], [1.1]]), [0, 1, 1]
    # All three vote.
    assert neighbour_probe(codes, labels, codes, labels)["accuracy"] == pytest.approx(
        2 / 3
    )
    with pytest.raises(NotApplicable, match="the 3 training labels are all 4, so"):
        neighbour_probe(codes, [4] * 3, codes, labels)
    with pytest.raises(ValueError, match="test_codes must have 1 columns like train"):
        neighbour_probe(codes, labels, np.zeros((3, 2)), labels)
    with pytest.raises(ValueError, match="num_neighbours must be a whole number of at"):
        neighbour_probe(codes, labels, codes, labels, num_neighbours=0)
