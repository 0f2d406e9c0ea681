"""Files are written whole or not at all, and errors name them."""

import errno

import pytest

from vsc_jax._files import whole_file


def test_the_file_is_there_at_the_end(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_an_error_leaves_what_was_there(error, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(type(error)), whole_file(path) as temporary:
        temporary.write_text("ne")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left"), r"\[Errno 28\] No space left: '.*/a"),
        (OSError("encoder error -2"), "encoder error -2: .*/a$"),
    ],
)
def test_an_error_of_the_system_names_the_file(error, said, tmp_path):
    with pytest.raises(OSError, match=said), whole_file(tmp_path / "a"):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    path = tmp_path / "nowhere" / "a"
    with pytest.raises(FileNotFoundError) as caught, whole_file(path) as temporary:
        temporary.write_text("")
    assert caught.value.filename == str(path)
