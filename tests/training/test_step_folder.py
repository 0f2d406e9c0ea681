import os

import pytest
from saved_checkpoints import as_of_earlier_versions, contents, save_three

from vsc_jax.training import _step_folder
from vsc_jax.training._step_folder import (
    commit,
    delete,
    delete_leftovers,
    find_fault,
    find_steps,
    has_all_parts,
    has_any_part,
    identify,
    read_loss,
    read_meta_file,
    saving_folder,
)


@pytest.fixture
def directory(tmp_path):
    save_three(tmp_path)
    return tmp_path / "checkpoints"


def test_steps_are_plain_numbers(tmp_path):
    for name in ("10", "9", "0", "007", "-1", "1e3", "3.0", ".saving-4", "a", "\u0663"):
        (tmp_path / name).mkdir()
    assert find_steps(tmp_path) == [0, 9, 10]
    assert find_steps(tmp_path / "nowhere") == []
    (tmp_path / "file").write_text("")
    assert find_steps(tmp_path / "file") == []


def test_a_folder_put_in_the_place_of_another_is_another(directory):
    before = identify(directory)
    assert list(before) == [1, 2, 3]
    assert identify(directory) == before
    (directory / "3").rename(directory / "3.away")
    (directory / "3").mkdir()
    after = identify(directory)
    assert after[3] != before[3]
    assert after[2] == before[2]


def test_a_whole_one(directory):
    folder = directory / "3"
    assert has_all_parts(folder)
    assert has_any_part(folder)
    assert find_fault(folder) is None
    assert read_meta_file(folder) == {"name": 3}
    assert read_loss(folder) == 7.0


@pytest.mark.parametrize("part", _step_folder.PARTS)
def test_one_with_a_part_missing(directory, part):
    folder = directory / "3"
    (folder / part).rename(directory / "elsewhere")
    assert find_fault(folder) == f"{part} missing"
    assert has_any_part(folder)
    assert not has_all_parts(folder)
    assert (read_meta_file(folder) is None) == (part == "meta")
    assert (read_loss(folder) is None) == (part == "metrics")


@pytest.mark.parametrize("loss", ['{"loss": "low"}', '{"loss": null}', "[]", "{}", ""])
def test_a_loss_that_cannot_be_read(directory, loss):
    folder = directory / "3"
    (folder / "metrics" / "metrics").write_text(loss)
    assert read_loss(folder) is None
    assert find_fault(folder).startswith("metrics/metrics is not what was saved")
    as_of_earlier_versions(folder)
    assert read_loss(folder) is None
    assert find_fault(folder) == "metrics/metrics holds no loss"


def test_it_appears_under_its_name_when_it_is_complete(tmp_path, monkeypatch):
    """At the moment of the renaming the checksums hold for all that is in it."""
    (saving_folder(tmp_path, 5) / "state").mkdir(parents=True)
    (saving_folder(tmp_path, 5) / "state" / "data").write_text("numbers")
    rename = type(tmp_path).rename
    seen = []

    def look(folder, target):
        seen.append((folder.name, target.name, find_fault(folder)))
        return rename(folder, target)

    monkeypatch.setattr(type(tmp_path), "rename", look)
    commit(tmp_path, 5, {"a": 1}, 2.5)
    assert seen == [(".saving-5", "5", None)]
    assert (read_meta_file(tmp_path / "5"), read_loss(tmp_path / "5")) == (
        {"a": 1},
        2.5,
    )
    assert os.listdir(tmp_path) == ["5"]


def test_it_is_gone_from_its_name_before_any_file_is(directory, monkeypatch):
    before = contents(directory / "2")
    monkeypatch.setattr(_step_folder.shutil, "rmtree", lambda *_, **__: None)
    delete(directory, 2)
    assert find_steps(directory) == [1, 3]
    assert contents(directory / ".deleted-2") == before
    monkeypatch.undo()
    delete_leftovers(directory)
    assert sorted(os.listdir(directory)) == ["1", "3"]
