"""Original files from where they are published, if that is asked for."""

import hashlib
import pathlib
from typing import Any

from vsc_jax.datasets._source import DatasetNotFoundError, Source

# Seconds without an answer after which a server counts as gone.
_TIMEOUT = 30
_CHUNK = 1 << 20


def fetch_files(source: Source, folder: pathlib.Path | None) -> pathlib.Path:
    """Downloads the files of a data set that are not in a folder yet.

    A file appears under its name when it is whole and has the published checksum.

    Args:
      source: with its `downloads`.
      folder: where the files belong; None for a folder in the user's cache.

    Returns:
      The folder.

    Raises:
      ValueError: if no files of the data set are known, if one that is there is not the
        original, or if what the server sends is not.
      DatasetNotFoundError: if a file cannot be had.
      ImportError: if the package pooch is missing.
    """
    if not source.downloads:
        raise ValueError(
            f"download must be False for {source.name}: no files are known for it with "
            "their address, licence and checksum."
        )
    if folder is not None and folder.is_file():
        return folder
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise ImportError(
            'downloading needs the package pooch: pip install "vsc_jax[download]".'
        ) from error
    if folder is None:
        folder = pathlib.Path(pooch.os_cache("vsc_jax")) / source.name
    for name, (size, digest) in source.downloads.items():
        if not _is_there(folder / name, size, digest):
            _fetch(source.address + name, folder / name, size, digest)
    return folder


def _is_there(path: pathlib.Path, size: int, digest: str) -> bool:
    """Whether the original file is there; one that is not it is left to the user."""
    if not path.exists():
        return False
    if path.stat().st_size == size:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == digest:
                return True
    raise ValueError(
        f"{path} is there, but is not the original file of {size:,} bytes; move it "
        "away, or load it without the download."
    )


def _fetch(url: str, path: pathlib.Path, size: int, digest: str) -> None:
    import pooch
    import requests

    def stream(url: Any, output_file: Any, _: object) -> None:
        # As pooch does it, but for the connection, which is closed after errors too.
        with (
            requests.get(url, stream=True, timeout=_TIMEOUT) as response,
            open(output_file, "wb") as file,
        ):
            response.raise_for_status()
            for part in response.iter_content(_CHUNK):
                file.write(part)
        # One that was cut off is told from one that is another.
        found = pathlib.Path(output_file).stat().st_size
        if found != size:
            raise requests.ConnectionError(f"it sent {found:,} bytes of {size:,}")

    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{digest}",
            fname=path.name,
            path=path.parent,
            downloader=stream,  # type: ignore[arg-type]  (theirs take more)
        )
    except requests.RequestException as error:
        raise DatasetNotFoundError(
            f"{url} cannot be downloaded: {_reason(error)}; nothing is kept of it. Try "
            f"again, or put {path.name} into {path.parent} yourself."
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{url} is not the file that is known, for its SHA-256 is not {digest}; "
            "nothing is kept of it."
        ) from error
    except OSError as error:
        raise DatasetNotFoundError(
            f"{path} cannot be written: {error.strerror or error}; give another path."
        ) from error


def _reason(error: Exception) -> str:
    """What went wrong, in a line."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code} {response.reason}"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text:.200}"
