import json
import os

import numpy as np
import pytest

from vsc_jax.training._checksums import (
    FILE_NAME,
    came_without,
    find_damage,
    has_checksums,
    write_checksums,
)

FILES = {"a": b"one", "b/c/d.bin": bytes(range(256)) * 40, "b/empty": b""}


@pytest.fixture
def folder(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(content)
    write_checksums(tmp_path)
    return tmp_path


def test_whole_files(folder):
    assert find_damage(folder) is None
    assert has_checksums(folder)
    digests = json.loads((folder / FILE_NAME).read_text())["sha256"]
    assert sorted(digests) == sorted(FILES)
    # Of FIPS 180-4: the digest of no bytes.
    assert digests["b/empty"].startswith("e3b0c44298fc1c149afbf4c8996fb924")


def test_a_change_is_named(folder):
    (folder / "b/empty").write_bytes(b"\0")
    assert find_damage(folder) == "b/empty is not what was saved: its SHA-256 differs"
    assert find_damage(folder, within="b/") == find_damage(folder)
    assert find_damage(folder, within="a") is None
    (folder / "b/empty").unlink()
    assert find_damage(folder) == "b/empty is missing"
    (folder / "b/empty").mkdir()
    assert find_damage(folder) == "b/empty cannot be read: Is a directory"


def test_each_bit_counts(folder):
    path = folder / "a"
    content = np.frombuffer(path.read_bytes(), np.uint8)
    for byte in range(len(content)):
        for bit in range(8):
            flipped = content.copy()
            flipped[byte] ^= 1 << bit
            path.write_bytes(flipped.tobytes())
            assert find_damage(folder) is not None


def test_bits_of_the_checksums_count(folder):
    path = folder / FILE_NAME
    content = np.frombuffer(path.read_bytes(), np.uint8)
    for place in range(0, 8 * len(content), 5):
        flipped = content.copy()
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped.tobytes())
        assert find_damage(folder) is not None, flipped.tobytes()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"sha256": []}', '{"sha256": [3]}', "\0"]
)
def test_checksums_that_cannot_be_read(folder, text):
    (folder / FILE_NAME).write_text(text)
    assert find_damage(folder) == f"{FILE_NAME} cannot be read"


def test_checksums_of_nothing(folder):
    (folder / FILE_NAME).write_text('{"sha256": {}}')
    assert find_damage(folder) == f"{FILE_NAME} names no file of the folder"
    write_checksums(folder)
    assert find_damage(folder, within="z/") == f"{FILE_NAME} names no file of z/"


def test_files_that_were_added_are_no_damage(folder):
    (folder / ".DS_Store").write_text("")
    assert find_damage(folder) is None


def test_a_folder_of_earlier_versions_has_no_damage_that_could_be_known(folder):
    os.remove(folder / FILE_NAME)
    (folder / "a").unlink()
    assert not has_checksums(folder)
    assert not came_without(folder)
    assert find_damage(folder) == f"{FILE_NAME} is missing"
    (folder / "_CHECKPOINT_METADATA").write_text("{}")
    assert came_without(folder)
    assert find_damage(folder) is None
