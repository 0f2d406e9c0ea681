"""InfoGAN-CR: pairs of codes, the regulariser from its formula, who moves what."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import pair, tiny_dataset, tiny_model

from vsc_jax.models import Batch

NUM = 12
OPTIONS = {"num_codes": 2, "noise_dim": 3, "category_sizes": (4,), "hidden": (9,)}
WEIGHTS = {
    "category_weight": 0.7,
    "code_weight": 0.3,
    "contrastive_weight": 2.0,
    "contrastive_gap": 0.4,
}


@functools.cache
def model_of():
    return tiny_model("infogan_cr", **OPTIONS)


@functools.cache
def params_of():
    return jax.jit(model_of().init)(jax.random.key(1))


def batch_and_noise(num=NUM):
    x = jnp.asarray(tiny_dataset().decode(np.arange(num)))
    return Batch(x), model_of().noise(jax.random.key(2), num)


@pytest.mark.parametrize("gap", [0.0, 0.4, 1.9])
def test_pairs_share_one_code_and_the_noise(gap):
    model, num = model_of(), 4000
    noise = model.noise(jax.random.key(3), num)
    a, b = (np.asarray(c) for c in model.pair_codes(noise, gap))
    shared = np.asarray(noise.shared)
    np.testing.assert_array_equal(shared.sum(-1), 1.0)
    assert np.abs(shared.mean(0) - 1 / 3).max() < 0.04
    np.testing.assert_array_equal(a[:, 2:5], b[:, 2:5])
    for j in range(2):
        is_shared = shared[:, j] > 0
        np.testing.assert_array_equal(a[is_shared, j], b[is_shared, j])
        distance = np.abs(a - b)[~is_shared, j]
        assert distance.min() >= gap - 1e-5
        # That of two uniform numbers, a third of the range that they have, and the gap.
        assert distance.mean() == pytest.approx(gap + (2 - gap) / 3, abs=0.04)
    assert np.abs(np.stack([a, b])[..., :5]).max() <= 1.0 + 1e-6
    assert a[:, 0].mean() == pytest.approx(0.0, abs=0.06)
    one, other = a[:, 5:].argmax(-1), b[:, 5:].argmax(-1)
    is_shared = shared[:, 2] > 0
    np.testing.assert_array_equal(one[is_shared], other[is_shared])
    assert (one == other)[~is_shared].mean() == pytest.approx(1 / 4, abs=0.04)


def test_losses_from_their_formulas():
    model, params = model_of(), params_of()
    batch, noise = batch_and_noise()

    @jax.jit
    def logits_of(params):
        images = [
            model.generate(params, c, lambda a: a)[0]
            for c in model.pair_codes(noise, 0.4)
        ]
        return model.pair_discriminator().apply(params["contrastive"], *images)

    logits = np.asarray(logits_of(params), np.float64)
    prob = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = -np.log((prob * np.asarray(noise.shared)).sum(-1)).mean()
    loss, metrics = pair(model.contrastive_loss)(params, batch, noise, WEIGHTS)
    assert loss == pytest.approx(expected, rel=1e-4)
    right = logits.argmax(-1) == np.asarray(noise.shared).argmax(-1)
    assert metrics["contrastive_accuracy"] == pytest.approx(right.mean())
    with_it, without = (
        pair(model.generator_loss)(
            params, batch, noise, WEIGHTS | {"contrastive_weight": weight}
        )[0]
        for weight in (2.0, 0.0)
    )
    assert with_it - without == pytest.approx(2.0 * expected, rel=1e-3)


def test_without_the_regulariser_it_is_infogan():
    model, params = model_of(), params_of()
    batch, noise = batch_and_noise()
    plain = tiny_model("infogan", **OPTIONS)
    weights = {name: WEIGHTS[name] for name in plain.default_weights}
    off = WEIGHTS | {"contrastive_weight": 0.0}
    codes = plain.noise(jax.random.key(0), NUM)._replace(
        discriminator=noise.discriminator, generator=noise.generator
    )
    for name in ("loss", "generator_loss"):
        expected = getattr(plain, name)(params, batch, codes, weights)
        output = getattr(model, name)(params, batch, noise, off)
        assert output.loss == pytest.approx(float(expected.loss), rel=1e-6)


def test_players_move_and_reach_their_own_parts_alone():
    model, params = model_of(), params_of()
    batch, noise = batch_and_noise()
    groups = {player.name: player.groups for player in model.players}
    assert groups == {
        "discriminator": ("discriminator", "posterior"),
        "contrastive": ("contrastive",),
        "generator": ("generator",),
    }
    for player in model.players:
        gradient, _ = jax.jit(jax.grad(pair(player.loss), has_aux=True))(
            params, batch, noise, WEIGHTS
        )
        for group, variables in gradient.items():
            leaves = jax.tree.leaves(variables["params"])
            largest = [float(jnp.abs(leaf).max()) for leaf in leaves]
            if group in groups[player.name]:
                assert min(largest) > 0.0, (player.name, group)
            else:
                assert set(largest) == {0.0}, (player.name, group)


def test_the_weights_of_the_regulariser_have_ranges():
    fields = model_of().weight_fields
    fields["contrastive_weight"].range.check("contrastive_weight", 0.0)
    with pytest.raises(ValueError, match="contrastive_gap must be at least 0 and at m"):
        fields["contrastive_gap"].range.check("contrastive_gap", 2.5)
    assert math.isclose(model_of().default_weights["code_weight"], 0.05)
