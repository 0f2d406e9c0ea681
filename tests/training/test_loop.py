"""The training loop in one process; killed and resumed processes are in test_run.py."""

import math
import os
import signal
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import (
    assert_same,
    pair,
    read_log,
    run_tiny,
    tiny_dataset,
    tiny_model,
    tiny_options,
)

from vsc_jax import training
from vsc_jax.models import Batch
from vsc_jax.training import (
    CheckpointError,
    Checkpoints,
    NonFiniteLossError,
    RunError,
    RunLock,
    Terminated,
    UncertifiedError,
    WorkdirInUseError,
)

pytestmark = pytest.mark.usefixtures("two_devices")


def test_the_loss_falls_and_the_log_has_a_line_per_chunk(tmp_path):
    result = run_tiny(tmp_path, num_steps=60)
    lines = read_log(tmp_path)
    assert [line["step"] for line in lines] == list(range(5, 61, 5))
    for line in lines:
        assert {
            "loss", "elbo", "kl", "log_likelihood", "grad_norm", "steps_per_second",
            "seconds",
        } < line.keys()  # fmt: skip
        assert ("test_loss" in line) == (line["step"] % 10 == 0)
        assert line["loss"] == pytest.approx(-line["elbo"], rel=1e-5)
    assert lines[-1]["loss"] < lines[0]["loss"] - 3.0
    assert lines[-1]["test_loss"] < lines[1]["test_loss"]
    assert int(result.state.step) == 60
    assert result.best_step == 60
    assert 0 < result.first_step_seconds < result.seconds
    assert Checkpoints(tmp_path).steps() == [50, 60]


def test_the_test_loss_is_that_of_the_test_images(tmp_path):
    model, dataset = tiny_model(), tiny_dataset(num_test=16)
    result = run_tiny(tmp_path, model, dataset, num_steps=5)
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), 0x7E57), 0)
    loss, _ = jax.jit(pair(model.loss))(
        result.state.params,
        Batch(jnp.asarray(dataset.decode(dataset.test_indices))),
        model.noise(key, 16),
        {"beta": 1.0},
    )
    assert read_log(tmp_path)[-1]["test_loss"] == pytest.approx(float(loss), rel=1e-5)


def test_a_finished_run_is_given_back_without_training(tmp_path):
    first = run_tiny(tmp_path)
    second = run_tiny(tmp_path)
    assert_same(first.state.params, second.state.params)
    assert second.seconds >= first.seconds - 1.0
    assert math.isnan(second.first_step_seconds)
    assert len(read_log(tmp_path)) == 4


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"log_every": 7},
        {"log_every": 1, "checkpoint_every": 3},
        {"reset_moments_at": (10, 13)},
        {"weights": {"beta": lambda step: 0.1 * step}},
        {"parallel": "pmap"},
        {"shuffle": False},
    ],
)
def test_a_run_that_goes_on_is_the_run_that_was_not_interrupted(tmp_path, options):
    whole = run_tiny(tmp_path / "whole", **options)
    options_before = {k: v for k, v in options.items() if k != "log_every"}
    run_tiny(tmp_path / "parts", num_steps=10, **options_before)
    parts = run_tiny(tmp_path / "parts", **options)
    assert_same(whole.state.params, parts.state.params)
    assert_same(whole.state.opt_state, parts.state.opt_state)
    assert int(parts.state.step) == 20


def test_moments_are_reset(tmp_path):
    options = {"reset_moments_at": (15,), "num_steps": 15, "log_every": 5}
    before = run_tiny(tmp_path, **options)
    after = run_tiny(tmp_path, **options | {"num_steps": 16})
    # The first step of Adam is sign(gradient) times the learning rate, almost.
    moved = jax.tree.map(
        lambda a, b: np.abs(np.asarray(a - b)).max(),
        before.state.params,
        after.state.params,
    )
    assert max(jax.tree.leaves(moved)) == pytest.approx(0.01, rel=1e-3)
    counts = [leaf for leaf in jax.tree.leaves(after.state.opt_state) if not leaf.ndim]
    assert [int(count) for count in counts] == [1]
    plain = run_tiny(tmp_path / "plain", num_steps=16)
    with pytest.raises(AssertionError):
        assert_same(plain.state.params, after.state.params)


def test_scores_join_the_log_when_they_are_due(tmp_path):
    steps = []

    def score(params, step):
        steps.append(jax.tree.leaves(params)[0].shape)
        return {"factor_vae_score": len(steps) / 4}

    options = {"num_steps": 18, "log_every": 2, "score_every": 6}
    run_tiny(tmp_path, score=score, **options)
    scored = {
        line["step"]: line["factor_vae_score"]
        for line in read_log(tmp_path)
        if "factor_vae_score" in line
    }
    assert scored == {6: 0.25, 12: 0.5, 18: 0.75}


def test_an_assignment_without_a_certificate_ends_the_run(tmp_path):
    class Uncertified(type(tiny_model())):
        def loss(self, params, batch, noise, weights, **options):
            output = super().loss(params, batch, noise, weights, **options)
            certified = (weights["beta"] != 2.0).astype("f4")
            return output._replace(metrics=output.metrics | {"certified": certified})

    model = Uncertified(image_shape=(6, 5, 1), latent_dim=3, hidden=(8,))
    weights = {"beta": lambda step: 2.0 if step == 7 else 1.0}
    with pytest.raises(UncertifiedError, match="assignment of step 8 is not certified"):
        run_tiny(tmp_path, model, weights=weights)


def test_the_first_loss_that_is_not_finite_ends_the_run(tmp_path):
    weights = {"beta": lambda step: math.nan if step == 12 else 1.0}
    with pytest.raises(NonFiniteLossError) as caught:
        run_tiny(tmp_path, weights=weights)
    message = str(caught.value)
    assert message.startswith("step 13 is not finite: ")
    assert "loss = nan" in message
    assert "grad_norm = nan" in message
    assert "log_likelihood" not in message
    assert f"the last good checkpoint is {tmp_path / 'checkpoints' / '10'}" in message
    assert "\n" not in message
    assert [line["step"] for line in read_log(tmp_path)] == [5, 10]
    # What was saved is good: with the cause removed the run goes on.
    assert int(run_tiny(tmp_path).state.step) == 20


def test_what_ends_one_run_has_one_base():
    ends = (NonFiniteLossError, UncertifiedError, CheckpointError, WorkdirInUseError)
    assert all(issubclass(end, RunError) for end in ends)
    assert not issubclass(Terminated, RunError)  # it ends the whole group


def test_a_learning_rate_that_is_too_large(tmp_path):
    with pytest.raises(NonFiniteLossError, match="no checkpoint was saved before it"):
        run_tiny(tmp_path, learning_rate=1e30)


def test_sigterm_saves_and_stops(tmp_path):
    def rate(step):  # is asked for before the chunk that begins with step 5
        if step == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return 0.01

    before = signal.getsignal(signal.SIGTERM)
    message = f"stopped by SIGTERM; step 10 is saved in {tmp_path}"
    with pytest.raises(Terminated, match=message):
        run_tiny(tmp_path, learning_rate=rate, checkpoint_every=1000)
    assert signal.getsignal(signal.SIGTERM) is before
    assert Checkpoints(tmp_path).steps() == [10]
    assert read_log(tmp_path)[-1]["step"] == 10
    parts = run_tiny(tmp_path)
    whole = run_tiny(tmp_path / "whole")
    assert_same(whole.state.params, parts.state.params)


def test_sigterm_in_the_last_chunk_stops_too(tmp_path):
    def rate(step):
        if step == 15:
            os.kill(os.getpid(), signal.SIGTERM)
        return 0.01

    with pytest.raises(Terminated, match="step 20 is saved"):
        run_tiny(tmp_path, learning_rate=rate)


def test_a_signal_while_the_last_state_is_saved_is_not_lost(tmp_path):
    def score(params, step):
        os.kill(os.getpid(), signal.SIGTERM)
        return {"factor_vae_score": 0.5}

    with pytest.raises(Terminated, match="stopped by SIGTERM; step 20 is saved"):
        run_tiny(tmp_path, score=score, score_every=20)
    assert Checkpoints(tmp_path).steps()[-1] == 20
    assert read_log(tmp_path)[-1]["factor_vae_score"] == 0.5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_save_too(tmp_path, number):
    def rate(step):
        if step == 5:
            os.kill(os.getpid(), number)
        return 0.01

    # Under nohup it would be ignored, and stay so.
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(Terminated, match=f"stopped by {number.name}; step 10"):
            run_tiny(tmp_path, learning_rate=rate, checkpoint_every=1000)
    finally:
        signal.signal(number, before)
    assert Checkpoints(tmp_path).steps() == [10]


def test_the_line_of_a_checkpoint_is_written_before_it(tmp_path, monkeypatch):
    """A run that dies in between has the line twice rather than never."""

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Checkpoints, "save", die)
        run_tiny(tmp_path)
    assert [line["step"] for line in read_log(tmp_path)] == [5, 10]
    assert "test_loss" in read_log(tmp_path)[-1]
    run_tiny(tmp_path)
    assert [line["step"] for line in read_log(tmp_path)] == [5, 10, 15, 20]


def test_a_second_run_in_the_same_folder_is_refused(tmp_path):
    with RunLock(tmp_path):
        refused = []

        def try_it():
            with pytest.raises(WorkdirInUseError) as caught:
                run_tiny(tmp_path)
            refused.append(caught.value)

        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
    assert str(os.getpid()) in str(refused[0])
    assert not (tmp_path / "metrics.jsonl").exists()


def test_log_every_makes_no_chunk_larger_than_the_run(tmp_path):
    assert int(run_tiny(tmp_path, num_steps=5, log_every=10**9).state.step) == 5


def test_it_runs_outside_the_main_thread(tmp_path):
    results = []
    thread = threading.Thread(
        target=lambda: results.append(run_tiny(tmp_path, num_steps=5))
    )
    thread.start()
    thread.join()
    assert int(results[0].state.step) == 5


def test_lines_that_a_killed_run_logged_after_its_checkpoint_are_dropped(tmp_path):
    run_tiny(tmp_path, num_steps=10)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 15, "loss": 1.0}\n{"step": 20, "lo')
    run_tiny(tmp_path)
    assert [line["step"] for line in read_log(tmp_path)] == [5, 10, 15, 20]
    assert all("grad_norm" in line for line in read_log(tmp_path))


def test_a_checkpoint_that_is_further_than_asked_for_is_refused(tmp_path):
    run_tiny(tmp_path, num_steps=10)
    with pytest.raises(ValueError, match=r"at step 10 already.*at least that, got 5"):
        run_tiny(tmp_path, num_steps=5)


def test_weights_must_be_those_of_the_model(tmp_path):
    with pytest.raises(ValueError, match=r"exactly the names \['beta'\].*'gamma'"):
        run_tiny(tmp_path, weights={"gamma": 1.0})


def test_lines_are_shown_where_there_is_no_terminal(tmp_path, capsys):
    model = tiny_model()
    meta = {"model": {}, "optimizer": {}}
    for num_steps in (10, 20):
        training.train(
            model,
            tiny_dataset(),
            tiny_options(model, num_steps=num_steps),
            workdir=tmp_path,
            meta=meta,
        )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("step 5/10  loss ")
    assert lines[0].endswith(" steps/s")
    assert lines[1].startswith("step 10/10  loss ")
    assert lines[2] == "continuing from the checkpoint of step 10"
    assert lines[-1].startswith("step 20/20  loss ")


def test_callbacks_get_each_line_once_it_is_written(tmp_path):
    seen = []

    def callback(step, scalars):
        assert read_log(tmp_path)[-1] == {"step": step, **scalars}
        seen.append(step)

    run_tiny(tmp_path, callbacks=(callback, lambda step, scalars: seen.append(-step)))
    assert seen == [5, -5, 10, -10, 15, -15, 20, -20]


def test_an_error_in_a_callback_ends_the_run(tmp_path):
    def callback(step, scalars):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run_tiny(tmp_path, callbacks=(callback,))
