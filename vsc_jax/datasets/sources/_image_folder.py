"""A user's own pictures: all files of a folder and its subfolders."""

import pathlib
from collections.abc import Sequence

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._fingerprint import fingerprint_files
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._pictures import read_pictures
from vsc_jax.datasets._source import DatasetNotFoundError, Request, Source
from vsc_jax.datasets._walk import (
    LeftOut,
    describe_left_out,
    picture_extensions,
    walk_pictures,
)

# Folders of these names, in small letters, are a split; of the second kind the first
# that is there is for testing.
_TRAIN = ("train", "training")
_TEST = ("test", "testing", "val", "valid", "validation")


def load_image_folder(request: Request) -> Dataset:
    """Pictures in the order of their paths; the last tenth of a permutation is test.

    If there are pictures in at least two subfolders, the name of the first subfolder on
    the way to a picture is its label, numbered in the order of the sorted names.
    Pictures beside the subfolders are then left out, unless they are the most: in that
    case all pictures are taken, and there are no labels. Where the only subfolders are
    "train" and "test" (or "val"), these are the split, and the subfolders in them the
    labels. The notes of the data set say what was taken and what was not.
    """
    folder = request.require_path("a folder of pictures")
    if not folder.is_dir():
        raise ValueError(f"image_folder needs a folder, but {folder} is a file.")
    names, left_out = walk_pictures(folder)
    if not names:
        found = describe_left_out(left_out)
        raise DatasetNotFoundError(
            f"image_folder found no pictures in {folder}; looked for files ending in "
            f"{' '.join(sorted(picture_extensions()))}, in subfolders too"
            f"{f', and left out {found}' if found else ''}."
        )
    halves = _find_halves(names)
    if halves:
        names = _keep(names, halves, left_out)
    names, labels, label_names, why_not = _labels(names, left_out, bool(halves))
    if halves:
        of_train = np.array([name.parts[0] == halves[0] for name in names])
        rng = np.random.default_rng(request.seed)
        train, test, split_notes = request.cut_own(
            rng.permutation(np.flatnonzero(of_train)),
            rng.permutation(np.flatnonzero(~of_train)),
        )
    else:
        train, test, split_notes = request.split_own(len(names))
    rows = np.concatenate([train, test])
    images, picture_notes = read_pictures(
        [folder / names[row] for row in rows],
        image_size=request.image_size,
        channels=request.channels,
    )
    return make_dataset(
        request,
        images,
        images.shape[1:],
        np.arange(len(train)),
        np.arange(len(train), len(rows)),
        factors=None if labels is None else labels[rows, None],
        factor_names=("label",) if label_names else (),
        factor_sizes=(len(label_names),) if label_names else (),
        label_factor="label" if label_names else None,
        label_names=label_names,
        notes=(
            _report(folder, len(names), label_names, halves, why_not, left_out),
            *split_notes,
            *picture_notes,
        ),
        fingerprint=fingerprint_files(folder, names),
    )


def _find_halves(names: Sequence[pathlib.Path]) -> tuple[str, str] | None:
    """The subfolders that are the train and the test split, if that is what they are.

    There may be one of each name, and no other subfolder, and most pictures are inside.
    """
    inside = [name.parts[0] for name in names if len(name.parts) > 1]
    by_name: dict[str, list[str]] = {}
    for folder in sorted(set(inside)):
        by_name.setdefault(folder.lower(), []).append(folder)
    train = [name for name in _TRAIN if name in by_name]
    test = [name for name in _TEST if name in by_name]
    only = len(train) + len(test) == len(set(inside))
    if len(train) != 1 or not test or not only or 2 * len(inside) <= len(names):
        return None
    return by_name[train[0]][0], by_name[test[0]][0]


def _keep(
    names: list[pathlib.Path], halves: tuple[str, str], left_out: LeftOut
) -> list[pathlib.Path]:
    """The pictures in these two folders; others are added to `left_out`."""
    others = [name for name in names if name.parts[0] not in halves]
    if others:
        left_out[f"neither in {halves[0]} nor in {halves[1]}"] = others
    return [name for name in names if name.parts[0] in halves]


def _labels(
    names: list[pathlib.Path], left_out: LeftOut, has_halves: bool
) -> tuple[list[pathlib.Path], np.ndarray | None, tuple[str, ...], str]:
    """The pictures to take, their labels and the labels' names, or why there are none.

    Pictures that are not taken are added to `left_out`.
    """
    place = int(has_halves)  # of the labels among the parts of a path
    inside = [name for name in names if len(name.parts) > place + 1]
    loose = [name for name in names if len(name.parts) == place + 1]
    folders = sorted({name.parts[place] for name in inside})
    if not folders:
        return names, None, (), ""
    if len(folders) == 1:
        return names, None, (), f"no labels, for {folders[0]} is the only subfolder"
    half_lost = has_halves and len({name.parts[0] for name in inside}) < 2
    if len(loose) >= len(inside) or half_lost:
        why_not = f"no labels, for {len(loose)} lie beside the subfolders"
        return names, None, (), why_not
    if loose:
        left_out["beside the subfolders that are the labels"] = loose
    labels = np.searchsorted(folders, [name.parts[place] for name in inside])
    return inside, labels, tuple(folders), ""


def _report(
    folder: pathlib.Path,
    num: int,
    label_names: tuple[str, ...],
    halves: tuple[str, str] | None,
    why_not: str,
    left_out: LeftOut,
) -> str:
    """One line: what was taken, and what was left out and why."""
    taken = f"image_folder took {num} pictures of {folder}"
    if label_names:
        taken += f" with {len(label_names)} labels, the names of its subfolders"
    parts = [taken, why_not]
    if halves:
        parts.append(f"its subfolders {halves[0]} and {halves[1]} are the split")
    lower = {name.lower() for name in label_names}
    if lower & {*_TRAIN} and lower & {*_TEST}:
        parts.append(
            "all its subfolders are labels and none is a split, for there are others "
            "beside train and test"
        )
    if left_out:
        parts.append(f"left out {describe_left_out(left_out)}")
    return "; ".join(filter(None, parts)) + "."


IMAGE_FOLDER = Source(
    name="image_folder",
    load=load_image_folder,
    images="yours",
    split="90 % / 10 %",
    origin="the folder `data.path`; names of subfolders are labels",
)
