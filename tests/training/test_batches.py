import numpy as np
import pytest

from vsc_jax.training import batch_indices


def epoch_of(seed, epoch, *, num_examples=50, batch_size=16):
    per_epoch = num_examples // batch_size
    return np.concatenate(
        [
            batch_indices(
                epoch * per_epoch + i,
                num_examples=num_examples,
                batch_size=batch_size,
                seed=seed,
            )
            for i in range(per_epoch)
        ]
    )


def test_an_epoch_takes_no_example_twice():
    rows = epoch_of(seed=0, epoch=3)
    assert rows.shape == (48,)
    assert len(set(rows)) == 48
    assert set(rows) <= set(range(50))


def test_the_order_depends_on_seed_and_epoch_alone():
    np.testing.assert_array_equal(epoch_of(0, 1), epoch_of(0, 1))
    assert not np.array_equal(epoch_of(0, 1), epoch_of(0, 2))
    assert not np.array_equal(epoch_of(0, 1), epoch_of(1, 1))


def test_every_example_is_drawn_equally_often_over_epochs():
    counts = np.bincount(np.concatenate([epoch_of(0, e) for e in range(300)]))
    # Each is left out of an epoch with probability 2 / 50.
    error = np.sqrt(300 * 0.04 * 0.96)
    assert np.abs(counts - 300 * 0.96).max() < 4.5 * error


def test_without_shuffling_batches_follow_one_another_and_wrap():
    rows = [
        batch_indices(s, num_examples=5, batch_size=3, seed=0, shuffle=False)
        for s in range(3)
    ]
    np.testing.assert_array_equal(np.concatenate(rows), [0, 1, 2, 3, 4, 0, 1, 2, 3])


def test_too_few_examples():
    with pytest.raises(
        ValueError, match=r"at most the number of training images, 4.*8"
    ):
        batch_indices(0, num_examples=4, batch_size=8, seed=0)
