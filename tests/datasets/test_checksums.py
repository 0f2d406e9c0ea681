"""Checksums of original files."""

import hashlib

import pytest

from vsc_jax.datasets import DatasetNotFoundError, _checksums, verify_files


@pytest.fixture
def known(monkeypatch):
    content = b"the original"
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(_checksums.CHECKSUMS, "3dshapes.h5", (len(content), digest))
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
    with pytest.raises(
        DatasetNotFoundError, match=r"checksum is known: .*3dshapes\.h5"
    ):
        verify_files(tmp_path)
    (tmp_path / "mpi3d_toy.npz").write_bytes(b"")
    with pytest.raises(DatasetNotFoundError, match="mpi3d_toy"):
        verify_files(tmp_path / "mpi3d_toy.npz")


def test_the_known_checksums_are_checksums():
    assert len(_checksums.CHECKSUMS) == 8
    for size, digest in _checksums.CHECKSUMS.values():
        assert size > 0
        assert len(bytes.fromhex(digest)) == 32
