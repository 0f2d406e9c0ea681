import shutil
import threading
import time

import numpy as np
import pytest
from saved_checkpoints import (
    as_of_earlier_versions,
    contents,
    damage,
    data_of,
    files_of,
    load,
    restore,
    save_three,
    state_at,
)
from tiny_runs import assert_same

from vsc_jax.training import CheckpointError, Checkpoints, read_meta
from vsc_jax.training._checksums import FILE_NAME as CHECKSUMS


@pytest.fixture
def saved(tmp_path):
    save_three(tmp_path)
    return tmp_path


def test_no_file_with_damage_is_read(saved, caplog):
    """A flipped bit, an end that is missing or a file that is gone: named, not used."""
    before = {path: path.read_bytes() for path in files_of(saved, 3)}
    assert len(before) > 8
    rng = np.random.default_rng(0)
    for path, content in before.items():
        name = path.relative_to(saved / "checkpoints" / "3").as_posix()
        for change in (flip_a_bit, cut_short, None):
            path.write_bytes(change(content, rng)) if change else path.unlink()
            caplog.clear()
            state, meta = load(saved)
            assert meta == {"name": 2}
            assert_same(data_of(state), data_of(state_at(2)))
            (record,) = caplog.records
            # A bit of the checksums may be one of a file's name, which is missing then.
            assert name in record.getMessage() or name == CHECKSUMS or not change
            assert "that of step 2 is used" in record.getMessage()
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
    assert load(saved)[1] == {"name": 3}


def test_checksums_that_were_deleted_are_damage(saved):
    for step in (1, 2, 3):
        (saved / "checkpoints" / str(step) / CHECKSUMS).unlink()
        assert read_meta(saved) == ({"name": 3} if step < 3 else None)
    for which, message in (
        (3, "of step 3 in .* is damaged: checksums.json is missing; choose another"),
        ("newest", r"none of the .* can be read \(3: checksums.json is missing"),
    ):
        with pytest.raises(CheckpointError, match=message):
            load(saved, which)


def test_what_was_saved_without_checksums_is_read_with_a_warning(saved, caplog):
    as_of_earlier_versions(saved / "checkpoints" / "3")
    assert load(saved)[1] == {"name": 3}
    (record,) = caplog.records
    assert "step 3" in record.getMessage()
    assert "is of a version that noted no checksums" in record.getMessage()


def flip_a_bit(content, rng):
    flipped = np.frombuffer(content, np.uint8).copy()
    flipped[rng.integers(len(content))] ^= 1 << rng.integers(8)
    return flipped.tobytes()


def cut_short(content, _):
    return content[: len(content) // 2]


def test_reading_falls_back_to_the_newest_that_is_whole(saved, caplog):
    damage(saved, 3, "largest file cut short")
    before = contents(saved)
    assert load(saved)[1] == {"name": 2}
    (record,) = caplog.records
    message = record.getMessage()
    assert message.startswith("the checkpoint of step 3 in ")
    assert "is damaged: state/" in message
    assert message.endswith("SHA-256 differs; that of step 2 is used")
    # One that was asked for by name is not replaced by another.
    for which in (3, "best"):
        with pytest.raises(
            CheckpointError, match=r"3 in .* damaged: .* one of \[1, 2\]"
        ):
            load(saved, which)
    assert load(saved, 1)[1] == {"name": 1}
    assert contents(saved) == before


def test_the_best_of_those_whose_loss_is_known(saved, caplog):
    (saved / "checkpoints" / "3" / "metrics" / "metrics").write_text('{"loss": 99.0}')
    assert load(saved, "best")[1] == {"name": 2}
    (record,) = caplog.records
    assert "step 3" in record.getMessage()
    assert "metrics/metrics is not what was saved" in record.getMessage()


@pytest.mark.parametrize("read", [load, restore])
def test_what_is_no_checkpoint(saved, read, caplog):
    directory = saved / "checkpoints"
    (directory / "5000").mkdir()
    (directory / "5000" / "notes").write_text("mine")
    (directory / "4000").write_text("a file")
    for name in ("notes", "007", "-5", "1e3", "\u0663"):
        (directory / name).mkdir()
    assert read(saved)[1] == {"name": 3}
    messages = [record.getMessage() for record in caplog.records]
    assert [message.split(";")[0] for message in messages] == [
        f"{directory / '5000'} is no checkpoint",
        f"{directory / '4000'} is no checkpoint",
    ]
    assert read_meta(saved) == {"name": 3}
    notes = [path for path in saved.rglob("notes") if path.is_file()]
    assert [path.read_text() for path in notes] == ["mine"]


@pytest.mark.parametrize("meta", ["[1, 2]", "3", "null", '"x"', "{", '{"name": 7}'])
def test_another_meta(saved, meta, caplog):
    (saved / "checkpoints" / "3" / "meta" / "metadata").write_text(meta)
    for checksums in (True, False):
        if not checksums and "name" in meta:
            continue
        assert read_meta(saved) == {"name": 2}
        assert load(saved)[1] == {"name": 2}
        assert len(caplog.records) == 1
        caplog.clear()
        as_of_earlier_versions(saved / "checkpoints" / "3")


def test_a_meta_that_names_another_model(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state_at(1), {"name": "other"}, test_loss=0.0)

    def template_of(meta):
        raise ValueError(f"model must be 'vae', got {meta['name']!r}.")

    before = contents(tmp_path)
    for which in ("newest", "best", 1):
        with pytest.raises(
            CheckpointError, match=r"or version \(model must be 'vae', g"
        ):
            checkpoints.load(which, template_of)
    as_of_earlier_versions(tmp_path / "checkpoints" / "1")
    with pytest.raises(CheckpointError, match=r"\(1: model must be 'vae', got 'other'"):
        checkpoints.load("newest", template_of)
    checkpoints.close()
    assert len(contents(tmp_path)) == len(before)


def test_names_and_steps_that_are_not_there(saved, tmp_path_factory):
    for which in (7, "newst", "3"):
        with pytest.raises(ValueError, match=rf"one of \[1, 2, 3\], got {which!r}"):
            load(saved, which)
    for empty in (tmp_path_factory.mktemp("empty"), saved / "nowhere"):
        for which in ("newest", "best", 1):
            with pytest.raises(FileNotFoundError, match="no readable checkpoint in"):
                load(empty, which)
        assert not (empty / "checkpoints").exists()


@pytest.mark.parametrize("moment", ["template", "after"])
@pytest.mark.parametrize("which", ["newest", "best"])
def test_a_checkpoint_that_is_deleted_while_it_is_read(saved, moment, which, caplog):
    """The run wrote step 4 meanwhile, and deleted those before it."""
    directory = saved / "checkpoints"
    ahead = directory / ".saving-4"
    shutil.copytree(directory / "3", ahead)
    checkpoints = Checkpoints(saved, read_only=True)
    read = checkpoints._arrays.read
    calls = []

    def go_on():
        ahead.rename(directory / "4")
        for step in (1, 2, 3):
            (directory / str(step)).rename(directory / f".deleted-{step}")

    def template_of(_):
        calls.append(1)
        if len(calls) == 1 and moment == "template":
            go_on()
        return state_at(0)

    def read_and_go_on(*arguments):
        state = read(*arguments)
        if len(calls) == 1:
            go_on()
        return state

    if moment == "after":
        checkpoints._arrays.read = read_and_go_on
    state, _ = checkpoints.load(which, template_of)
    assert int(state.step) == 3  # those of the copy
    assert len(calls) == 2
    assert checkpoints.steps() == [4]
    checkpoints.close()
    assert not caplog.records


def test_reading_a_run_that_writes_and_deletes(saved, caplog):
    """Another thread moves checkpoints in and out as a run does, only faster."""
    directory = saved / "checkpoints"
    source = saved / "source"
    shutil.copytree(directory / "3", source)
    done = threading.Event()
    written = []
    load(saved, "best")  # the first one takes longer
    began = time.perf_counter()
    load(saved, "best")
    # A read takes less than the two intervals that a checkpoint lives.
    interval = max(0.1, 2 * (time.perf_counter() - began))

    def write():
        step = 3
        while not done.wait(interval):
            step += 1
            shutil.copytree(source, directory / f".saving-{step}")
            (directory / f".saving-{step}").rename(directory / str(step))
            for old in [int(p.name) for p in directory.iterdir() if p.name.isdecimal()]:
                if old <= step - 2:
                    (directory / str(old)).rename(directory / f".deleted-{old}")
                    shutil.rmtree(directory / f".deleted-{old}")
            written.append(step)

    writer = threading.Thread(target=write)
    writer.start()
    num_read = 0
    try:
        while len(written) < 10 or num_read < 6:
            for which in ("newest", "best"):
                state, meta = load(saved, which)
                assert meta == {"name": 3}
                assert_same(data_of(state), data_of(state_at(3)))
                num_read += 1
            assert read_meta(saved) == {"name": 3}
    finally:
        done.set()
        writer.join()
    assert not caplog.records
