"""The same value, gradient and parameters on any number of devices and processes."""

import contextlib
import functools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import (
    BATCH_SIZE,
    assert_same,
    batch_vae,
    pair,
    read_log,
    run_tiny,
    tiny_dataset,
    tiny_model,
)

from vsc_jax.models import Batch
from vsc_jax.training import (
    PARALLEL,
    StepInputs,
    TrainData,
    batch_indices,
    create_optimizers,
    create_trainer,
    init_state,
)

SETUPS = [(parallel, num) for parallel in PARALLEL for num in (1, 8)]


def chunk_inputs(dataset, weights, *, num=20, learning_rate=0.01, seed=0):
    rows = [
        batch_indices(
            step,
            num_examples=len(dataset.train_indices),
            batch_size=BATCH_SIZE,
            seed=seed,
        )
        for step in range(num)
    ]
    return StepInputs(
        indices=dataset.train_indices[np.stack(rows)].astype(np.int32),
        learning_rate=np.full(num, learning_rate, np.float32),
        reset_moments=np.zeros(num, bool),
        weights={k: np.full(num, v, np.float32) for k, v in weights.items()},
    )


def run(model, *, parallel, num_devices, num_steps, optimizer, learning_rate):
    """The initial state and a chunk of steps from there."""
    dataset, optimizers = tiny_dataset(), create_optimizers(model, **optimizer)
    trainer = create_trainer(
        model,
        optimizers,
        dataset.format,
        batch_size=BATCH_SIZE,
        parallel=parallel,
        devices=jax.devices()[:num_devices],
    )
    state = trainer.replicate(init_state(model, optimizers, 0))
    data = trainer.replicate(TrainData(dataset.images, dataset.factors))
    inputs = chunk_inputs(dataset, model.default_weights, learning_rate=learning_rate)
    return state, trainer.run_chunk(state, data, inputs, num_steps)


@functools.cache
def reference_loss_and_gradient(model):
    """Of step 0, on the whole batch, without the trainer."""
    dataset = tiny_dataset()
    state = init_state(model, create_optimizers(model, name="sgd"), 0)
    inputs = chunk_inputs(dataset, model.default_weights)
    batch = Batch(jnp.asarray(dataset.decode(inputs.indices[0])))
    noise = model.noise(jax.random.fold_in(state.key, 0), BATCH_SIZE)
    weights = {name: values[0] for name, values in inputs.weights.items()}
    return jax.jit(jax.value_and_grad(pair(model.loss), has_aux=True))(
        state.params, batch, noise, weights
    )


# SGD without momentum and with learning rate 1: the step is the gradient.
one_sgd_step = functools.partial(
    run, num_steps=1, optimizer={"name": "sgd", "b1": 0.0}, learning_rate=1.0
)
twenty_adam_steps = functools.partial(
    run, num_steps=20, optimizer={}, learning_rate=1e-2
)


@pytest.mark.parametrize(("parallel", "num_devices"), SETUPS)
def test_value_and_gradient_of_a_loss_of_the_whole_batch(parallel, num_devices):
    model = batch_vae()
    state, chunk = one_sgd_step(model, parallel=parallel, num_devices=num_devices)
    (loss, metrics), gradient = reference_loss_and_gradient(model)
    assert int(chunk.num_steps) == 1
    assert bool(chunk.sound)
    assert chunk.last["loss"] == pytest.approx(float(loss), rel=1e-5)
    for name, value in metrics.items():
        np.testing.assert_allclose(chunk.last[name], value, rtol=1e-4, atol=1e-5)
    taken = jax.tree.map(
        lambda a, b: np.asarray(a) - np.asarray(b), state.params, chunk.state.params
    )
    largest = max(float(jnp.abs(g).max()) for g in jax.tree.leaves(gradient))
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=2e-5, atol=1e-6 * largest),
        taken,
        jax.device_get(gradient),
    )
    norm = np.sqrt(sum(float(jnp.sum(g**2)) for g in jax.tree.leaves(gradient)))
    assert chunk.last["grad_norm"] == pytest.approx(norm, rel=1e-5)


def test_without_gather_the_devices_would_see_their_own_rows_alone():
    """The comparison above can fail: each device's own MMD is another quantity."""
    _, chunk = one_sgd_step(
        batch_vae(gathers=False), parallel="shard_map", num_devices=8
    )
    (_, metrics), _ = reference_loss_and_gradient(batch_vae())
    assert abs(chunk.last["mmd"] - metrics["mmd"]) > 0.05


@functools.cache
def params_on_one_device():
    _, chunk = twenty_adam_steps(batch_vae(), parallel="shard_map", num_devices=1)
    return jax.device_get(chunk.state.params)


def assert_close_to_one_device(params):
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5),
        params,
        params_on_one_device(),
    )


@pytest.mark.parametrize(("parallel", "num_devices"), SETUPS[1:])
def test_parameters_after_twenty_steps(parallel, num_devices):
    _, chunk = twenty_adam_steps(
        batch_vae(), parallel=parallel, num_devices=num_devices
    )
    assert int(chunk.state.step) == 20
    assert_close_to_one_device(jax.device_get(chunk.state.params))


def test_the_steps_are_compiled_once():
    num_traces = 0

    class Counting(type(tiny_model())):
        def loss(self, *args, **kwargs):
            nonlocal num_traces
            num_traces += 1
            return super().loss(*args, **kwargs)

    model = Counting(image_shape=(6, 5, 1), latent_dim=3, hidden=(8,))
    dataset, optimizers = tiny_dataset(), create_optimizers(model)
    for parallel in PARALLEL:
        trainer = create_trainer(
            model, optimizers, dataset.format, batch_size=BATCH_SIZE, parallel=parallel
        )
        state = trainer.replicate(init_state(model, optimizers, 0))
        data = trainer.replicate(TrainData(dataset.images, dataset.factors))
        counts = []
        for beta, rate, seed, num in (
            (1.0, 0.01, 0, 5),
            (4.0, 0.1, 1, 3),
            (0, 0, 2, 1),
        ):
            inputs = chunk_inputs(
                dataset, {"beta": beta}, num=5, learning_rate=rate, seed=seed
            )
            chunk = trainer.run_chunk(state, data, inputs, num)
            assert int(chunk.num_steps) == num
            state = chunk.state
            counts.append(num_traces)
        assert counts[0] > 0
        assert len(set(counts)) == 1, counts


@pytest.mark.parametrize(("num_devices", "num"), [(1, 0), (2, 1)])
def test_a_device_alone_sums_nothing(num_devices, num):
    """On a CPU a sum over one device is a copy of every gradient."""
    model, dataset = tiny_model(), tiny_dataset()
    optimizers = create_optimizers(model)
    trainer = create_trainer(
        model,
        optimizers,
        dataset.format,
        batch_size=BATCH_SIZE,
        devices=jax.devices()[:num_devices],
    )
    program = jax.make_jaxpr(trainer.run_chunk, static_argnums=3)(
        init_state(model, optimizers, 0),
        TrainData(dataset.images, dataset.factors),
        chunk_inputs(dataset, model.default_weights),
        1,
    )
    assert ("psum" in str(program)) == num


def test_bad_arguments():
    def create(**options):
        model = tiny_model()
        return create_trainer(
            model, create_optimizers(model), tiny_dataset().format, **options
        )

    with pytest.raises(
        ValueError,
        match=r"multiple of the number of devices, 8, for example 16, got 15",
    ):
        create(batch_size=15)
    with pytest.raises(ValueError, match="'shard_map' or 'pmap', got 'pjit'"):
        create(batch_size=16, parallel="pjit")


def two_processes(tmp_path: Path) -> list[dict]:
    """Runs `two_processes.py` twice at the same time; returns what both wrote."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    tests = Path(__file__).parents[1]
    env = os.environ | {
        "JAX_NUM_CPU_DEVICES": "2",
        "PYTHONPATH": os.pathsep.join([str(tests.parent), str(tests)]),
    }
    script = tests / "training" / "two_processes.py"
    with contextlib.ExitStack() as stack:
        processes = []
        for index in range(2):
            log = stack.enter_context((tmp_path / f"{index}.log").open("w+"))
            command = [sys.executable, script, address, str(index), tmp_path]
            process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
            stack.enter_context(process)
            stack.callback(process.kill)
            processes.append(process)
        for index, process in enumerate(processes):
            code = process.wait(timeout=180)
            assert code == 0, (tmp_path / f"{index}.log").read_text()
    return [json.loads((tmp_path / f"{i}.json").read_text()) for i in range(2)]


@pytest.mark.slow
def test_two_processes_train_save_and_log_like_one(tmp_path):
    results = two_processes(tmp_path)
    assert [r["num_devices"] for r in results] == [4, 4]
    alone = run_tiny(tmp_path / "alone", batch_vae())
    for parallel in PARALLEL:
        runs = [np.load(tmp_path / f"{parallel}{i}.npz") for i in range(2)]
        leaves = jax.tree.leaves(jax.device_get(alone.state.params))
        for i, leaf in enumerate(leaves):
            np.testing.assert_array_equal(runs[0][f"arr_{i}"], runs[1][f"arr_{i}"])
            np.testing.assert_allclose(runs[0][f"arr_{i}"], leaf, rtol=1e-4, atol=1e-5)
        steps = [line["step"] for line in read_log(tmp_path / parallel)]
        assert steps == [5, 10, 15, 20]
        # One process with another number of devices continues from their checkpoint.
        longer = run_tiny(tmp_path / parallel, batch_vae(), num_steps=25)
        assert int(longer.state.step) == 25
    again = run_tiny(tmp_path / "alone", batch_vae())
    assert_same(alone.state.params, again.state.params)
