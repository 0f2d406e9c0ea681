"""The Extended Yale Face Database B from a folder of its PGM files.

Georghiades, Belhumeur, Kriegman, "From Few to Many: Illumination Cone Models for Face
Recognition under Variable Lighting and Pose" (PAMI 2001) and Lee, Ho, Kriegman,
"Acquiring Linear Subspaces for Face Recognition under Variable Lighting" (PAMI 2005):
38 subjects, each under 64 lights. The cropped version has 192x168 pixels and, without
the damaged images, 2,414 of them. The name of a file says what it shows:

    yaleB01_P00A+110E-20.pgm

is subject 01 in pose 00, from the front, with the light at 110 degrees of azimuth and
-20 of elevation: from the right of the subject, and from below. Subjects are numbered
01 to 39, and there is no 14.
"""

import pathlib
import re

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._files import not_found
from vsc_jax.datasets._fingerprint import fingerprint_files
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._pictures import read_pictures
from vsc_jax.datasets._source import Request, Source
from vsc_jax.datasets._walk import LeftOut, describe_left_out, walk_pictures

_SUBJECTS = tuple(number for number in range(1, 40) if number != 14)
_MAX_AZIMUTH, _MIN_ELEVATION, _MAX_ELEVATION = 130, -40, 90
_STEP = 5  # every angle of the database is a multiple of it
_SIZES = (
    len(_SUBJECTS),
    2 * _MAX_AZIMUTH // _STEP + 1,
    (_MAX_ELEVATION - _MIN_ELEVATION) // _STEP + 1,
)
_DEFAULT_SIZE = 64
_TEST_SHARE = 6
_AMBIENT = re.compile(r"yaleB\d{2}_P\d{2}_Ambient\.pgm")
_NAME = re.compile(r"yaleB(\d{2})_P(\d{2})A([+-]\d{3})E([+-]\d{2})\.pgm")


def load_yale_b(request: Request) -> Dataset:
    """Faces seen from the front; the last sixth of a permutation is the test split.

    Value k of `azimuth` is -130 + 5 k degrees and value k of `elevation` -40 + 5 k, so
    that both grow evenly with the angle; some angles have no light, and no pair of
    angles that is not one of the 64 lights. The label is the place of the subject among
    the 38, whether or not all are there. The notes say what was left out.
    """
    folder = request.path
    if folder is None or not folder.exists():
        raise not_found(request)
    if not folder.is_dir():
        raise ValueError(f"yale_b needs a folder, but {folder} is a file; unpack it.")
    names, factors, left_out = _find_faces(folder)
    if not names:
        raise not_found(request)
    train, test = request.split(len(names), max(1, len(names) // _TEST_SHARE))
    rows = np.concatenate([train, test])
    images, picture_notes = read_pictures(
        [folder / names[row] for row in rows],
        image_size=request.image_size or _DEFAULT_SIZE,
        channels=request.channels or 1,
    )
    return make_dataset(
        request,
        images,
        images.shape[1:],
        np.arange(len(train)),
        np.arange(len(train), len(rows)),
        factors=factors[rows],
        factor_names=("label", "azimuth", "elevation"),
        factor_sizes=_SIZES,
        label_factor="label",
        label_names=tuple(f"yaleB{number:02d}" for number in _SUBJECTS),
        notes=(*_report(folder, factors, left_out), *picture_notes),
        fingerprint=fingerprint_files(folder, names),
    )


def _find_faces(
    folder: pathlib.Path,
) -> tuple[list[pathlib.Path], np.ndarray, LeftOut]:
    """Files, their factors `[n, 3]`, and by reason the files that were left out."""
    pictures, others = walk_pictures(folder)
    left_out: LeftOut = {}
    faces: dict[tuple[int, int, int], pathlib.Path] = {}
    for path in pictures:
        found = _read_name(path.name)
        if isinstance(found, str):
            left_out.setdefault(found, []).append(path)
        elif found in faces:
            reason = "a subject and a light that are taken already"
            left_out.setdefault(reason, []).append(path)
        else:
            faces[found] = path
    # The endings of damaged images are no picture's.
    for reason, paths in others.items():
        for path in paths:
            why = "marked as bad" if path.suffix == ".bad" else reason
            left_out.setdefault(why, []).append(path)
    # Not the order of the paths, so that the split is the same wherever they lie.
    order = sorted(faces)
    factors = np.array(order, np.int32).reshape(-1, len(_SIZES))
    return [faces[face] for face in order], factors, left_out


def _read_name(name: str) -> tuple[int, int, int] | str:
    """Label, azimuth and elevation as numbers of values, or why it is left out."""
    if _AMBIENT.fullmatch(name):
        return "without the light, ambient"
    match = _NAME.fullmatch(name)
    if match is None:
        return "not a name of the database"
    subject, pose, azimuth, elevation = map(int, match.groups())
    if subject not in _SUBJECTS:
        return "no subject of the database"
    if pose:
        return "not from the front, pose 00"
    across, off_across = divmod(azimuth + _MAX_AZIMUTH, _STEP)
    up, off_up = divmod(elevation - _MIN_ELEVATION, _STEP)
    known = across in range(_SIZES[1]) and up in range(_SIZES[2])
    if not known or off_across or off_up:
        return "no angle of the database"
    return _SUBJECTS.index(subject), across, up


def _report(
    folder: pathlib.Path, factors: np.ndarray, left_out: LeftOut
) -> tuple[str, ...]:
    """What was left out and who is missing, a line each, or nothing."""
    notes = []
    if left_out:
        notes.append(
            f"yale_b took {len(factors)} images of {folder} and left out "
            f"{describe_left_out(left_out)}."
        )
    there = set(factors[:, 0].tolist())
    missing = [f"{number:02d}" for c, number in enumerate(_SUBJECTS) if c not in there]
    if missing:
        notes.append(
            f"yale_b has no images of {len(missing)} of its {len(_SUBJECTS)} subjects "
            f"in {folder}: {', '.join(missing)}."
        )
    return tuple(notes)


YALE_B = Source(
    name="yale_b",
    load=load_yale_b,
    images="faces, 64x64 unless you say otherwise",
    split="2,012 / 402",
    origin="folder of the original pgm files, in `data.path`",
    original="yaleB01_P00A+000E+00.pgm and so on, in any subfolders",
    url="http://vision.ucsd.edu/~iskwak/ExtYaleDatabase/ExtYaleB.html",
)
