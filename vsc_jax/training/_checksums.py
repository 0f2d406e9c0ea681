"""Checksums of the files in a folder: a flipped bit is noticed before it is used."""

import hashlib
import json
import os
from pathlib import Path

FILE_NAME = "checksums.json"
_OF_ORBAX = "_CHECKPOINT_METADATA"


def write_checksums(folder: Path) -> None:
    """Notes the SHA-256 of every file below the folder in its `checksums.json`."""
    digests = {
        path.relative_to(folder).as_posix(): _digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != FILE_NAME
    }
    with (folder / FILE_NAME).open("w") as file:
        json.dump({"sha256": digests}, file)
        file.flush()
        os.fsync(file.fileno())


def has_checksums(folder: Path) -> bool:
    """Whether there are checksums: missing ones are damage, unless `came_without`."""
    return (folder / FILE_NAME).exists()


def came_without(folder: Path) -> bool:
    """Whether this is a checkpoint of the versions that noted no checksums.

    They left all to Orbax, whose manager puts a file of its own into the folder.
    """
    return not has_checksums(folder) and (folder / _OF_ORBAX).exists()


def find_damage(folder: Path, *, within: str = "") -> str | None:
    """What of the files is not as it was when their checksums were noted.

    Files that were added since (by a file manager, say) are no damage.

    Args:
      folder: the folder given to `write_checksums`.
      within: looks only at files whose path in the folder begins with this.

    Returns:
      The first file that differs and how, or None if all are as they were, or
      checksums were never noted.
    """
    if came_without(folder):
        return None
    if not has_checksums(folder):
        return f"{FILE_NAME} is missing"
    try:
        noted = json.loads((folder / FILE_NAME).read_text())["sha256"].items()
        digests = sorted(pair for pair in noted if pair[0].startswith(within))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"{FILE_NAME} cannot be read"
    if not digests:
        return f"{FILE_NAME} names no file of {within or 'the folder'}"
    faults = (_find_fault(folder, name, digest) for name, digest in digests)
    return next(filter(None, faults), None)


def _find_fault(folder: Path, name: str, digest: str) -> str | None:
    try:
        if _digest(folder / name) == digest:
            return None
    except FileNotFoundError:
        return f"{name} is missing"
    except (OSError, ValueError) as error:
        return f"{name} cannot be read: {getattr(error, 'strerror', None) or error}"
    return f"{name} is not what was saved: its SHA-256 differs"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
