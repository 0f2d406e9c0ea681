"""What a walk over a folder of pictures takes and leaves out."""

import pathlib

from vsc_jax.datasets._walk import (
    describe_left_out,
    picture_extensions,
    walk_pictures,
)


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_files_come_in_the_order_of_their_paths(tmp_path):
    make(tmp_path, "b/z.png", "a.png", "b/a.jpg", "b-c/d.tiff", "a/b/c.GIF")
    files, left_out = walk_pictures(tmp_path)
    assert files == sorted(map(pathlib.Path, ["b/z.png", "a.png", "b/a.jpg",
                                              "b-c/d.tiff", "a/b/c.GIF"]))  # fmt: skip
    assert left_out == {}
    assert describe_left_out(left_out) == ""


def test_hidden_names_are_left_out_and_small_ones_not_mentioned(tmp_path):
    make(tmp_path, ".DS_Store", "._a.png", ".git/b.png", "__MACOSX/c.png", "d.png")
    files, left_out = walk_pictures(tmp_path)
    assert files == [pathlib.Path("d.png")]
    assert {str(path) for path in left_out.pop("hidden")} == {
        "._a.png",
        ".git",
        "__MACOSX",
    }
    assert not left_out


def test_links_that_go_round_end_and_a_folder_is_taken_under_its_own_name(tmp_path):
    make(tmp_path, "dog/a.png", "elsewhere/sub/b.png")
    (tmp_path / "aaa").symlink_to(tmp_path / "dog")
    (tmp_path / "dog" / "other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "sub" / "back").symlink_to(tmp_path / "dog")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    files, left_out = walk_pictures(tmp_path)
    assert [str(file) for file in files] == ["dog/a.png", "elsewhere/sub/b.png"]
    again = {str(path) for path in left_out["a folder that is taken already"]}
    assert again == {"aaa", "dog/other", "elsewhere/sub/back"}
    assert [str(p) for paths in left_out.values() for p in paths].count("self") == 1


def test_a_file_is_taken_once_under_its_own_name(tmp_path):
    make(tmp_path, "b/z.png", "c.png")
    make(tmp_path.parent / f"{tmp_path.name} elsewhere", "d.png")
    outside = tmp_path.parent / f"{tmp_path.name} elsewhere" / "d.png"
    (tmp_path / "a.png").symlink_to(tmp_path / "b" / "z.png")
    (tmp_path / "d.png").hardlink_to(tmp_path / "c.png")
    for name in ("e.png", "f.png"):
        (tmp_path / name).symlink_to(outside)
    files, left_out = walk_pictures(tmp_path)
    assert [str(file) for file in files] == ["b/z.png", "c.png", "e.png"]
    again = [str(path) for path in left_out["a file that is taken already"]]
    assert again == ["d.png", "a.png", "f.png"]


def test_three_names_stand_for_many(tmp_path):
    make(tmp_path, *(f"{i}.txt" for i in range(5)), "movie.mp4", "a.png")
    _, left_out = walk_pictures(tmp_path)
    assert describe_left_out(left_out) == (
        "0.txt, 1.txt, 2.txt and 3 more (not a picture)"
    )


def test_the_usual_endings_can_be_opened():
    assert {".png", ".jpg", ".jfif", ".tga", ".tif", ".webp"} <= picture_extensions()
    assert ".h5" not in picture_extensions()
