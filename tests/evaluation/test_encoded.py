import numpy as np

from vsc_jax.evaluation import Encoded, join_code

CODES = Encoded(
    mean=np.array([[1.0, 2.0], [3.0, 4.0]], np.float32),
    log_var=None,
    slab_logits=None,
    category_logits=(np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0]], np.float32),),
    slab_prob=np.array([[1.0, 0.5], [1.0, 1.0]], np.float32),
    categories=np.array([[1], [0]], np.int32),
    one_hots=np.array([[0, 1, 0], [1, 0, 0]], np.float32),
    kl=None,
)


def test_the_expected_code():
    np.testing.assert_array_equal(CODES.expected_latents, [[1, 1], [3, 4]])
    expected = [[1, 1, 0, 1, 0], [3, 4, 1, 0, 0]]
    np.testing.assert_array_equal(CODES.expected_code, expected)
    assert CODES.has_spike
    assert not CODES.take(np.array([1])).has_spike


def test_some_of_the_images():
    taken = CODES.take(np.array([1, 1, 0]))
    np.testing.assert_array_equal(taken.mean[:, 0], [3, 3, 1])
    np.testing.assert_array_equal(taken.categories[:, 0], [0, 0, 1])
    assert taken.kl is taken.log_var is None
    np.testing.assert_array_equal(
        taken.posterior.category_logits[0], CODES.category_logits[0][[1, 1, 0]]
    )


def test_one_hots_broadcast_to_the_latents():
    latents = np.zeros((4, 3, 2), np.float32)
    code = join_code(latents, np.array([[1.0], [2.0], [3.0]]))
    assert code.shape == (4, 3, 3)
    assert code.dtype == np.float32
    np.testing.assert_array_equal(code[2, :, 2], [1, 2, 3])
    assert join_code(latents, np.zeros((1, 0))).shape == latents.shape
