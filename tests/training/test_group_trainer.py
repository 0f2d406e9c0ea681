"""Runs of a group are what they are alone."""

import dataclasses
import functools
import math
import os
import signal

import jax
import numpy as np
import pytest
from model_cases import model_of, weights_of
from tiny_runs import assert_same, read_log, tiny_dataset, tiny_model, tiny_options

from vsc_jax import training
from vsc_jax.training import (
    Checkpoints,
    GroupRun,
    GroupTrainer,
    NonFiniteLossError,
    RunLock,
    Terminated,
    TrainResult,
    WorkdirInUseError,
    create_group_trainer,
    group_key,
    train_group,
    why_alone,
)

pytestmark = pytest.mark.usefixtures("two_devices")
EIGHT = jax.devices()  # before that fixture

# With it, gradients that are no more than rounding move nothing.
ADAM = {"eps": 1e-3}
KINDS = [
    "vae",
    "vae-conv",
    "vae-dcgan",
    "vsc",
    "cascade_vae",
    "joint_vae",
    "factor_vae",
    "aae_s",
]


def dataset_of(model, **options):
    dataset = tiny_dataset(**options)
    if model.image_shape == dataset.image_shape:
        return dataset
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (len(dataset.images), *model.image_shape))
    return dataclasses.replace(
        dataset,
        images=images.astype(np.uint8),
        format=dataclasses.replace(dataset.format, image_shape=model.image_shape),
    )


def run_of(model, workdir, dataset=None, score=None, **options):
    """One of a group."""
    options = tiny_options(model, **{"optimizer": ADAM} | options)
    dataset = dataset or dataset_of(model)
    return GroupRun(dataset, options, workdir, {}, score)


def alone(model, run):
    return training.train(
        model,
        run.dataset,
        run.options,
        workdir=run.workdir,
        meta=run.meta,
        score=run.score,
        show_progress=False,
    )


def together(model, runs, **options):
    return train_group(model, runs, show_progress=False, **options)


def assert_close(one, two):
    """Every leaf equal, to a small part of the largest number in it."""

    def check(a, b):
        scale = max(np.abs(a).max(), 1e-3) if a.size else 1.0
        np.testing.assert_allclose(b, a, rtol=0, atol=2e-4 * scale)

    jax.tree.map(check, *jax.device_get((one, two)))


def runs_of(case, folder):
    """Three that differ in seed, learning rate and a weight."""
    model, weights = model_of(case), weights_of(case)
    name = next(iter(weights), None)  # AAE-S has none
    return [
        run_of(
            model,
            folder / str(i),
            num_steps=6,
            log_every=3,
            seed=seed,
            learning_rate=rate,
            weights={**weights, **({name: value} if name else {})},
        )
        for i, (seed, rate, value) in enumerate(
            ((0, 0.01, 1.0), (5, 0.003, 2.0), (5, 0.01, 0.5))
        )
    ]


@pytest.fixture(scope="module")
def runs_alone(tmp_path_factory):
    """Of a case, each of its runs and what it is alone, for both forms of the group."""

    @functools.cache
    def train_alone(case):
        runs = runs_of(case, tmp_path_factory.mktemp("alone"))
        return [(run, alone(model_of(case), run)) for run in runs]

    return train_alone


@pytest.mark.parametrize("vectorized", [False, True])
@pytest.mark.parametrize("case", KINDS)
def test_parameters_are_those_of_the_runs_alone(case, vectorized, runs_alone, tmp_path):
    runs = runs_of(case, tmp_path)
    # Two on the first device; the second one has a place that is not used.
    results = together(
        model_of(case), runs, devices=jax.devices()[:2], vectorized=vectorized
    )
    for run, result, (single, expected) in zip(
        runs, results, runs_alone(case), strict=True
    ):
        assert_close(expected.state.variables, result.state.variables)
        data = jax.random.key_data
        assert_same(data(expected.state.key), data(result.state.key))
        assert result.best_step == expected.best_step
        lines, wanted = read_log(run.workdir), read_log(single.workdir)
        assert [line["step"] for line in lines] == [3, 6]
        for line, want in zip(lines, wanted, strict=True):
            assert line.keys() == want.keys()
            assert line["loss"] == pytest.approx(want["loss"], rel=1e-3)
        restored, of_one = training.restore_run(run.workdir), result.state.variables
        assert restored.step == 6
        assert_same(restored.params, of_one)


def group_of(tmp_path, count=3, **options):
    model = tiny_model()
    runs = [
        run_of(model, tmp_path / str(seed), seed=seed, **options)
        for seed in range(count)
    ]
    return model, runs


@pytest.mark.parametrize("vectorized", [False, True])
def test_images_may_differ_from_run_to_run(vectorized, tmp_path):
    model = tiny_model()
    data = [tiny_dataset(seed=seed) for seed in range(3)]
    runs = [run_of(model, tmp_path / f"g{i}", one) for i, one in enumerate(data)]
    results = together(model, runs, devices=jax.devices()[:2], vectorized=vectorized)
    for i, (run, result) in enumerate(zip(runs, results, strict=True)):
        expected = alone(model, run._replace(workdir=tmp_path / f"alone{i}"))
        assert_close(expected.state.params, result.state.params)


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_run_that_is_not_finite_stops_alone(vectorized, tmp_path):
    model, runs = group_of(tmp_path)
    beta = {"beta": lambda step: math.nan if step == 12 else 1.0}
    runs[1] = run_of(model, tmp_path / "bad", weights=beta)
    options = {"devices": jax.devices()[:1], "vectorized": vectorized}
    first, bad, last = together(model, runs, **options)
    assert isinstance(bad, NonFiniteLossError)
    assert str(bad).startswith("step 13 is not finite: ")
    assert str(tmp_path / "bad" / "checkpoints" / "10") in str(bad)
    assert [line["step"] for line in read_log(tmp_path / "bad")] == [5, 10]
    for run, result in ((runs[0], first), (runs[2], last)):
        assert isinstance(result, TrainResult)
        assert result.state.step == 20
        expected = alone(model, run._replace(workdir=run.workdir / "alone"))
        assert_close(expected.state.params, result.state.params)


@pytest.mark.parametrize(
    ("betas", "calls"),
    [((1.0, 1.0), 0), ((1.0, 1.5), 20), ((3.0, 3.0), 22)],  # 22: with two test losses
)
def test_a_branch_by_a_common_weight_stays_one(betas, calls, tmp_path):
    """`vmap` does both branches of a condition that differs between runs."""
    called = []

    class Branching(type(tiny_model())):
        def loss(self, params, batch, noise, weights, **options):
            output = super().loss(params, batch, noise, weights, **options)

            def rare():
                jax.debug.callback(called.append, output.loss)
                return output.loss

            loss = jax.lax.cond(weights["beta"] > 2.0, rare, lambda: output.loss)
            return output._replace(loss=loss)

    model = Branching(image_shape=(6, 5, 1), latent_dim=3, hidden=(8,))
    runs = [
        run_of(model, tmp_path / str(i), weights={"beta": beta}, num_steps=10)
        for i, beta in enumerate(betas)
    ]
    results = together(model, runs, devices=jax.devices()[:1], vectorized=True)
    assert all(isinstance(result, TrainResult) for result in results)
    jax.effects_barrier()
    assert len(called) == calls


@pytest.mark.parametrize("vectorized", [False, True])
def test_weights_that_part_after_a_while(vectorized, tmp_path):
    model, runs = tiny_model(), []
    for last in (0.5, 3.0):
        beta = {"beta": lambda step, last=last: last if step >= 5 else 1.0}
        runs.append(run_of(model, tmp_path / str(last), weights=beta, num_steps=10))
    results = together(model, runs, devices=jax.devices()[:1], vectorized=vectorized)
    for run, result in zip(runs, results, strict=True):
        expected = alone(model, run._replace(workdir=run.workdir / "alone"))
        assert_close(expected.state.params, result.state.params)


def test_a_group_ends_when_none_is_left(tmp_path):
    model, runs = group_of(tmp_path, 2, learning_rate=1e30)
    results = together(model, runs)
    assert all(isinstance(result, NonFiniteLossError) for result in results)


def test_a_folder_in_use_and_one_that_is_too_far_fail_alone(tmp_path):
    model, runs = group_of(tmp_path, 3, num_steps=5)
    alone(model, run_of(model, runs[1].workdir, num_steps=10))
    with RunLock(runs[2].workdir):  # of the same thread, it is no obstacle
        first, far, last = together(model, runs)
    assert isinstance(first, TrainResult)
    assert isinstance(last, TrainResult)
    assert "is at step 10 already" in str(far)
    with pytest.raises(ValueError, match="num_steps must be at least that"):
        raise far
    assert not isinstance(far, WorkdirInUseError)


def test_a_folder_of_other_images_fails_alone(tmp_path):
    model, runs = group_of(tmp_path, 2, num_steps=10)
    together(model, [run_of(model, runs[0].workdir, tiny_dataset(seed=7), num_steps=5)])
    other, last = together(model, runs)
    assert "holds a run on other images (changed: test rows)" in str(other)
    assert isinstance(last, TrainResult)


def test_it_goes_on_from_checkpoints_of_any_step(tmp_path, capsys):
    """As after a kill while the checkpoints of a group were written."""
    model, runs = group_of(tmp_path, 4)
    for run, num_steps in zip(runs, (0, 10, 10, 20), strict=True):
        if num_steps:
            options = dataclasses.replace(run.options, num_steps=num_steps)
            alone(model, run._replace(options=options))
    results = together(model, runs, devices=jax.devices()[:2])
    for run, result in zip(runs, results, strict=True):
        expected = alone(model, run._replace(workdir=run.workdir / "alone"))
        assert result.state.step == 20
        assert_close(expected.state.params, result.state.params)
        assert [line["step"] for line in read_log(run.workdir)] == [5, 10, 15, 20]
    assert capsys.readouterr().out == ""
    again = train_group(model, runs)
    assert capsys.readouterr().out == (
        "4 of 4 runs: continuing from the checkpoint of step 20\n"
    )
    for result, other in zip(results, again, strict=True):
        assert_same(result.state.params, other.state.params)
        assert math.isnan(other.first_step_seconds)


def test_a_signal_saves_all(tmp_path):
    def rate(step):
        if step == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return 0.01

    model, runs = group_of(tmp_path, 2, learning_rate=rate, checkpoint_every=1000)
    with pytest.raises(Terminated, match=f"step 10 is saved in {tmp_path}$"):
        together(model, runs)
    for run in runs:
        assert Checkpoints(run.workdir).steps() == [10]


@pytest.mark.parametrize("vectorized", [False, True])
def test_moments_are_reset_in_all(vectorized, tmp_path):
    options = {"reset_moments_at": (15,), "num_steps": 16}
    model, runs = group_of(tmp_path, 2, **options)
    results = together(model, runs, vectorized=vectorized)
    for run, result in zip(runs, results, strict=True):
        counts = [x for x in jax.tree.leaves(result.state.opt_state) if not x.ndim]
        assert [int(count) for count in counts] == [1]
        expected = alone(model, run._replace(workdir=run.workdir / "alone"))
        assert_close(expected.state.params, result.state.params)


def test_when_time_is_over_the_runs_are_saved_as_they_are(tmp_path):
    model, runs = group_of(tmp_path, 2, checkpoint_every=1000)
    for end in (5, 10):
        for run, result in zip(
            runs, together(model, runs, time_limit=0.0), strict=True
        ):
            assert result.state.step == end
            assert Checkpoints(run.workdir).steps()[-1] == end
            assert read_log(run.workdir)[-1]["step"] == end
    for run, result in zip(runs, together(model, runs, time_limit=1e6), strict=True):
        expected = alone(model, run._replace(workdir=run.workdir / "alone"))
        assert_close(expected.state.params, result.state.params)


def test_scores_join_the_logs(tmp_path):
    model = tiny_model()
    runs = [
        run_of(
            model,
            tmp_path / str(seed),
            seed=seed,
            score=lambda params, step, seed=seed: {"factor_vae_score": float(seed)},
            score_every=10,
        )
        for seed in range(2)
    ]
    together(model, runs)
    for seed, run in enumerate(runs):
        scored = [line.get("factor_vae_score") for line in read_log(run.workdir)]
        assert scored == [None, seed, None, seed]


def test_a_run_whose_score_or_callback_fails_ends_alone(tmp_path):
    def fails(*_):
        raise LookupError("mine")

    model, runs = group_of(tmp_path, 4)
    options = {"log_every": 5, "score_every": 10, "checkpoint_every": 10}
    runs = [run_of(model, run.workdir, seed=i, **options) for i, run in enumerate(runs)]
    runs[0] = runs[0]._replace(score=fails)
    runs[2] = runs[2]._replace(callbacks=[fails])
    results = together(model, runs)
    last_steps = []
    for run, result in zip(runs, results, strict=True):
        fine = isinstance(result, TrainResult)
        assert fine or str(result) == "mine"
        last_steps.append((fine, read_log(run.workdir)[-1]["step"]))
    assert last_steps == [(False, 10), (True, 20), (False, 5), (True, 20)]
    # The line and the checkpoint of the step are not lost.
    steps = [Checkpoints(run.workdir).steps() for run in runs]
    assert steps == [[10], [10, 20], [], [10, 20]]


def test_runs_that_differ_in_shape_are_refused(tmp_path):
    model, runs = group_of(tmp_path, 2)
    for options in (
        {"batch_size": 8},
        {"num_steps": 10},
        {"optimizer": {"name": "sgd"}},
        {"reset_moments_at": (3,)},
    ):
        other = run_of(model, tmp_path / "other", **options)
        keys = [group_key(model, *run[:2]) for run in (*runs, other)]
        assert keys[0] == keys[1] != keys[2]
        with pytest.raises(ValueError, match="cannot be trained as a group: their"):
            together(model, [*runs, other])


def test_what_cannot_be_in_a_group_says_why(tmp_path):
    model, runs = group_of(tmp_path, 1)
    assert why_alone(model, runs[0].options) is None
    pmap = run_of(model, tmp_path, parallel="pmap")
    assert why_alone(model, pmap.options) == "train.parallel is 'pmap'"
    with pytest.raises(ValueError, match=r"as a group: train\.parallel is 'pm"):
        together(model, [*runs, pmap])
    host = tiny_model("cascade_vae", category_sizes=(3,), assignment_method="ortools")
    with pytest.raises(ValueError, match="the model calls the host in the middle"):
        together(host, [run_of(host, tmp_path)])


def test_runs_are_spread_evenly_over_devices():
    """Ten over eight devices take five, two each, rather than eight and a rest."""
    model = tiny_model()
    optimizers = training.create_optimizers(model)
    trainer = create_group_trainer(
        model, optimizers, tiny_dataset().format, 10, batch_size=16, devices=EIGHT
    )
    assert isinstance(trainer, GroupTrainer)
    states = [training.init_state(model, optimizers, seed) for seed in range(10)]
    joined = trainer.join(states)
    assert joined.step.shape == (10,)
    assert len(joined.step.sharding.device_set) == 5
    for i in (0, 9):
        assert_same(trainer.split(joined, i).params, states[i].params)
