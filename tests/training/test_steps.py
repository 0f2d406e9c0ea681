import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.training import StepInputs, TrainState
from vsc_jax.training._steps import run_steps


def run(losses, num_steps, **metrics):
    """Steps that add 1 to the parameter and report these losses."""

    def step(state, inputs):
        state = state._replace(step=state.step + 1, params=state.params + 1.0)
        logged = {"loss": inputs.learning_rate, "grad_norm": jnp.float32(2.0)}
        for name, values in metrics.items():
            logged[name] = jnp.float32(values)[state.step - 8]
        return state, logged

    num = len(losses)
    inputs = StepInputs(
        indices=np.zeros((num, 1), np.int32),
        learning_rate=np.array(losses, np.float32),
        reset_moments=np.zeros(num, bool),
        weights={},
    )
    state = TrainState(
        step=jnp.int32(7),
        params=jnp.float32(0.0),
        model_state={},
        opt_state={},
        key=jax.random.key(0),
    )
    return jax.jit(run_steps, static_argnums=0)(step, state, inputs, num_steps)


def test_as_many_steps_as_asked_for():
    chunk = run([1.0, 2.0, 6.0, 100.0], 3)
    assert (int(chunk.num_steps), int(chunk.state.step)) == (3, 10)
    assert chunk.state.params == 3.0
    assert chunk.mean == {"loss": 3.0, "grad_norm": 2.0}
    assert chunk.last["loss"] == 6.0
    assert chunk.sound


def test_it_stops_after_the_first_step_that_is_not_finite():
    chunk = run([1.0, np.nan, 3.0, 4.0], 4)
    assert int(chunk.num_steps) == 2
    assert np.isnan(chunk.last["loss"])
    assert not chunk.sound


def test_it_stops_after_the_first_step_that_is_not_certified():
    chunk = run([1.0, 1.0, 1.0], 3, certified=[1.0, 0.0, 1.0])
    assert int(chunk.num_steps) == 2
    assert not chunk.sound
    assert run([1.0, 1.0], 2, certified=[1.0, 1.0]).sound


def test_the_losses_of_all_players_are_watched():
    chunk = run([1.0, 1.0, 1.0], 3, critic_loss=[1.0, np.inf, 1.0])
    assert int(chunk.num_steps) == 2
    assert not chunk.sound


def test_vectors_are_averaged_entry_by_entry():
    chunk = run([1.0, 1.0], 2, kl_per_latent=[[1.0, 2.0], [3.0, 6.0]])
    np.testing.assert_allclose(chunk.mean["kl_per_latent"], [2.0, 4.0])


def test_a_loss_of_each_pixel_may_be_among_the_metrics():
    pixels = [[1.0, 2.0], [1.0, np.inf], [3.0, 4.0]]
    chunk = run([1.0, 1.0, 1.0], 3, pixel_loss=pixels)
    assert int(chunk.num_steps) == 2
    assert not chunk.sound
