"""The folder of one checkpoint: what makes it whole, how it appears and goes.

<step>/state/             the arrays, written by Orbax
<step>/meta/metadata      a JSON dict
<step>/metrics/metrics    {"loss": the test loss}
<step>/checksums.json     absent in checkpoints of earlier versions
"""

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vsc_jax.training._checksums import find_damage, write_checksums

PARTS = ("state", "meta", "metrics")
_META = Path("meta", "metadata")
_METRICS = Path("metrics", "metrics")
_SAVING, _DELETED = ".saving-", ".deleted-"
_MAX_DELETIONS = 50
_PAUSE = 0.05  # seconds


def find_steps(directory: Path) -> list[int]:
    """Steps after which something in the directory is named, ascending."""
    try:
        names = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(n) for n in names if n.isdecimal() and str(int(n)) == n)


def identify(directory: Path) -> dict[int, tuple[int, int]]:
    """Step -> what tells its folder from another one put in its place."""
    found = {}
    for step in find_steps(directory):
        try:
            stat = (directory / str(step)).stat()
        except FileNotFoundError:
            continue
        found[step] = (stat.st_ino, stat.st_mtime_ns)
    return found


def has_any_part(folder: Path) -> bool:
    """Whether the folder is, or was, one of a checkpoint."""
    return any((folder / part).is_dir() for part in PARTS)


def has_all_parts(folder: Path) -> bool:
    """Whether nothing of the checkpoint is missing as a whole."""
    return all((folder / part).is_dir() for part in PARTS)


def complete_steps(directory: Path) -> list[int]:
    """Steps whose checkpoint has all parts, ascending."""
    return [s for s in find_steps(directory) if has_all_parts(directory / str(s))]


def find_fault(folder: Path) -> str | None:
    """Why this is no whole checkpoint, as far as can be told without the arrays."""
    missing = [part for part in PARTS if not (folder / part).is_dir()]
    if missing:
        return f"{', '.join(missing)} missing"
    if damage := find_damage(folder):
        return damage
    if read_meta_file(folder) is None:
        return f"{_META} holds no JSON dict"
    if read_loss(folder) is None:
        return f"{_METRICS} holds no loss"
    return None


def read_meta_file(folder: Path) -> dict[str, Any] | None:
    """The `meta` of a checkpoint; None where it cannot be read or is damaged."""
    if find_damage(folder, within="meta/"):
        return None
    try:
        meta = json.loads((folder / _META).read_text())
    except (OSError, ValueError):
        return None
    return meta if isinstance(meta, dict) else None


def read_loss(folder: Path) -> float | None:
    """The test loss of a checkpoint; None where it cannot be read or is damaged."""
    if find_damage(folder, within="metrics/"):
        return None
    try:
        return float(json.loads((folder / _METRICS).read_text())["loss"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def saving_folder(directory: Path, step: int) -> Path:
    """Where a checkpoint is written before it is complete."""
    return directory / f"{_SAVING}{step}"


def commit(directory: Path, step: int, meta: Mapping[str, Any], loss: float) -> None:
    """Completes the checkpoint in its saving folder and gives it its name.

    Raises:
      OSError: if it cannot be written, or the name is taken.
      TypeError: if `meta` is not JSON-able.
    """
    folder = saving_folder(directory, step)
    for path, content in ((_META, meta), (_METRICS, {"loss": loss})):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(json.dumps(content))
    write_checksums(folder)
    target = directory / str(step)
    if target.exists():
        raise OSError(f"{target} is in the way")
    folder.rename(target)


def delete(directory: Path, step: int) -> None:
    """Deletes a checkpoint: at one moment it is whole, at the next it is none."""
    doomed = directory / f"{_DELETED}{step}"
    shutil.rmtree(doomed, ignore_errors=True)
    (directory / str(step)).rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def delete_saving(directory: Path, step: int) -> None:
    """Deletes what was written of a checkpoint that could not be saved.

    Where one write failed, others may still go on and put their files back.
    """
    folder = saving_folder(directory, step)
    for _ in range(_MAX_DELETIONS):
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(_PAUSE)
        if not folder.exists():
            return


def delete_leftovers(directory: Path) -> None:
    """Deletes what a killed process left: half written, or half deleted."""
    for pattern in (f"{_SAVING}*", f"{_DELETED}*", "*.orbax-checkpoint-tmp*"):
        for path in directory.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)
