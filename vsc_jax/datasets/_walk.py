"""One walk over a folder of pictures: what it takes, and what it leaves out and why."""

import collections
import os
import pathlib
import stat

from PIL import Image

_EXTENSIONS = frozenset(
    (
        *(".apng", ".avif", ".bmp", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg"),
        *(".jpg", ".pbm", ".pcx", ".pgm", ".png", ".pnm", ".ppm", ".qoi", ".tga"),
        *(".tif", ".tiff", ".webp"),
    )
)
# What archives of macOS leave beside the files.
_HIDDEN = "__MACOSX"
_NUM_NAMED = 3

LeftOut = dict[str, list[pathlib.Path]]


def picture_extensions() -> frozenset[str]:
    """Endings of files that are taken for pictures: those that Pillow can open here."""
    known = Image.registered_extensions()
    return frozenset(
        extension for extension in _EXTENSIONS if known.get(extension) in Image.OPEN
    )


def walk_pictures(folder: pathlib.Path) -> tuple[list[pathlib.Path], LeftOut]:
    """Picture files in a folder and its subfolders.

    Links are followed; a folder that is reached a second time is left out, so that a
    link to a folder above it does not go round, and so is a file, which might be in
    the train and the test split. Files and folders whose names begin with a dot are
    left out.

    Args:
      folder: where to begin.

    Returns:
      Sorted paths relative to the folder, and by reason the paths that were left out.
    """
    extensions = picture_extensions()
    files: list[tuple[bool, pathlib.Path, tuple[int, int]]] = []
    left_out: LeftOut = collections.defaultdict(list)
    seen = {_identity(folder.stat())}
    waiting = collections.deque([pathlib.Path()])
    while waiting:
        directory = waiting.popleft()
        try:
            entries = list(os.scandir(folder / directory))
        except OSError as error:
            left_out[str(error.strerror)].append(directory)
            continue
        # A folder itself is taken before links to it.
        entries.sort(key=lambda entry: (entry.is_symlink(), entry.name))
        for entry in entries:
            path = directory / entry.name
            picture = path.suffix.lower() in extensions
            try:
                status = entry.stat()
            except OSError as error:
                left_out[str(error.strerror)].append(path)
                continue
            is_folder = stat.S_ISDIR(status.st_mode)
            if entry.name.startswith(".") or entry.name == _HIDDEN:
                if is_folder or picture:
                    left_out["hidden"].append(path)
            elif is_folder:
                if _identity(status) in seen:
                    left_out["a folder that is taken already"].append(path)
                else:
                    seen.add(_identity(status))
                    waiting.append(path)
            elif not picture:
                left_out["not a picture"].append(path)
            elif not stat.S_ISREG(status.st_mode):
                left_out["no regular file"].append(path)
            else:
                files.append((entry.is_symlink(), path, _identity(status)))
    return _once(files, left_out), dict(left_out)


def describe_left_out(left_out: LeftOut) -> str:
    """Names and numbers by reason, such as "notes.txt and 3 more (not a picture)"."""
    parts = []
    for reason, paths in left_out.items():
        named = ", ".join(str(path) for path in paths[:_NUM_NAMED])
        more = len(paths) - _NUM_NAMED
        parts.append(f"{named}{f' and {more} more' if more > 0 else ''} ({reason})")
    return ", ".join(parts)


def _once(
    files: list[tuple[bool, pathlib.Path, tuple[int, int]]], left_out: LeftOut
) -> list[pathlib.Path]:
    """The sorted paths of files: of several to one file, the one that is no link."""
    taken: set[tuple[int, int]] = set()
    paths = []
    for _, path, identity in sorted(files):
        if identity in taken:
            left_out["a file that is taken already"].append(path)
        else:
            paths.append(path)
        if identity[1]:  # not every file system numbers its files
            taken.add(identity)
    return sorted(paths)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
