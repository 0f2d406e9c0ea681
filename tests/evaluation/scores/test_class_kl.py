"""Factors of some classes alone: in posteriors that are given, and in an N-VAE."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from class_tables import TOTAL, ClassTable, labelled_rows
from table_model import TableModel, tables

from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.evaluation import Context, evaluate
from vsc_jax.models import NVAE, Batch

SIZE = 12
TURNED = (0, 2)  # classes whose images are turned
# Three dots of each class: [class, dot, (right, down)].
DOTS = np.array(
    [
        [[-3, 0], [0, 0], [3, 0]],
        [[-2, -2], [2, -2], [0, 2]],
        [[0, -3], [0, 0], [3, 0]],
        [[-2, -2], [2, 2], [-2, 2]],
    ],
    float,
)


def class_kl(model, params, dataset):
    results = evaluate(Context(model, params, dataset), only=("class_kl",))
    assert results["failed"] == {}
    json.dumps(results, allow_nan=False)
    return results


def test_posteriors_that_are_given():
    labels = np.arange(TOTAL) % 2
    mean = np.zeros((TOTAL, 3))
    mean[:, 0] = 5.0
    mean[labels == 0, 1] = 2.0  # in images of its class
    mean[labels == 0, 2] = 1.0  # in images of another
    found = class_kl(ClassTable(), tables(mean, 0.0), labelled_rows())["class_kl"]
    # KL(N(m, 1) || N(0, 1)) = m^2 / 2.
    np.testing.assert_allclose(found["own_kl"], [[2.0], [0.0]], atol=1e-6)
    assert found["detected"] == [
        {"class": "cat", "latent": 0, "kl": pytest.approx(2.0)}
    ]
    assert (found["num_detected"], found["num_classes_with_factors"]) == (1, 1)
    share = np.mean(labels[labelled_rows().test_indices] == 0)
    assert found["mean_own_kl"] == pytest.approx(2.0 * share)
    assert found["mean_off_kl"] == pytest.approx(0.5 * share)


def test_a_class_without_test_images_has_no_number():
    dataset = labelled_rows(names=())
    labels = np.zeros(TOTAL, int)
    labels[dataset.train_indices] = 1
    dataset = labelled_rows(labels, names=())
    found = class_kl(ClassTable(), tables(1.0, 0.0), dataset)["class_kl"]
    assert found["own_kl"] == [[pytest.approx(0.5)], None]
    assert [factor["class"] for factor in found["detected"]] == ["0"]


def test_models_without_latents_of_a_class():
    params, dataset = tables(0.0, 0.0), labelled_rows()
    for model, why in [
        (TableModel(), "the decoder of this model is given no class"),
        (ClassTable(class_dim=0), "all latents of this model are shared by the class"),
    ]:
        results = class_kl(model, params, dataset)
        assert results["skipped"]["class_kl"].startswith(why)
        assert "class_kl" not in results


def dots(num=2_500):
    """Dots that move up and down in all classes, and turn in some of them."""
    rng = np.random.default_rng(0)
    labels = rng.integers(len(DOTS), size=num)
    angle = np.where(np.isin(labels, TURNED), rng.uniform(-0.7, 0.7, num), 0.0)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, y = np.moveaxis(DOTS[labels], -1, 0)
    right, down = cos * x - sin * y, sin * x + cos * y
    down += rng.uniform(-1.5, 1.5, num)[:, None]
    pixels = np.arange(SIZE) - (SIZE - 1) / 2
    distance = (pixels[None, None, :, None] - down[..., None, None]) ** 2
    distance = distance + (pixels[None, None, None] - right[..., None, None]) ** 2
    images = np.exp(-0.5 * distance).max(axis=1)[..., None]
    return Dataset(
        name="dots",
        images=np.round(255 * images).astype(np.uint8),
        format=ImageFormat((SIZE, SIZE, 1)),
        train_indices=np.arange(num - 500),
        test_indices=np.arange(num - 500, num),
        factors=labels[:, None].astype(np.int32),
        factor_names=("label",),
        factor_sizes=(len(DOTS),),
        label_factor="label",
    )


def train(model, dataset, num_steps=1_600):
    """Adam; blocks are dear at first, so that what all classes have is shared."""
    rows = dataset.train_indices
    x = jnp.asarray(dataset.decode(rows))
    factors = jnp.asarray(dataset.factors[rows])
    optimizer = optax.adam(3e-3)

    def step(carry, now):
        params, state = carry
        key, class_beta = now
        key_rows, key_noise = jax.random.split(key)
        batch = jax.random.randint(key_rows, (64,), 0, len(x))
        weights = {"beta": 1.0, "label_weight": 1.0, "class_beta": class_beta}

        def loss(params):
            noise = model.noise(key_noise, 64)
            return model.loss(
                params, Batch(x[batch], factors[batch]), noise, weights
            ).loss

        updates, state = optimizer.update(jax.grad(loss)(params), state)
        return (optax.apply_updates(params, updates), state), None

    @jax.jit
    def run(params):
        keys = jax.random.split(jax.random.key(1), num_steps)
        class_beta = jnp.where(jnp.arange(num_steps) < 400, 5.0, 1.1)
        start = (params, optimizer.init(params))
        return jax.lax.scan(step, start, (keys, class_beta))[0][0]

    return run(model.init(jax.random.key(0)))


def test_a_rotation_of_some_classes_is_found_there_and_not_elsewhere():
    """One shared latent, which the move of all classes takes; the rest is their own."""
    model = NVAE(
        image_shape=(SIZE, SIZE, 1),
        hidden=(64,),
        num_classes=len(DOTS),
        shared_dim=1,
        class_dim=1,
    )
    dataset = dots()
    found = class_kl(model, train(model, dataset), dataset)["class_kl"]
    own = np.array(found["own_kl"])[:, 0]
    # Over 8 trainings at least 0.6 in these, and at most 0.001 in the others.
    turned = np.isin(np.arange(len(DOTS)), TURNED)
    assert (own[turned] > 0.3).all()
    assert (own[~turned] < 0.03).all()
    assert {factor["class"] for factor in found["detected"]} == {"0", "2"}
    assert found["mean_off_kl"] < 0.03
