"""Files that are written whole or not at all."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A file beside `path` to write into, which takes its place at the end.

    Where the block ends with an error, such as that of a full disk, the file is removed
    and `path` stays as it was.

    Args:
      path: the file; its folder must be there.

    Yields:
      The path of the file to write into.

    Raises:
      OSError: that of the block, which names `path` even where the system names no
        file.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        try:
            yield temporary
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.errno is None:  # of a library, such as Pillow
            raise OSError(f"{error}: {path}") from error
        raise OSError(error.errno, error.strerror, str(path)) from error
