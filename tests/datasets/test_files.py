"""Where original files are looked for."""

import dataclasses

import pytest

from vsc_jax.datasets._files import find_file
from vsc_jax.datasets._source import Request
from vsc_jax.datasets.sources._digits import DIGITS

TOY = dataclasses.replace(DIGITS, name="toy")


def test_files_are_looked_for_in_the_folder_and_below_the_name(tmp_path):
    names, suffixes = ("a.npz", "b.npz"), (".npz",)

    def find(path):
        return find_file(Request(TOY, path), names, suffixes=suffixes)

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
