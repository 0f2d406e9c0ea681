import logging
import resource
import shutil

import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from saved_checkpoints import (
    contents,
    damage,
    data_of,
    initial_state,
    load,
    restore,
    save_three,
    state_at,
)
from tiny_runs import assert_same, tiny_model

from vsc_jax.training import CheckpointError, Checkpoints, read_meta

pytestmark = pytest.mark.usefixtures("two_devices")


@pytest.fixture
def saved(tmp_path):
    save_three(tmp_path)
    return tmp_path


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
    (record,) = caplog.records
    assert "checkpoint of step 3" in record.getMessage()
    assert "the one before it is used" in record.getMessage()
    assert (saved / "damaged_checkpoints" / "3").is_dir()
    assert not (saved / "checkpoints" / "3").exists()
    # It can be written again.
    checkpoints = Checkpoints(saved)
    checkpoints.save(state_at(3), {"name": "new"}, test_loss=0.0)
    checkpoints.close()
    assert restore(saved)[1] == {"name": "new"}


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


def test_a_checkpoint_of_another_model_is_no_damage(saved):
    before = contents(saved)
    other = initial_state(tiny_model(latent_dim=4), 0)
    checkpoints = Checkpoints(saved)
    for read in (checkpoints.restore_newest, lambda s: checkpoints.restore(3, s)):
        with pytest.raises(CheckpointError) as caught:
            read(other)
        message = str(caught.value)
        assert message.startswith("the checkpoint of step 3 in ")
        assert "is whole, but of another model or version (Requested shape" in message
        assert "\n" not in message
    checkpoints.close()
    assert contents(saved) == before


def test_a_checkpoint_of_earlier_versions(tmp_path, caplog):
    """They were written by Orbax alone, and have no checksums."""
    manager = ocp.CheckpointManager(
        tmp_path / "checkpoints",
        options=ocp.CheckpointManagerOptions(best_fn=lambda m: -m["loss"]),
        item_names=("state", "meta"),
    )
    for step in (1, 2):
        arguments = ocp.args.Composite(
            state=ocp.args.StandardSave(state_at(step)),
            meta=ocp.args.JsonSave({"name": step}),
        )
        manager.save(step, args=arguments, metrics={"loss": 1.0 * step})
    manager.close()
    assert read_meta(tmp_path) == {"name": 2}
    state, meta = load(tmp_path)
    assert meta == {"name": 2}
    assert_same(data_of(state), data_of(state_at(2)))
    assert load(tmp_path, "best")[1] == {"name": 1}
    # Goes on, with checksums from then on.
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state_at(3), {"name": 3}, test_loss=3.0)
    assert checkpoints.steps() == [1, 2, 3]
    checkpoints.close()
    # Once for each of the two that were loaded.
    messages = [record.getMessage() for record in caplog.records]
    assert [f"step {k} in" in m for k, m in zip((2, 1), messages, strict=True)]
    assert all("noted no checksums" in message for message in messages)
    caplog.clear()
    for path in (tmp_path / "checkpoints" / "3" / "state").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    shutil.rmtree(tmp_path / "checkpoints" / "2" / "state" / "d")
    assert load(tmp_path)[1] == {"name": 1}
    assert "step 3" in caplog.text
    assert "step 2" in caplog.text


def test_read_only_leaves_the_folder_as_it_is(saved):
    leftover = saved / "checkpoints" / "4.orbax-checkpoint-tmp"
    leftover.mkdir()
    damage(saved, 1, "all files cut short")
    before = contents(saved)
    checkpoints = Checkpoints(saved, read_only=True)
    assert checkpoints.steps() == [1, 2, 3]
    assert checkpoints.best_step() == 3
    assert checkpoints.restore(2, state_at(0))[1] == {"name": 2}
    checkpoints.close()
    assert contents(saved) == before


@pytest.mark.parametrize("name", ["4.orbax-checkpoint-tmp", ".saving-4", ".deleted-4"])
def test_what_a_killed_process_left_is_no_checkpoint_and_goes(saved, name, caplog):
    whole = saved / "checkpoints" / "3"
    shutil.copytree(whole, saved / "checkpoints" / name)
    (saved / "checkpoints" / name / "meta" / "metadata").unlink()
    assert load(saved)[1] == {"name": 3}
    assert (saved / "checkpoints" / name).exists()
    assert int(restore(saved)[0].step) == 3
    assert not (saved / "checkpoints" / name).exists()
    checkpoints = Checkpoints(saved)
    checkpoints.save(state_at(4), {"name": 4}, test_loss=0.0)
    checkpoints.close()
    assert int(restore(saved)[0].step) == 4
    assert not caplog.records
    assert not (saved / "damaged_checkpoints").exists()


def test_a_process_killed_while_it_deletes_leaves_no_damage(saved, monkeypatch, caplog):
    def killed(path, **_):
        if path.exists():
            shutil.move(path / "metrics", path.parent.parent / "gone")
            raise KeyboardInterrupt

    checkpoints = Checkpoints(saved, keep=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", killed)
        checkpoints.save(state_at(4), {"name": 4}, test_loss=0.0)
    assert load(saved)[1] == {"name": 4}
    assert int(restore(saved)[0].step) == 4
    assert not caplog.records
    names = sorted(path.name for path in (saved / "checkpoints").iterdir())
    assert names == ["2", "3", "4"]  # the next deletion takes both


def test_a_part_that_is_missing_of_an_older_one_is_no_matter(saved, caplog):
    """What a kill inside a deletion left in earlier versions; the next one goes on."""
    shutil.rmtree(saved / "checkpoints" / "1" / "metrics")
    assert load(saved)[1] == load(saved, "best")[1] == {"name": 3}
    assert restore(saved)[1] == {"name": 3}
    checkpoints = Checkpoints(saved, keep=1)
    assert checkpoints.steps() == [2, 3]
    checkpoints.save(state_at(4), {"name": 4}, test_loss=0.0)
    checkpoints.close()
    assert [path.name for path in (saved / "checkpoints").iterdir()] == ["4"]
    assert not caplog.records


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_where_the_folder_should_be(tmp_path, read_only):
    (tmp_path / "checkpoints").write_text("")
    with pytest.raises(CheckpointError, match="must be a folder, got a file"):
        Checkpoints(tmp_path, read_only=read_only)
    assert read_meta(tmp_path) is None


def test_a_name_that_is_taken(saved):
    (saved / "checkpoints" / "4").mkdir()
    (saved / "checkpoints" / "4" / "notes").write_text("mine")
    checkpoints = Checkpoints(saved)
    with pytest.raises(
        CheckpointError, match=r"of step 4 in .*checkpoints/4 is in the"
    ):
        checkpoints.save(state_at(4), {}, test_loss=0.0)
    checkpoints.close()
    assert (saved / "checkpoints" / "4" / "notes").read_text() == "mine"
    assert load(saved)[1] == {"name": 3}


def test_what_cannot_be_json_is_not_saved(saved):
    checkpoints = Checkpoints(saved)
    with pytest.raises(CheckpointError, match="set is not JSON serializable"):
        checkpoints.save(state_at(4), {"a": set()}, test_loss=0.0)
    assert checkpoints.steps() == [1, 2, 3]
    checkpoints.close()
    assert [p for p in (saved / "checkpoints").iterdir() if "4" in p.name] == []


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
    assert not list(
        (saved / "checkpoints").glob(".saving-*")
    )  # that would keep it full
    assert int(restore(saved)[0].step) == 3


def test_meta_without_arrays(saved):
    assert read_meta(saved) == {"name": 3}
    (saved / "checkpoints" / "3" / "meta" / "metadata").write_text('{"na')
    assert read_meta(saved) == {"name": 2}
