"""Data that tensorflow-datasets has prepared, read without TensorFlow.

Nothing is ever downloaded here: preparing image data needs TensorFlow, and a download
without a network waits for minutes before it fails.
"""

import json
import os
import pathlib
from typing import Any

import numpy as np

from vsc_jax._memory import check_memory
from vsc_jax.datasets._pixels import resize_array
from vsc_jax.datasets._source import DatasetNotFoundError, Request

_CHUNK = 1024


def default_data_dir() -> pathlib.Path:
    """The folder in which tensorflow-datasets keeps its data."""
    default = os.path.join("~", "tensorflow_datasets")
    return pathlib.Path(os.environ.get("TFDS_DATA_DIR", default)).expanduser()


def find_prepared(request: Request) -> pathlib.Path | None:
    """The folder of the newest version prepared as array_record, or None.

    Looks in `request.path` if there is one, else in the default data directory.

    Raises:
      DatasetNotFoundError: if it was prepared, but only in another format.
    """
    data_dir = request.path or default_data_dir()
    infos = [data_dir / "dataset_info.json"]
    for pattern in ("*", "*/*"):
        infos += (data_dir / request.name).glob(f"{pattern}/dataset_info.json")
    formats = {}
    for info in infos:
        if info.is_file():
            try:
                described = json.loads(info.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ValueError(f"{info} is not readable: {error}") from error
            if described.get("name", request.name) == request.name:
                formats[info.parent] = described.get("fileFormat", "tfrecord")
    readable = [path for path, kind in formats.items() if kind == "array_record"]
    if readable:
        return max(readable, key=_version)
    if formats:
        path, kind = next(iter(formats.items()))
        raise DatasetNotFoundError(
            f"{request.name} was prepared in {path} as {kind}, which cannot be read "
            "without TensorFlow. Prepare it as array_record: "
            f"{prepare_command(request)}"
        )
    return None


def read_prepared(
    folder: pathlib.Path,
    split: str,
    *,
    rows: np.ndarray | None = None,
    label_keys: tuple[str, ...] = (),
    image_size: int | None = None,
    channels: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of one split of a prepared data set.

    Args:
      folder: as `find_prepared` found it.
      split: a name such as "train".
      rows: the rows to read, or None for all.
      label_keys: the features that are the columns of the labels.
      image_size: as `resize_array`.
      channels: as `resize_array`.

    Returns:
      `uint8 [n, height, width, channels]` and `int64 [n, len(label_keys)]`.

    Raises:
      TooLargeError: if the images do not fit into the memory that is free.
    """
    source = _open(folder, split)
    rows = np.arange(len(source)) if rows is None else rows
    images, labels = [], []
    for start in range(0, len(rows), _CHUNK):
        examples = source.__getitems__(rows[start : start + _CHUNK].tolist())
        pixels = np.stack([example["image"] for example in examples])
        resized = resize_array(pixels, image_size=image_size, channels=channels)
        if not images:
            # Twice, for they are joined at the end.
            check_memory(
                2 * len(rows) * resized[0].nbytes,
                f"{len(rows):,} images of {folder}",
                hint="Give num_train and num_test, or a smaller image_size.",
            )
        images.append(resized)
        labels += [[int(example[key]) for key in label_keys] for example in examples]
    return np.concatenate(images), np.array(labels).reshape(len(rows), -1)


def num_prepared(folder: pathlib.Path, split: str) -> int:
    """Number of examples of one split."""
    return len(_open(folder, split))


def prepare_command(request: Request) -> str:
    """The shell command that downloads and prepares a data set."""
    data_dir = f", data_dir='{request.path}'" if request.path else ""
    return (
        'pip install "vsc_jax[tfds]" && python -c "import tensorflow_datasets as tfds; '
        f"tfds.builder('{request.name}', file_format='array_record'{data_dir})"
        '.download_and_prepare()"'
    )


def _open(folder: pathlib.Path, split: str) -> Any:
    import tensorflow_datasets as tfds

    builder: Any = tfds.builder_from_directory(folder)
    return builder.as_data_source(split=split)


def _version(path: pathlib.Path) -> tuple[int, ...]:
    parts = path.name.split(".")
    return tuple(int(part) for part in parts) if all(map(str.isdigit, parts)) else ()
