"""Multi-Entity VAE: the loss from its parts, what it finds, sizes it cannot have."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from vsc_jax.models import (
    Batch,
    BoundsLikelihood,
    DecodesCodes,
    DecodesObjects,
    EncodesImages,
    FindsObjects,
    HasKL,
    MapsKL,
    MultiEntityVAE,
    SamplesPrior,
)

NUM, SIZE = 4, 8
MODEL = MultiEntityVAE(
    (SIZE, SIZE, 2),
    num_slots=2,
    object_dim=3,
    channels=(4,),
    grid_channels=(5,),
    decoder_channels=(6,),
    decoder_kernel=1,
)
X = np.random.default_rng(0).uniform(size=(NUM, SIZE, SIZE, 2)).astype(np.float32)


@functools.cache
def params():
    return jax.jit(MODEL.init)(jax.random.key(0))


@functools.cache
def cells():
    """Mean, log-variance and KL of the cells, in float64."""
    outputs = MODEL.encoder().apply(params()["encoder"], X)
    mean, log_var = (np.asarray(a, np.float64) for a in outputs)
    flat = [a.reshape(NUM, 16, 3) for a in (mean, log_var)]
    kl = np.array(
        [
            [sum(map(oracles.gaussian_kl, *cell)) for cell in zip(*image, strict=True)]
            for image in zip(*flat, strict=True)
        ]
    )
    return *flat, kl


@functools.cache
def chosen():
    return np.argsort(-cells()[2], axis=1)[:, :2]


def composed(z):
    """Means and masks of draws `[NUM, 2, 3]` of the chosen cells, one by one."""
    place = np.stack([chosen() // 4, chosen() % 4], axis=-1)
    place = (2 * place + 1) / 4 - 1
    means, masks = [], []
    for image in range(NUM):
        drawn = MODEL.decoder().apply(
            params()["decoder"],
            jnp.asarray(z[image], jnp.float32),
            jnp.asarray(place[image], jnp.float32),
        )
        drawn = np.asarray(drawn, np.float64)
        powers = np.exp(drawn[..., :1])
        share = powers / (1.0 + powers.sum(axis=0, keepdims=True))
        colors = 1.0 / (1.0 + np.exp(-drawn[..., 1:]))
        behind = MODEL.background * (1.0 - share.sum(axis=0))
        means.append((share * colors).sum(axis=0) + behind)
        masks.append(share[..., 0])
    return np.array(means), np.array(masks)


@pytest.mark.parametrize("kl_scope", ["all", "selected"])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_loss_is_what_its_parts_give(likelihood, kl_scope):
    model = dataclasses.replace(
        MODEL, likelihood=likelihood, kl_scope=kl_scope, likelihood_scale=0.3
    )
    noise = model.noise(jax.random.key(1), NUM)
    mean, log_var, kl = cells()
    rows = np.arange(NUM)[:, None]
    z = mean[rows, chosen()] + np.exp(log_var[rows, chosen()] / 2) * np.asarray(noise)
    means, _ = composed(z)
    if likelihood == "bernoulli":
        values = X * np.log(means) + (1 - X) * np.log(1 - means)
        expected = values.sum(axis=(1, 2, 3))
    else:
        expected = [
            oracles.gaussian_log_likelihood(m, x, 0.3**2)
            for m, x in zip(means, X, strict=True)
        ]
    selected = kl[rows, chosen()].sum(axis=1)
    total = kl.sum(axis=1) if kl_scope == "all" else selected
    loss = jax.jit(model.loss)(params(), Batch(jnp.asarray(X)), noise, {"beta": 0.5})
    metrics = loss.metrics
    assert loss.loss == pytest.approx(np.mean(0.5 * total - expected), rel=1e-4)
    assert metrics["log_likelihood"] == pytest.approx(np.mean(expected), rel=1e-4)
    assert metrics["selected_kl"] == pytest.approx(selected.mean(), rel=1e-4)
    assert metrics["kl"] == pytest.approx(total.mean(), rel=1e-4)
    others = kl.sum() / NUM - selected.mean()
    assert metrics["other_kl"] == pytest.approx(others, rel=1e-4)


def test_what_is_found_is_what_the_chosen_cells_draw():
    mean, _, kl = cells()
    rows = np.arange(NUM)[:, None]
    least = float(np.median(kl[rows, chosen()]))
    model = dataclasses.replace(MODEL, presence_kl=least)
    found = jax.jit(model.find_objects)(params(), X)
    slot_kl = kl[rows, chosen()]
    expected = 1.0 / (1.0 + np.exp(least - slot_kl))
    np.testing.assert_allclose(found.presence, expected, rtol=1e-4)
    assert ((found.presence > 0.5) == (slot_kl > least)).all()
    np.testing.assert_allclose(found.codes, mean[rows, chosen()], rtol=1e-4, atol=1e-5)
    means, masks = composed(mean[rows, chosen()])
    np.testing.assert_allclose(found.masks, masks, rtol=1e-4, atol=1e-6)
    kl_map = jax.jit(model.kl_map)(params(), X)
    np.testing.assert_allclose(kl_map, kl.reshape(NUM, 4, 4), rtol=1e-4)
    code = jax.jit(model.encode)(params(), X).mean
    np.testing.assert_allclose(model.decode(params(), code), means, atol=1e-5)
    # Of untrained slots none has more than a half of a pixel: the middle of the cell.
    assert masks.max() < 0.5
    middles = np.stack([chosen() // 4, chosen() % 4], axis=-1) / 4 + 1 / 8
    np.testing.assert_allclose(found.boxes[..., :2], middles)
    np.testing.assert_array_equal(found.boxes[..., 2:], 0.0)


def test_a_slot_has_its_own_latents():
    code = jax.jit(MODEL.encode)(params(), X).mean
    decode = jax.jit(MODEL.decode)
    # Slots change places: the image stays.
    order = MODEL.slot_latents[::-1].ravel()
    np.testing.assert_allclose(
        decode(params(), code[:, order]), decode(params(), code), atol=1e-6
    )
    assert MODEL.slot_latents.tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    np.testing.assert_array_equal(code[:, [3, 4]] * 4 % 1, 0.0)  # middles of cells


def test_what_it_can_do():
    for capability in (EncodesImages, DecodesCodes, FindsObjects, DecodesObjects):
        assert isinstance(MODEL, capability)
    assert isinstance(MODEL, MapsKL)
    for capability in (BoundsLikelihood, HasKL, SamplesPrior):
        assert not isinstance(MODEL, capability)


def test_the_threshold_is_what_naming_the_cells_costs():
    assert MODEL.least_kl == pytest.approx(np.log(16 / 2))
    assert dataclasses.replace(MODEL, presence_kl=3.0).least_kl == 3.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"image_shape": (9, 8, 1)},
            r"^image_shape must be divisible by 2, .*got 9x8\.",
        ),
        (
            {"channels": (4,) * 4},
            "^image_shape must be divisible by 16, for each of th",
        ),
        (
            {"num_slots": 17},
            "^num_slots must be at most 16, the number of cells, got 17",
        ),
        ({"num_slots": 0}, "^num_slots must be a whole number of at least 1, got 0"),
        ({"presence_kl": 0.0}, "^presence_kl must be above 0, got 0"),
        ({"composition": "max"}, "^composition must be one of softmax, sum, got 'max'"),
        (
            {"kl_scope": "active"},
            "^kl_scope must be one of all, selected, got 'active'",
        ),
        ({"decoder_kernel": 2}, r"^decoder_kernel must be 1 or 3, got 2\."),
    ],
)
def test_sizes_it_cannot_have(options, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(MODEL, **options)
