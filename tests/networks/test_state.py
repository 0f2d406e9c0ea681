import jax
import jax.numpy as jnp
import pytest

from vsc_jax.networks import build_networks, init_params, merge_state, split_state


def test_groups_without_statistics_have_no_state():
    variables = {
        "encoder": {"params": {"kernel": 1}, "batch_stats": {"mean": 2}},
        "decoder": {"params": 3, "batch_stats": 4},
        "prior": {"logits": 5},
        "selector": 6,
    }
    params, state = split_state(variables)
    assert params == {
        "encoder": {"params": {"kernel": 1}},
        "decoder": {"params": 3},
        "prior": {"logits": 5},
        "selector": 6,
    }
    assert state == {
        "encoder": {"batch_stats": {"mean": 2}},
        "decoder": {"batch_stats": 4},
    }
    assert merge_state(params, state) == variables
    assert "batch_stats" in variables["encoder"]


def test_no_statistics_at_all():
    variables = {"encoder": {"params": 1}, "decoder": {"params": 2}}
    assert split_state(variables) == (variables, {})
    assert merge_state(variables, {}) == variables


@pytest.mark.parametrize("kind", ["mlp", "dcgan"])
def test_arrays_are_not_copied(kind):
    encoder, _ = build_networks(
        kind, image_shape=(8, 8, 1), latent_dim=2, channels=(3, 4), hidden=(5,)
    )
    x = jnp.zeros((1, 8, 8, 1))
    variables = {"encoder": init_params(encoder, jax.random.key(0), x)}
    params, state = split_state(variables)
    assert bool(state) == (kind == "dcgan")
    assert set(params["encoder"]) == {"params"}
    merged = merge_state(params, state)
    assert jax.tree.structure(merged) == jax.tree.structure(variables)
    leaves = zip(jax.tree.leaves(merged), jax.tree.leaves(variables), strict=True)
    assert all(a is b for a, b in leaves)
