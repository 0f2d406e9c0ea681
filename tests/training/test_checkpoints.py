import logging
import resource
import shutil
import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import assert_same, tiny_model

from vsc_jax.training import (
    CheckpointError,
    Checkpoints,
    _checkpoints,
    create_optimizers,
    init_state,
    read_meta,
)


def initial_state(model, seed):
    return init_state(model, create_optimizers(model), seed)


def state_at(step):
    """A state whose numbers are those of this step alone."""
    state = initial_state(tiny_model(), seed=step)
    return state._replace(step=jnp.int32(step))


@pytest.fixture
def saved(tmp_path):
    """A folder with checkpoints of steps 1, 2 and 3, the last the best."""
    checkpoints = Checkpoints(tmp_path, keep=3)
    for step in (1, 2, 3):
        checkpoints.save(state_at(step), {"name": step}, test_loss=10.0 - step)
    checkpoints.close()
    return tmp_path


def restore(workdir):
    checkpoints = Checkpoints(workdir)
    try:
        return checkpoints.restore_newest(state_at(0))
    finally:
        checkpoints.close()


def data_of(state):
    return state._replace(key=jax.random.key_data(state.key))


def test_what_is_saved_comes_back_bit_for_bit(saved):
    state, meta = restore(saved)
    assert meta == {"name": 3}
    assert_same(data_of(state), data_of(state_at(3)))
    assert state.params["decoder"]["params"]["Dense_0"]["kernel"].dtype == jnp.float32


@pytest.mark.parametrize(
    ("losses", "keep", "kept", "best"),
    [
        ([5, 1, 4, 3, 2], 1, [2, 5], 2),
        ([5, 1, 4, 3, 2], 2, [2, 4, 5], 2),
        ([1, 2, 3, 4, 5], 1, [1, 5], 1),
        ([5, 4, 3, 2, 1], 2, [4, 5], 5),
        ([np.nan, 3, np.nan, np.inf, np.nan], 1, [2, 5], 2),
    ],
)
def test_the_newest_and_the_best_are_kept(tmp_path, losses, keep, kept, best):
    checkpoints = Checkpoints(tmp_path, keep=keep)
    for step, loss in enumerate(losses, start=1):
        checkpoints.save(state_at(step), {}, test_loss=float(loss))
        assert checkpoints.steps()[-1] == step
    checkpoints.close()
    again = Checkpoints(tmp_path, keep=keep)
    assert again.steps() == kept
    assert again.best_step() == best
    again.close()


def test_an_empty_folder(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.steps() == []
    assert checkpoints.best_step() is None
    assert checkpoints.restore_newest(state_at(0)) is None
    checkpoints.close()
    assert read_meta(tmp_path) is None
    assert read_meta(tmp_path / "nowhere") is None


def truncate(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def files_of(workdir, step):
    folder = workdir / "checkpoints" / str(step)
    return [path for path in folder.rglob("*") if path.is_file()]


def damage(workdir, step, how):
    folder = workdir / "checkpoints" / str(step)
    if how == "all files cut short":
        for path in files_of(workdir, step):
            truncate(path)
    elif how == "largest file cut short":
        truncate(max(files_of(workdir, step), key=lambda path: path.stat().st_size))
    elif how == "all files empty":
        for path in files_of(workdir, step):
            path.write_bytes(b"")
    else:
        shutil.rmtree(folder / how)


DAMAGES = ["all files cut short", "largest file cut short", "all files empty"]


@pytest.mark.parametrize("how", [*DAMAGES, "state", "meta", "state/d"])
def test_a_damaged_newest_checkpoint_is_reported_and_the_one_before_it_is_used(
    saved, how, caplog
):
    damage(saved, 3, how)
    with caplog.at_level(logging.WARNING, logger="vsc_jax"):
        state, meta = restore(saved)
    assert meta == {"name": 2}
    assert_same(data_of(state), data_of(state_at(2)))
    (record,) = [r for r in caplog.records if r.name.startswith("vsc_jax")]
    assert "checkpoint of step 3" in record.getMessage()
    assert "the one before it is used" in record.getMessage()
    assert (saved / "damaged_checkpoints" / "3").is_dir()
    assert not (saved / "checkpoints" / "3").exists()
    # It can be written again.
    checkpoints = Checkpoints(saved)
    checkpoints.save(state_at(3), {"name": "new"}, test_loss=0.0)
    checkpoints.close()
    assert restore(saved)[1] == {"name": "new"}


def test_no_file_that_is_cut_short_gives_wrong_numbers(saved, tmp_path_factory):
    """The newest comes back as it was, or not at all."""
    names = [path.relative_to(saved) for path in files_of(saved, 3)]
    assert len(names) > 5
    for name in names:
        workdir = tmp_path_factory.mktemp("copy") / "run"
        shutil.copytree(saved, workdir)
        truncate(workdir / name)
        state, meta = restore(workdir)
        assert_same(data_of(state), data_of(state_at(int(state.step))))
        assert meta == {"name": int(state.step)}
        assert int(state.step) in (2, 3)


@pytest.mark.parametrize("how", DAMAGES)
def test_only_damaged_checkpoints(saved, how):
    for step in (1, 2, 3):
        damage(saved, step, how)
    with pytest.raises(CheckpointError) as caught:
        restore(saved)
    message = str(caught.value)
    assert message.startswith("none of the checkpoints of steps [1, 2, 3] in ")
    assert "another --workdir" in message
    assert "\n" not in message


def test_a_checkpoint_of_another_model_is_not_restored(saved):
    checkpoints = Checkpoints(saved)
    other = initial_state(tiny_model(latent_dim=4), 0)
    with pytest.raises(ValueError, match="shape"):
        checkpoints.restore(3, other)
    checkpoints.close()


def test_read_only_leaves_the_folder_as_it_is(saved):
    leftover = saved / "checkpoints" / "4.orbax-checkpoint-tmp"
    leftover.mkdir()
    before = sorted(saved.rglob("*"))
    checkpoints = Checkpoints(saved, read_only=True)
    assert checkpoints.steps() == [1, 2, 3]
    assert checkpoints.best_step() == 3
    assert checkpoints.restore(2, state_at(0))[1] == {"name": 2}
    checkpoints.close()
    assert sorted(saved.rglob("*")) == before


def test_what_is_left_of_a_killed_save_is_no_checkpoint(saved):
    whole = saved / "checkpoints" / "3"
    shutil.copytree(whole, saved / "checkpoints" / "4.orbax-checkpoint-tmp")
    assert int(restore(saved)[0].step) == 3
    checkpoints = Checkpoints(saved)
    checkpoints.save(state_at(4), {"name": 4}, test_loss=0.0)
    checkpoints.close()
    assert int(restore(saved)[0].step) == 4


def test_a_full_disk(saved):
    """Files cannot grow beyond a limit, which fails the way a full disk does."""
    big = initial_state(tiny_model(hidden=(3000,)), 0)
    big = big._replace(step=jnp.int32(7))
    checkpoints = Checkpoints(saved)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(CheckpointError) as caught:
            checkpoints.save(big, {}, test_loss=1.0)
        checkpoints.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    message = str(caught.value)
    assert message.startswith("cannot save the checkpoint of step 7 in ")
    assert "The checkpoint of step 3 is kept" in message
    assert "\n" not in message
    assert int(restore(saved)[0].step) == 3


def test_meta_without_arrays(saved):
    assert read_meta(saved) == {"name": 3}
    (saved / "checkpoints" / "3" / "meta" / "metadata").write_text('{"na')
    assert read_meta(saved) == {"name": 2}


def test_what_a_failed_call_leaves_is_not_printed_but_other_errors_are(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    with pytest.raises(OSError, match="disk"), _checkpoints._quiet():
        raise OSError("disk")
    hook = sys.unraisablehook
    closed = SimpleNamespace(
        object=None, exc_value=RuntimeError("Event loop is closed")
    )
    other = SimpleNamespace(object=None, exc_value=RuntimeError("a bug"))
    for unraisable in (closed, other):
        hook(unraisable)
    assert seen == [other]
    with pytest.raises(OSError, match="again"), _checkpoints._quiet():
        raise OSError("again")
    assert sys.unraisablehook is hook
