"""Checksums of original files, and where they are looked for."""

import hashlib

import pytest

from vsc_jax.datasets import DatasetNotFoundError, _files, verify_files
from vsc_jax.datasets._request import Request


@pytest.fixture
def known(monkeypatch):
    content = b"the original"
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(_files._KNOWN, "3dshapes.h5", (len(content), digest))
    return content


def test_an_original_file_is_accepted_by_itself_and_in_its_folder(tmp_path, known):
    (tmp_path / "3dshapes.h5").write_bytes(known)
    (tmp_path / "other.h5").write_bytes(b"")
    assert verify_files(tmp_path) == ("3dshapes.h5",)
    assert verify_files(str(tmp_path / "3dshapes.h5")) == ("3dshapes.h5",)


def test_a_changed_file_is_refused(tmp_path, known):
    path = tmp_path / "3dshapes.h5"
    path.write_bytes(known[:-1])
    with pytest.raises(ValueError, match=r"h5 has 11 bytes, but the original has 12"):
        verify_files(path)
    path.write_bytes(b"x" + known[1:])
    with pytest.raises(ValueError, match="size of the original, but SHA-256"):
        verify_files(tmp_path)


def test_nothing_to_verify(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"checksum is known: 3dshapes\.h5"):
        verify_files(tmp_path)
    (tmp_path / "mpi3d_toy.npz").write_bytes(b"")
    with pytest.raises(DatasetNotFoundError, match="mpi3d_toy"):
        verify_files(tmp_path / "mpi3d_toy.npz")


def test_the_known_checksums_are_checksums():
    assert len(_files._KNOWN) == 8
    for size, digest in _files._KNOWN.values():
        assert size > 0
        assert len(bytes.fromhex(digest)) == 32


def test_files_are_looked_for_in_the_folder_and_below_the_name(tmp_path):
    names, suffixes = ("a.npz", "b.npz"), (".npz",)

    def find(path):
        return _files.find_file(Request("toy", path), names, suffixes=suffixes)

    assert find(None) is None
    assert find(tmp_path) is None
    below = tmp_path / "toy" / "a.npz"
    below.parent.mkdir()
    below.write_bytes(b"")
    assert find(tmp_path) == below
    assert find(below) == below
    (tmp_path / "b.npz").write_bytes(b"")
    assert find(tmp_path) == tmp_path / "b.npz"
    (tmp_path / "b.txt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"toy needs a file that ends in \.npz, got"):
        find(tmp_path / "b.txt")
