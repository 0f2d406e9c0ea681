"""The command in processes that are killed, stopped and run out of disk."""

import json
import shutil
import signal
import time

import command_line
import jax
import numpy as np
import pytest
from absl.testing import flagsaver
from ml_collections import ConfigDict
from tiny_runs import read_log, tiny_dataset, tiny_model

from experiments import _stops
from experiments import run as command
from experiments._errors import UserError
from experiments.configs import pinwheel, vsc_mlp
from vsc_jax import load_run
from vsc_jax.datasets import load_dataset
from vsc_jax.evaluation import Context

NUM_STEPS = 300
LONGER = (
    *command_line.TINY,
    "--config.model.hidden=(200,)",
    f"--config.train.num_steps={NUM_STEPS}",
    "--config.train.checkpoint_every=10",
    "--config.train.log_every=5",
    "--config.schedules.sharpness=('linear',50.0,200.0,0,300)",
)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    outcome = command_line.run([*LONGER, "--workdir=run"], folder)
    assert outcome.code == 0, outcome.stderr
    return folder / "run"


def params_of(workdir):
    run = load_run(workdir)
    assert run.step == NUM_STEPS
    return run.params


def assert_same_run(workdir, other):
    jax.tree.map(np.testing.assert_array_equal, params_of(workdir), params_of(other))
    one, two = (
        json.loads((folder / "results.json").read_text()) for folder in (workdir, other)
    )
    assert one["scores"] == two["scores"]
    assert one["run"]["images_seen"] == two["run"]["images_seen"] == 16 * NUM_STEPS
    steps = [line["step"] for line in read_log(workdir)]
    assert steps == sorted(set(steps))
    assert steps[-1] == NUM_STEPS


def error_of(outcome, code):
    lines = outcome.stderr.splitlines()
    assert len(lines) == 1, outcome.stderr
    (line,) = lines
    assert line.startswith("error: ")
    assert outcome.code == code
    return line.removeprefix("error: ")


def wait_for(process, condition):
    deadline = time.monotonic() + 120.0
    while not condition():
        assert process.poll() is None, "the process ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.001)


def newest(checkpoints):
    return max(
        (int(p.name) for p in checkpoints.glob("*") if p.name.isdecimal()), default=0
    )


def is_saving(checkpoints):
    return any(path.name.startswith(".saving-") for path in checkpoints.glob("*"))


@pytest.mark.slow
def test_killed_at_several_moments_and_run_again(uninterrupted, tmp_path):
    checkpoints = tmp_path / "run" / "checkpoints"
    words = [*LONGER, "--workdir=run"]
    moments = [
        lambda: newest(checkpoints) >= 20,
        lambda: newest(checkpoints) >= 60 and is_saving(checkpoints),
        lambda: newest(checkpoints) >= 100 and not is_saving(checkpoints),
        lambda: is_saving(checkpoints) and newest(checkpoints) >= 140,
    ]
    for moment in moments:
        with command_line.start(words, tmp_path) as process:
            wait_for(process, moment)
            process.kill()
            assert process.wait() == -signal.SIGKILL
        assert newest(checkpoints) < NUM_STEPS
    outcome = command_line.run(words, tmp_path)
    assert outcome.code == 0, outcome.stderr
    assert outcome.stderr == ""
    assert "continuing from the checkpoint of step 1" in outcome.stdout
    assert_same_run(tmp_path / "run", uninterrupted)
    assert not is_saving(checkpoints)


@pytest.mark.slow
def test_sigterm_saves_first_and_the_same_command_goes_on(uninterrupted, tmp_path):
    # Another length of the chunks, and no checkpoint but that of the signal.
    words = [*LONGER, "--workdir=run", "--config.train.log_every=7"]
    words.append("--config.train.checkpoint_every=100000")
    log = tmp_path / "run" / "metrics.jsonl"
    with command_line.start(words, tmp_path) as process:
        wait_for(process, lambda: log.exists() and log.stat().st_size > 0)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 143
    assert (tmp_path / "stderr").read_text() == ""
    last = (tmp_path / "stdout").read_text().splitlines()[-1]
    step = newest(tmp_path / "run" / "checkpoints")
    assert 0 < step < NUM_STEPS
    assert last.startswith(f"stopped by SIGTERM; step {step} is saved in ")
    assert "the same command with --workdir goes on" in last
    outcome = command_line.run(words, tmp_path)
    assert outcome.code == 0, outcome.stderr
    assert f"continuing from the checkpoint of step {step}" in outcome.stdout
    assert_same_run(tmp_path / "run", uninterrupted)


@pytest.mark.slow
def test_a_full_disk_ends_the_run_with_one_line(uninterrupted, tmp_path):
    shutil.copytree(uninterrupted, tmp_path / "run")
    words = [*LONGER, "--workdir=run", "--config.train.num_steps=320"]
    # Files that may not grow beyond a limit fail the way a full disk does. The limit is
    # below the list of a checkpoint's arrays, because values are shared out among files
    # of sizes that vary. (Neither the log nor the compile cache is tested here.)
    (tmp_path / "run" / "metrics.jsonl").unlink()
    saved = uninterrupted / "checkpoints" / str(NUM_STEPS)
    size = min(path.stat().st_size for path in saved.rglob("_METADATA")) // 2
    limit = (
        "import os, resource; "
        "os.environ['JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES'] = '1000000000'; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    )
    outcome = command_line.run(words, tmp_path, code=limit)
    line = error_of(outcome, command.EXIT_FAILED)
    assert line.startswith("cannot save the checkpoint of step 310 in ")
    assert f"The checkpoint of step {NUM_STEPS} is kept; make room or choose" in line
    jax.tree.map(
        np.testing.assert_array_equal,
        params_of(tmp_path / "run"),
        params_of(uninterrupted),
    )
    # With room again it goes on.
    outcome = command_line.run(words, tmp_path)
    assert outcome.code == 0, outcome.stderr
    assert load_run(tmp_path / "run").step == 320


@pytest.fixture(scope="module")
def outcomes(uninterrupted, tmp_path_factory):
    """What the command says to the folder of a finished run, and to losses of NaN."""
    folder = tmp_path_factory.mktemp("folder")
    for name in ("run", "damaged", "broken"):
        shutil.copytree(uninterrupted, folder / name)
    for path in (folder / "damaged" / "checkpoints" / str(NUM_STEPS)).rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:20])
    for path in (folder / "broken" / "checkpoints").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    rate = "--config.optimizer.learning_rate=1e30"
    cases = {
        "other": [*LONGER, "--workdir=run", "--config.weights.beta=3"],
        "shorter": [*LONGER, "--workdir=run", "--config.train.num_steps=20"],
        "damaged": [*LONGER, "--workdir=damaged"],
        "broken": [*LONGER, "--workdir=broken"],
        "diverges": [*command_line.TINY, "--workdir=diverges", rate],
        "no workdir": command_line.TINY,
    }
    return command_line.run_all(cases, folder) | {"folder": folder}


@pytest.mark.slow
def test_a_workdir_with_another_config(outcomes):
    line = error_of(outcomes["other"], 2)
    assert line.endswith(
        "holds a run with another config; differing fields: weights.beta (there 1.0, "
        "given 3.0). Give the same values, or another --workdir."
    )


@pytest.mark.slow
def test_a_workdir_that_is_further(outcomes):
    line = error_of(outcomes["shorter"], 2)
    assert "at step 300 already; train.num_steps must be at least that, got 20." in line


@pytest.mark.slow
def test_a_damaged_checkpoint_is_reported_and_the_run_goes_on(outcomes, uninterrupted):
    outcome = outcomes["damaged"]
    assert outcome.code == 0
    (line,) = outcome.stderr.splitlines()
    assert "the checkpoint of step 300" in line
    assert "the one before it is used" in line
    assert "continuing from the checkpoint of step 290" in outcome.stdout
    assert_same_run(outcomes["folder"] / "damaged", uninterrupted)


@pytest.mark.slow
def test_damaged_checkpoints_only(outcomes):
    line = error_of(outcomes["broken"], 1)
    assert line.startswith("none of the checkpoints of steps [")
    assert "choose another --workdir to start anew" in line


@pytest.mark.slow
def test_a_loss_that_is_not_finite(outcomes):
    line = error_of(outcomes["diverges"], 1)
    assert line.startswith("step 2 is not finite: ")
    assert "no checkpoint was saved before it" in line


@pytest.mark.slow
def test_a_new_folder_is_named_after_the_config(outcomes):
    assert outcomes["no workdir"].code == 0
    (workdir,) = (outcomes["folder"] / "runs").iterdir()
    assert workdir.name.startswith("vsc_mlp-20")
    assert str(workdir / "results.json") in outcomes["no workdir"].stdout
    results = json.loads((workdir / "results.json").read_text())
    assert results["config"].startswith("configs/vsc_mlp.py:")
    assert outcomes["no workdir"].stderr == ""


def test_a_run_from_python(tmp_path, capsys):
    config: ConfigDict = vsc_mlp.get_config("digits,quick")
    config.model.hidden = (8,)
    config.evaluation.figures = False
    results = command.run(config, tmp_path, show_progress=False)
    assert capsys.readouterr() == ("", "")
    assert json.loads((tmp_path / "results.json").read_text()) == results
    described = results["run"]
    assert described["num_steps"] == 6
    assert described["images_seen"] == 96
    assert described["seed"] == config.seed
    assert described["best_step"] in (3, 6)
    assert described["num_parameters"] == sum(
        leaf.size for leaf in jax.tree.leaves(load_run(tmp_path).params)
    )
    assert described["train_seconds"] > 0
    assert {"elbo", "iwae_4", "kl_terms", "sparsity", "probe"} <= results[
        "scores"
    ].keys()
    assert load_run(tmp_path).meta["config"] == json.loads(
        (tmp_path / "config.json").read_text()
    )
    assert not (tmp_path / "aggregate_posterior.npz").exists()  # 8 latents
    assert not (tmp_path / "report.html").exists()


@pytest.mark.slow
def test_a_run_of_points_says_its_prior_and_keeps_its_encodings(tmp_path, capsys):
    config: ConfigDict = pinwheel.get_config("quick")
    config.model.hidden = (8,)
    command.run(config, tmp_path)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["loading pinwheel ...", f"workdir {tmp_path}"]
    prior = (
        "prior gaussian_mixture means=((0.0, -1.0), (0.0, 1.0), (1.0, 0.0), "
        "(-1.0, 0.0)) component_variance=0.03"
    )
    assert prior in printed
    words = {line.split()[0] for line in printed}
    assert {"aggregate_posterior.overlap", "aggregate_posterior.marginal_kl"} <= words
    # In the order of the test split, and what `load_run` gives.
    x = load_dataset("pinwheel", num_train=256, num_test=64)
    loaded = load_run(tmp_path)
    posterior = loaded.model.encode(loaded.params, x.decode(x.test_indices))
    with np.load(tmp_path / "aggregate_posterior.npz") as kept:
        assert set(kept) == {"mean", "log_var"}
        for name, array in kept.items():
            assert array.shape == (64, 2)
            np.testing.assert_allclose(array, getattr(posterior, name), atol=1e-5)
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "aggregate_posterior.png",
        "kl_over_steps.png",
        "kl_per_latent.png",
        "points.png",
        "training_curves.png",
    ]
    report = (tmp_path / "report.html").read_text()
    assert report.count("<img") == 5
    assert "entropy of q(z|x)" in report


@pytest.mark.parametrize(
    ("name", "is_kept"), [("vae", True), ("vsc", False), ("autoencoder", False)]
)
def test_only_encodings_of_a_gaussian_posterior_are_kept(name, is_kept, tmp_path):
    model = tiny_model(name, latent_dim=2)
    params = jax.jit(model.init)(jax.random.key(0))
    file = tmp_path / "encodings.npz"
    command.save_encodings(Context(model, params, tiny_dataset()), file)
    assert file.exists() == is_kept


def test_choose_workdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command.choose_workdir("a/b") == tmp_path / "a" / "b"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert command.choose_workdir("~/b") == tmp_path / "home" / "b"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gs://bucket/run", "must be a folder of this machine, got gs://bucket/run; m"),
        ("~nobody-of-this-name/run", "--workdir=~nobody-of-this-name/run: Could not"),
    ],
)
def test_a_workdir_that_is_no_folder(given, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        command.choose_workdir(given)
    assert list(tmp_path.iterdir()) == []


def test_a_new_folder_is_one_for_the_whole_run(tmp_path, monkeypatch):
    folders = {command._new_folder(tmp_path / "vsc") for _ in range(3)}
    assert len(folders) == 1
    assert folders.pop().name.startswith("vsc-20")


@pytest.mark.parametrize("given", ["", " "])
def test_an_empty_workdir_is_refused(given):
    with pytest.raises(UserError, match="--workdir is empty; name a folder, or leave"):
        command.choose_workdir(given)


@pytest.mark.usefixtures("parsed_flags")
@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            _stops.Stopped(15),
            143,
            "\nstopped by SIGTERM; no step is saved yet; the sam",
        ),
        (KeyboardInterrupt(), 130, "\ninterrupted; no step is saved yet; the same co"),
        (OSError(28, "No space left on device"), 1, "error: [Errno 28] No space left "),
    ],
)
def test_how_a_command_ends(error, code, said, tmp_path, capsys):
    with (
        flagsaver.flagsaver(workdir=str(tmp_path), config=ConfigDict()),
        pytest.raises(SystemExit) as end,
        command.guard(["run"]),
    ):
        raise error
    assert end.value.code == code
    printed = capsys.readouterr()
    assert (printed.out + printed.err).startswith(said)
    if code == command.EXIT_FAILED:
        assert str(tmp_path) in printed.err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_after_training_says_what_is_saved(name, tmp_path):
    words = [*command_line.TINY, "--workdir=run", "--config.evaluation.figures=true"]
    with command_line.start(words, tmp_path) as process:
        wait_for(process, lambda: "evaluating" in (tmp_path / "stdout").read_text())
        process.send_signal(getattr(signal, name))
        assert process.wait() == 128 + getattr(signal, name)
    assert (tmp_path / "stderr").read_text() == ""
    last = (tmp_path / "stdout").read_text().splitlines()[-1]
    begin = "interrupted" if name == "SIGINT" else f"stopped by {name}"
    folder = tmp_path / "run"
    assert last == (
        f"{begin}; step 6 is saved in {folder}; the same command with "
        f"--workdir={folder} goes on from there."
    )
