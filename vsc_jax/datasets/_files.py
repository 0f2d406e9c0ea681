"""Original files of data sets: where they are, or how to get them."""

import pathlib

from vsc_jax.datasets._source import DatasetNotFoundError, Request
from vsc_jax.datasets._tfds import default_data_dir, prepare_command


def find_file(
    request: Request, names: tuple[str, ...], *, suffixes: tuple[str, ...]
) -> pathlib.Path | None:
    """The file that the path is, or the first of these names in it or below its name.

    Args:
      request: with the path.
      names: file names, also looked for in a subfolder with the data set's name.
      suffixes: what the name of a file must end in that is given itself.

    Raises:
      ValueError: if the path is a file with another suffix.
    """
    if request.path is None:
        return None
    if request.path.is_file():
        if request.path.suffix in suffixes:
            return request.path
        raise ValueError(
            f"{request.name} needs a file that ends in {' or '.join(suffixes)}, got "
            f"{request.path}."
        )
    folders = (request.path, request.path / request.name)
    paths = (folder / name for folder in folders for name in names)
    return next((path for path in paths if path.is_file()), None)


def not_found(request: Request) -> DatasetNotFoundError:
    """The error that says what was looked for, where, and how to get it."""
    source, path = request.source, request.path
    looked = f"in {path}" if path else "nowhere, as no path was given"
    if path and not path.exists():
        looked += ", which does not exist"
    lines = [
        f"the data set {source.name} is not here.",
        f"Looked for its original files ({source.original}): {looked}.",
    ]
    get = "To get it, "
    if source.downloads:
        megabytes = sum(size for size, _ in source.downloads.values()) / 1e6
        get += (
            "add --config.data.download=true (load_dataset(..., download=True); "
            f"{megabytes:,.0f} MB, licence {source.licence}), or "
        )
    get += (
        f"download the original files from {source.url} into a folder and give that "
        "folder as path (--config.data.path=FOLDER)"
    )
    if source.tfds:
        where = (path or default_data_dir()) / source.name
        lines.append(
            "Looked for data prepared by tensorflow-datasets as array_record: in "
            f"{where}."
        )
        get += f", or let tensorflow-datasets prepare it: {prepare_command(request)}"
    else:
        get += "."
    return DatasetNotFoundError("\n".join([*lines, get]))
