import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax.evaluation import encode_dataset


@pytest.mark.parametrize("batch_size", [7, 68, 500])
def test_rows_come_in_the_order_of_indices(model, params, dataset, batch_size):
    model = dataclasses.replace(model, spike=True)
    indices = dataset.test_indices[:68]
    encoded = encode_dataset(model, params, dataset, indices, batch_size=batch_size)
    posterior = model.encode(params, jnp.asarray(dataset.decode(indices)))
    np.testing.assert_allclose(encoded.mean, posterior.mean, atol=1e-5)
    np.testing.assert_allclose(encoded.log_var, posterior.log_var, atol=1e-5)
    np.testing.assert_allclose(encoded.slab_prob, posterior.slab_prob, atol=1e-5)
    np.testing.assert_allclose(
        encoded.expected_code, posterior.expected_code, atol=1e-5
    )
    assert encoded.has_spike
    assert encoded.one_hots.shape == (len(indices), 0)
    assert all(type(a) is np.ndarray for a in encoded)
    assert encoded.categories.shape == (len(indices), 0)
    np.testing.assert_array_equal(encoded.expected_code, encoded.expected_latents)


def test_categories_follow_the_latents(mixed_model, mixed_params, dataset):
    indices = dataset.test_indices
    encoded = encode_dataset(mixed_model, mixed_params, dataset, indices, batch_size=20)
    posterior = mixed_model.encode(mixed_params, jnp.asarray(dataset.decode(indices)))
    np.testing.assert_array_equal(encoded.categories, posterior.categories)
    assert encoded.categories.dtype == np.int32
    assert (encoded.categories.std(axis=0) > 0).all()
    np.testing.assert_array_equal(
        encoded.one_hots,
        np.hstack(
            [np.eye(3)[encoded.categories[:, 0]], np.eye(2)[encoded.categories[:, 1]]]
        ),
    )
    assert encoded.expected_latents.shape == (len(indices), 4)
    np.testing.assert_allclose(
        encoded.expected_code, posterior.expected_code, atol=1e-5
    )
    assert encoded.expected_code.dtype == np.float32


def test_deterministic_code_has_no_variance(model, params, dataset):
    model = dataclasses.replace(model, prior=False)
    encoded = encode_dataset(model, params, dataset, dataset.test_indices)
    assert encoded.log_var is None
    assert not encoded.has_spike
    assert (encoded.slab_prob == 1).all()


def test_padded_batches_compile_once(model, params, dataset):
    traces = []

    @dataclasses.dataclass(frozen=True)
    class Counting(type(model)):
        def encode(self, params, x):
            traces.append(x.shape)
            return super().encode(params, x)

    for _ in range(2):
        encode_dataset(Counting(), params, dataset, dataset.test_indices, batch_size=20)
    assert traces == [(20, 6, 5, 1)]


def test_packed_images(model, params, dataset):
    bits = (dataset.images > 128).astype(np.uint8)
    packed = dataclasses.replace(
        dataset,
        images=np.packbits(bits.reshape(len(bits), -1), axis=1),
        format=dataclasses.replace(dataset.format, packed=True),
    )
    plain = dataclasses.replace(dataset, images=255 * bits)
    codes = [
        encode_dataset(model, params, data, data.test_indices).mean
        for data in (packed, plain)
    ]
    np.testing.assert_allclose(*codes, atol=1e-6)


def test_bad_input(model, params, dataset):
    with pytest.raises(ValueError, match="non-empty vector of rows"):
        encode_dataset(model, params, dataset, np.array([], int))
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        encode_dataset(model, params, dataset, dataset.test_indices, batch_size=0)
