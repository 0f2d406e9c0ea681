"""What a run is refused for before it begins, or does at its log points."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import (
    assert_same,
    read_log,
    run_tiny,
    tiny_dataset,
    tiny_model,
    tiny_options,
)

from vsc_jax.datasets import from_arrays
from vsc_jax.training import CheckpointError, Checkpoints, train

pytestmark = pytest.mark.usefixtures("two_devices")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"callbacks": print}, TypeError, "callbacks must be a list of functions"),
        ({"callbacks": [None]}, TypeError, r"list of functions .*, got \[None\]"),
        ({"score": 3.0}, TypeError, "score must be a function .* or None, got 3.0"),
        ({"meta": {"model": "mine"}}, TypeError, r'meta\["model"\] must be what load_'),
        ({"meta": {"a": np.ones(2)}}, ValueError, r"meta\['a'\] must be saved as JSON"),
    ],
)
def test_what_would_fail_later_is_refused_at_once(tmp_path, arguments, error, message):
    model = tiny_model()
    options = tiny_options(model)
    with pytest.raises(error, match=message):
        train(model, tiny_dataset(), options, workdir=tmp_path / "run", **arguments)
    assert not (tmp_path / "run").exists()


def test_a_callback_cannot_change_what_is_saved(tmp_path):
    def reverse(step, scalars):
        del scalars["loss"]
        scalars["test_loss"] = float(step)

    result = run_tiny(tmp_path, callbacks=[reverse])
    assert result.best_step == 20


def test_scores_may_be_numbers_of_jax(tmp_path):
    seen = []

    def score(params, step):
        return {"a": jnp.float32(2.0), "b": np.ones(2)}

    run_tiny(
        tmp_path,
        score=score,
        score_every=20,
        callbacks=[lambda step, scalars: seen.append(scalars)],
    )
    assert (seen[-1]["a"], seen[-1]["b"]) == (2.0, [1.0, 1.0])


def test_scores_may_be_undefined_or_vectors(tmp_path):
    scores = {
        "a": math.nan,
        "b": jnp.bfloat16(2.0),
        "c": np.longdouble(3.0),
        "d": [1, 2],
        "e": np.bool_(True),
    }
    run_tiny(tmp_path, score=lambda params, step: scores, num_steps=5, score_every=5)
    [line] = read_log(tmp_path)
    assert math.isnan(line["a"])
    assert [line[name] for name in "bcde"] == [2.0, 3.0, [1, 2], True]


@pytest.mark.parametrize(
    ("scores", "error", "message"),
    [
        (
            {"loss": 3.0},
            ValueError,
            "that the step itself does not log, got loss at st",
        ),
        (
            {"step": 3},
            ValueError,
            "got step at step 10; choose others, such as my_step",
        ),
        ({"a": 1.0, "test_loss": 3.0, "kl": 2.0}, ValueError, "got kl, test_loss at"),
        (
            3.0,
            TypeError,
            r"score must give a dict, name -> number, got 3\.0 at step 10",
        ),
        (
            None,
            TypeError,
            "score must give a dict, name -> number, got None at step 10",
        ),
        ({1: 2.0}, TypeError, r"must give a dict, name -> number, got \{1: 2\.0\}"),
        ({"a": "x"}, TypeError, "score must give real numbers, got a = 'x' at step 10"),
        ({"a": 1.0, "b": None}, TypeError, "must give real numbers, got b = None"),
        ({"a": 1j}, TypeError, "must give real numbers, got a = 1j"),
        ({"a": [[1.0], [2.0, 3.0]]}, TypeError, "must give real numbers, got a = "),
    ],
)
def test_what_a_score_cannot_give(tmp_path, scores, error, message):
    with pytest.raises(error, match=message) as caught:
        run_tiny(tmp_path, score=lambda params, step: scores, score_every=10)
    assert "\n" not in str(caught.value)
    # Nothing of it is logged, and what was trained is kept.
    line = read_log(tmp_path)[-1]
    assert (line["step"], line["loss"]) == (10, pytest.approx(-line["elbo"], rel=1e-5))
    assert "a" not in line
    assert Checkpoints(tmp_path).steps() == [10]


def fails(*_):
    raise LookupError("mine")


@pytest.mark.parametrize("functions", [{"score": fails}, {"callbacks": [fails]}])
def test_an_error_of_a_users_function_costs_no_checkpoint(tmp_path, functions):
    options = {"score_every": 10, "log_every": 10, "checkpoint_every": 10}
    with pytest.raises(LookupError, match="mine"):
        run_tiny(tmp_path, **options, **functions)
    assert Checkpoints(tmp_path).steps() == [10]
    [line] = read_log(tmp_path)
    assert (line["step"], "test_loss" in line) == (10, True)
    # The run goes on after it.
    seen = []
    score = {"score": lambda params, step: {"a": step}}
    result = run_tiny(
        tmp_path, **options, **score, callbacks=[lambda step, _: seen.append(step)]
    )
    assert seen == [20]
    assert [line.get("a") for line in read_log(tmp_path)] == [None, 20]
    assert_same(result.state.params, run_tiny(tmp_path / "whole").state.params)


def test_of_several_errors_the_first_is_raised_and_none_is_lost(tmp_path, monkeypatch):
    seen = []

    def full(*_, **__):
        raise CheckpointError("disk full")

    def score(params, step):
        raise ZeroDivisionError

    monkeypatch.setattr(Checkpoints, "save", full)
    callbacks = [fails, lambda step, _: seen.append(step)]
    with pytest.raises(ZeroDivisionError) as caught:
        run_tiny(
            tmp_path, score=score, score_every=10, log_every=10, callbacks=callbacks
        )
    assert seen == [10]
    assert caught.value.__notes__ == [
        "Then LookupError: mine",
        "Then CheckpointError: disk full",
    ]


def test_an_error_where_no_checkpoint_is_due(tmp_path):
    with pytest.raises(LookupError, match="mine"):
        run_tiny(tmp_path, score=fails, score_every=5)
    assert Checkpoints(tmp_path).steps() == []
    assert [line["step"] for line in read_log(tmp_path)] == [5]


def run_on(folder, model, dataset, **options):
    options = tiny_options(model, **options)
    return train(model, dataset, options, workdir=folder, show_progress=False)


def test_a_run_goes_on_with_the_model_and_the_images_it_began_with(tmp_path):
    images = np.random.default_rng(0).random((60, 6, 5))
    model, dataset = tiny_model(), from_arrays(images)
    run_on(tmp_path, model, dataset)
    for other, data, message in (
        (tiny_model(likelihood="gaussian"), dataset, "model.'likelihood'. is 'bernou"),
        (
            model,
            from_arrays(1.0 - images),
            r"other images \(changed: images\), so that",
        ),
        (model, from_arrays(images, seed=1), r"other images \(changed: test rows\), "),
        (
            model,
            from_arrays(images, normalization="unit_norm"),
            "on images whose normalization is 'none', not 'unit_norm'",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            run_on(tmp_path, other, data, num_steps=30)
    assert Checkpoints(tmp_path).steps() == [10, 20]
    labelled = from_arrays(images, np.arange(60) % 3)
    assert int(run_on(tmp_path, model, labelled, num_steps=30).state.step) == 30
