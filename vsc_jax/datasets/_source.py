"""What a data set says of itself, and what is asked of it."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping

import numpy as np

from vsc_jax.datasets._base import Dataset, rows_of_both


class DatasetNotFoundError(FileNotFoundError):
    """The files of a data set are not there; the message says how to get them."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set: how it is loaded, and what tables and errors say of it.

    Attributes:
      name: what `load_dataset` knows it by.
      load: makes the data set that was asked for.
      images: their size, such as "64x64 RGB".
      split: numbers of train and test images, such as "60,000 / 10,000".
      origin: where the images come from; names `data.path` if they come from there.
      original: the files that are looked for in `data.path`, as the error names them.
      url: where these files are to be had.
      tfds: whether tensorflow-datasets may have prepared it.
      extra: the extra of this package that it needs, such as "mnist-5k".
      checksums: bytes and SHA-256 of original files, where they are published.
      downloads: the same of the files that can be downloaded, where their address and
        licence are known as well.
      address: that of the folder with these files, with a slash at its end.
      licence: that of the data, for those who want to know before they have them.
    """

    name: str
    load: Callable[["Request"], Dataset]
    images: str
    split: str
    origin: str
    original: str = ""
    url: str = ""
    tfds: bool = False
    extra: str = ""
    checksums: Mapping[str, tuple[int, str]] = dataclasses.field(default_factory=dict)
    downloads: Mapping[str, tuple[int, str]] = dataclasses.field(default_factory=dict)
    address: str = ""
    licence: str = ""


@dataclasses.dataclass(frozen=True)
class Request:
    """The arguments of `load_dataset` that a source has to honour."""

    source: Source
    path: pathlib.Path | None = None
    image_size: int | None = None
    channels: int | None = None
    num_train: int | None = None
    num_test: int | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        """The name of the data set."""
        return self.source.name

    def cut(self, train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first `num_train` and `num_test` rows of a split.

        Raises:
          ValueError: if the split has fewer rows than asked for.
        """
        return (
            _first(train, self.num_train, "num_train", self.name),
            _first(test, self.num_test, "num_test", self.name),
        )

    def split(
        self, num: int, num_test: int, *, may_share: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows of a seeded permutation: the last `num_test` are the test split.

        Args:
          num: of all images.
          num_test: of the whole test split.
          may_share: whether `num_train` may go on into the test split, up to all.
        """
        order = self._shuffled(num)
        num_train = num - num_test
        if may_share:
            num_train = max(num_train, min(num, self.num_train or 0))
        return self.cut(order[:num_train], order[num - num_test :])

    def split_own(self, num: int) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
        """`split` of a user's own images, of which a tenth is for testing, and notes.

        There may be few of them: two are for testing where there are four to nineteen,
        since scores need two, and where more are asked for than there are, all are
        taken, and a note says so. One image more is another split: see `fingerprint`
        of a `Dataset`.
        """
        order = self._shuffled(num)
        num_test = max(1, min(2, num // 2), num // 10)
        return self.cut_own(order[: num - num_test], order[num - num_test :])

    def cut_own(
        self, train: np.ndarray, test: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
        """`cut` of a user's own images, which takes all where there are fewer."""
        there = {"num_train": len(train), "num_test": len(test)}
        asked = {name: getattr(self, name) for name in there}
        fewer = {
            name: most for name, most in there.items() if (asked[name] or 0) > most
        }
        notes = tuple(
            f"{name} is {most}, not {asked[name]}: {self.name} has no more."
            for name, most in fewer.items()
        )
        return *dataclasses.replace(self, **fewer).cut(train, test), notes

    def _shuffled(self, num: int) -> np.ndarray:
        if num < 2:
            raise ValueError(
                f"{self.name}: a train and a test split need at least 2 images, "
                f"found {num}."
            )
        return np.random.default_rng(self.seed).permutation(num)

    def check_fixed(self, image_size: int, *, hint: str = "") -> None:
        """Refuses another size than this one, and colour: the images are bits."""
        if self.image_size not in (None, image_size):
            raise ValueError(
                f"{self.name} has images of {image_size}x{image_size} pixels, got "
                f"image_size={self.image_size}.{hint}"
            )
        self.check_grey()

    def check_grey(self) -> None:
        """Refuses colour for a data set of black and white images."""
        if self.channels not in (None, 1):
            raise ValueError(
                f"{self.name} has black and white images held as bits; channels must "
                f"be 1 or left out, got {self.channels}."
            )

    def check_colored(self) -> None:
        """Refuses grey for a data set whose colours are its point."""
        if self.channels not in (None, 3):
            raise ValueError(
                f"{self.name} has colours; channels must be 3 or left out, got "
                f"{self.channels}."
            )

    def require_path(self, what: str) -> pathlib.Path:
        """The path; for data sets that are nothing without one.

        Raises:
          DatasetNotFoundError: if no path was given or nothing is there.
        """
        if self.path is None:
            raise DatasetNotFoundError(
                f"{self.name} needs a path to {what}: give "
                "load_dataset(..., path=...) or --config.data.path=."
            )
        if not self.path.exists():
            raise DatasetNotFoundError(
                f"{self.name} needs {what}, but nothing is at {self.path.absolute()}; "
                "say where it is (--config.data.path=)."
            )
        return self.path


def rows_of_split(
    train: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows of a split, each once, and the split as places among them.

    Those of the train split come first; test rows that are not in it follow.
    """
    rows = rows_of_both(train, test)
    place = np.empty(rows.max() + 1, np.int64)
    place[rows] = np.arange(len(rows))
    return rows, place[train], place[test]


def _first(rows: np.ndarray, num: int | None, argument: str, name: str) -> np.ndarray:
    if num is None:
        return rows
    if not 1 <= num <= len(rows):
        raise ValueError(f"{argument} of {name} must be in 1..{len(rows)}, got {num}.")
    return rows[:num]
