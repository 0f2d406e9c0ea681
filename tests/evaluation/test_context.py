import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from linear_model import LinearAutoencoder, LinearModel

from vsc_jax.evaluation import Context, encoder_codes
from vsc_jax.metrics import NotApplicable


@pytest.mark.parametrize("batch_size", [7, 68, 500])
def test_rows_come_in_the_order_asked_for(params, dataset, batch_size):
    model = LinearModel(spike=True)
    rows = dataset.test_indices[:68]
    context = Context(model, params, dataset, batch_size=batch_size)
    encoded = context.encode(rows)
    x = jnp.asarray(dataset.decode(rows))
    posterior = jax.jit(model.encode)(params, x)
    for name in ("mean", "log_var", "slab_logits", "slab_prob", "expected_code"):
        np.testing.assert_allclose(
            getattr(encoded, name), getattr(posterior, name), atol=1e-5
        )
    assert encoded.has_spike
    assert encoded.one_hots.shape == encoded.categories.shape == (len(rows), 0)
    assert all(type(a) is np.ndarray for a in jax.tree.leaves(encoded))
    np.testing.assert_array_equal(encoded.expected_code, encoded.expected_latents)
    kl = jax.jit(model.kl_per_latent)(params, x, posterior, context.weights)
    assert encoded.kl is not None
    assert set(encoded.kl) == set(kl)
    for name, term in kl.items():
        np.testing.assert_allclose(encoded.kl[name], term, atol=1e-5)
    # What the model takes in place of a second pass through the encoder.
    jax.tree.map(
        lambda one, two: np.testing.assert_allclose(one, two, atol=1e-5),
        encoded.posterior,
        posterior,
    )


def test_categories_follow_the_latents(mixed_model, mixed_params, dataset):
    rows = dataset.test_indices
    context = Context(mixed_model, mixed_params, dataset, batch_size=20)
    encoded = context.encode(rows)
    posterior = mixed_model.encode(mixed_params, jnp.asarray(dataset.decode(rows)))
    np.testing.assert_array_equal(encoded.categories, posterior.categories)
    assert encoded.categories.dtype == np.int32
    assert (encoded.categories.std(axis=0) > 0).all()
    np.testing.assert_array_equal(
        encoded.one_hots,
        np.hstack(
            [np.eye(3)[encoded.categories[:, 0]], np.eye(2)[encoded.categories[:, 1]]]
        ),
    )
    assert encoded.expected_latents.shape == (len(rows), 4)
    np.testing.assert_allclose(
        encoded.expected_code, posterior.expected_code, atol=1e-5
    )
    assert encoded.expected_code.dtype == np.float32


def test_deterministic_code_has_neither_variance_nor_kl(params, dataset):
    encoded = Context(LinearAutoencoder(), params, dataset).encode(dataset.test_indices)
    assert encoded.log_var is None
    assert encoded.slab_logits is None
    assert encoded.kl is None
    assert not encoded.has_spike
    assert (encoded.slab_prob == 1).all()


def test_each_image_is_encoded_once_and_by_one_program(params, dataset):
    traces, seen = [], []

    @dataclasses.dataclass(frozen=True)
    class Counting(LinearModel):
        def encode(self, params, x):
            traces.append(x.shape)
            jax.debug.callback(lambda x: seen.append(len(x)), x)
            return super().encode(params, x)

    context = Context(Counting(), params, dataset, batch_size=20)
    rows = dataset.test_indices
    first = context.encode(rows[:30])
    again = context.encode(rows[29:9:-1])
    more = context.encode(np.concatenate([rows[:5], rows[25:60], rows[:5]]))
    jax.effects_barrier()
    assert traces == [(20, 6, 5, 1)]
    # Of 30 rows, none, and 30 that are new: each padded to twice 20.
    assert seen == [20] * 4
    np.testing.assert_array_equal(again.mean, first.mean[29:9:-1])
    np.testing.assert_array_equal(more.mean[:5], first.mean[:5])
    np.testing.assert_array_equal(more.mean[-5:], first.mean[:5])
    np.testing.assert_array_equal(more.mean[5:10], first.mean[25:])
    assert len(more.mean) == 45


def test_packed_images(model, params, dataset):
    bits = (dataset.images > 128).astype(np.uint8)
    packed = dataclasses.replace(
        dataset,
        images=np.packbits(bits.reshape(len(bits), -1), axis=1),
        format=dataclasses.replace(dataset.format, packed=True),
    )
    plain = dataclasses.replace(dataset, images=255 * bits)
    codes = [
        Context(model, params, data).encode(data.test_indices).mean
        for data in (packed, plain)
    ]
    np.testing.assert_allclose(*codes, atol=1e-6)


def test_draws_are_those_of_the_model_batch_by_batch(mixed_model, dataset):
    params = mixed_model.init(jax.random.key(0))
    context = Context(mixed_model, params, dataset, batch_size=20)
    rows, key = dataset.test_indices[:37], jax.random.key(3)
    z = context.sample_posterior(context.encode(rows), key)
    assert z.shape == (37, mixed_model.code_dim)
    posterior = context.encode(rows[20:]).posterior
    padded = jax.tree.map(
        lambda a: jnp.concatenate([a, jnp.repeat(a[:1], 3, axis=0)]), posterior
    )
    expected = mixed_model.sample_posterior(params, padded, jax.random.fold_in(key, 1))
    np.testing.assert_allclose(z[20:], expected[:17], atol=1e-5)
    prior = context.sample_prior(5, key)
    expected = mixed_model.sample_prior(params, key, 5, context.weights)
    np.testing.assert_allclose(prior, expected, atol=1e-6)


def test_codes_of_any_shape_are_decoded(model, params, dataset):
    context = Context(model, params, dataset)
    z = np.random.default_rng(0).normal(size=(3, 50, 4))
    images = context.decode(z)
    assert images.shape == (3, 50, 6, 5, 1)
    expected = model.decode(params, jnp.asarray(z[2, 10:12], jnp.float32))
    np.testing.assert_allclose(images[2, 10:12], expected, atol=1e-5)


def test_what_a_model_cannot_do_has_a_reason(params, dataset):
    context = Context(LinearAutoencoder(), params, dataset)
    with pytest.raises(NotApplicable, match="this model has no prior"):
        context.sample_prior(2, jax.random.key(0))

    class Nothing:
        @property
        def default_weights(self):
            return {}

    context = Context(Nothing(), params, dataset)
    with pytest.raises(NotApplicable, match="this model does not encode images"):
        context.encode(dataset.test_indices)
    with pytest.raises(NotApplicable, match="this model has no decoder"):
        context.decode(np.zeros((2, 4)))


def test_what_is_shared_is_computed_once(model, params, dataset):
    calls = []

    def shared(context, number):
        calls.append(number)
        return [number]

    context = Context(model, params, dataset)
    assert context.once(shared, 1) is context.once(shared, 1)
    assert context.once(shared, 2) == [2]
    assert calls == [1, 2]


def test_weights_are_those_of_the_model_if_none_are_given(model, params, dataset):
    weights = Context(model, params, dataset).weights
    assert {name: float(value) for name, value in weights.items()} == {
        "beta": 1.0,
        "prior_slab_prob": 0.25,
    }
    assert all(value.dtype == jnp.float32 for value in weights.values())


def test_bad_input(model, params, dataset):
    context = Context(model, params, dataset)
    for rows in (np.array([], int), np.zeros((2, 2), int)):
        with pytest.raises(ValueError, match="rows must be a non-empty vector"):
            context.encode(rows)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        Context(model, params, dataset, batch_size=0)
    with pytest.raises(ValueError, match="weights lack prior_slab_prob; LinearModel"):
        Context(model, params, dataset, {"beta": 1.0})


def test_codes_of_any_encoder(dataset):
    sizes = []

    def encode(x):
        sizes.append(len(x))
        return x.reshape(len(x), -1)[:, :2]

    rows = dataset.test_indices[:50]
    codes = encoder_codes(encode, dataset, rows, batch_size=20)
    assert sizes == [20, 20, 10]
    np.testing.assert_array_equal(codes.codes, dataset.decode(rows)[:, 0, :2, 0])
    np.testing.assert_array_equal(codes.factors, dataset.factors[rows])
    with pytest.raises(ValueError, match="rows must not be empty"):
        encoder_codes(encode, dataset, rows[:0])
    for wrong, error, message in [
        (lambda x: (encode(x), encode(x)), TypeError, "a tuple of 2; of .* the mean"),
        (lambda x: x, ValueError, r"of shape \[20, latent_dim\] .*, got \(20, "),
        (lambda x: encode(x)[0], ValueError, r"got \(2,\)"),
        (lambda x: encode(x)[1:], ValueError, r"got \(19, 2\)"),
        (lambda x: encode(x).astype(str), TypeError, "return numbers, got dtype <U"),
        (lambda x: encode(x)[:, : len(x) // 10], ValueError, r"each .* got \[1, 2\]"),
    ]:
        with pytest.raises(error, match=message):
            encoder_codes(wrong, dataset, rows, batch_size=20)
    bare = dataclasses.replace(
        dataset,
        factors=None,
        factor_names=(),
        factor_sizes=(),
        label_factor=None,
        category_factor=None,
    )
    found = encoder_codes(encode, bare, rows)
    assert found.factors is None
    np.testing.assert_array_equal(found.codes, codes.codes)
