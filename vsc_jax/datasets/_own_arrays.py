"""A user's own images and factors: what they may be, and a data set of them."""

from typing import NamedTuple

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._fingerprint import fingerprint_arrays
from vsc_jax.datasets._make_dataset import make_dataset
from vsc_jax.datasets._pixels import pack, resize_array, with_channels
from vsc_jax.datasets._source import Request

# Scores make tables with a row for each value of a factor.
_MAX_VALUES = 1_000_000
# Images that reach no more than a quarter of white are doubtful.
_DARK = 64


class Origin(NamedTuple):
    """Where arrays come from, as messages say it.

    Attributes:
      of: behind the name of an array, " of FILE"; empty for those of a program.
      prefix: before a note, "FILE: ".
      give: what is done to have others in their place.
    """

    of: str = ""
    prefix: str = ""
    give: str = "give"


class OwnArrays(NamedTuple):
    """Images and factors that were checked.

    Attributes:
      images: `uint8 [n, height, width, channels]`.
      binary: whether they are of 0 and 255 alone.
      factors: integers `[n, num_factors]`, or None.
      factor_names: one per column of `factors`.
      factor_sizes: number of values per column of `factors`.
      label_factor: name of the factor that is the class of an image, or None.
      notes: what the user should know.
    """

    images: np.ndarray
    binary: bool
    factors: np.ndarray | None = None
    factor_names: tuple[str, ...] = ()
    factor_sizes: tuple[int, ...] = ()
    label_factor: str | None = None
    notes: tuple[str, ...] = ()

    def dataset(
        self,
        request: Request,
        train: np.ndarray,
        test: np.ndarray,
        *,
        label_names: tuple[str, ...] = (),
    ) -> Dataset:
        """A data set of these rows, of the size that is asked for."""
        images = resize_array(
            self.images, image_size=request.image_size, channels=request.channels
        )
        # Resizing makes greys of black and white.
        packed = self.binary and not np.any((images != 0) & (images != 255))
        return make_dataset(
            request,
            pack(images) if packed else images,
            images.shape[1:],
            train,
            test,
            packed=packed,
            factors=self.factors,
            factor_names=self.factor_names,
            factor_sizes=self.factor_sizes,
            label_factor=self.label_factor,
            label_names=label_names,
            category_factor="shape" if "shape" in self.factor_names else None,
            notes=self.notes,
            fingerprint=fingerprint_arrays(self.images, self.factors),
        )


def own_arrays(
    images: np.ndarray,
    factors: np.ndarray | None,
    *,
    factors_are: str = "factors",
    factor_names: tuple[str, ...] = (),
    origin: Origin,
) -> OwnArrays:
    """Checks images, and factors if there are any.

    Args:
      images: `[n, h, w]` or `[n, h, w, c]`, integers in 0..255, or floats or bools in
        [0, 1].
      factors: integers from 0 on, `[n, num_factors]`, or `[n]` for a label; None for
        none.
      factors_are: the name that they have, "factors" or "labels"; labels may also be
        `[n, 1]`, or `[n, k]` with a single one in each row.
      factor_names: one per column; () for numbers.
      origin: of both.

    Raises:
      ValueError: if they are not such arrays.
    """
    shape_notes = _check_shape(images.shape, origin)
    pixels, binary, image_notes = _as_bytes(images, origin)
    own = OwnArrays(pixels, binary, notes=(*shape_notes, *image_notes))
    if factors is None:
        return own
    class_notes: tuple[str, ...] = ()
    if factors_are == "labels":
        factors, class_notes = _plain_labels(factors, origin)
    single = factors.ndim == 1
    table = _check_factors(factors, factors_are, len(images), origin)
    if factors_are == "factors" and not factor_names:
        class_notes = _maybe_labels(factors, origin)
    names = _check_names(factor_names, factors_are, table, single, origin)
    label, label_notes = _label_factor(table, names, single, origin)
    return own._replace(
        factors=table,
        factor_names=names,
        factor_sizes=tuple(int(size) + 1 for size in table.max(axis=0)),
        label_factor=label,
        notes=(*own.notes, *class_notes, *label_notes),
    )


def _as_bytes(
    images: np.ndarray, origin: Origin
) -> tuple[np.ndarray, bool, tuple[str, ...]]:
    """Images `uint8 [n, h, w, c]`, whether they are of 0 and 255 alone, and notes."""
    images = with_channels(images)
    if images.dtype.kind not in "biuf":
        raise ValueError(
            f"images{origin.of} must be integers in 0..255 or floats in [0, 1], got "
            f"dtype {images.dtype}."
        )
    low, high = images.min(), images.max()
    floats = images.dtype.kind == "f"
    if floats and not (low >= 0.0 and high <= 1.0):
        divide = "; divide by 255 where that is white" if 1.0 < high <= 255.0 else ""
        raise ValueError(
            f"float images{origin.of} must be in [0, 1], got {low} to {high}{divide}."
        )
    if not floats and (low < 0 or high > 255):
        raise ValueError(
            f"integer images{origin.of} must be in 0..255, got {low} to {high}."
        )
    # Decided by what is stored, since dark floats become bytes of 0 and 1 as well.
    if np.all((images == 0.0) | (images == 1.0)) if floats else high <= 1:
        return images.astype(np.uint8) * np.uint8(255), True, ()
    if floats:
        doubt = f"floats up to {high:.3g}, where 1 is white; were they divided twice?"
        dark = 255.0 * high < _DARK
        images = np.rint(images * 255.0)
    else:
        doubt = (
            f"integers up to {high}, where 255 is white; if it should be {high}, "
            f"{origin.give} floats: images / {high}."
        )
        dark = high < _DARK
    notes = (f"{origin.prefix}{doubt}",) if dark else ()
    return images.astype(np.uint8), False, notes


def _check_shape(shape: tuple[int, ...], origin: Origin) -> tuple[str, ...]:
    """Refuses what are no images; a note if they may be meant in another order."""
    wanted = "[n, height, width] or [n, height, width, 1 or 3]"
    if len(shape) == 3 and shape[2] in (1, 3):
        raise ValueError(
            f"images{origin.of} must have shape {wanted}, got {shape}, which may be a "
            f"single image; {shape[0]} grey images of {shape[1]}x{shape[2]} are given "
            "as images[..., None]."
        )
    known = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))
    if not known or 0 in shape:
        hint = ""
        if len(shape) == 4 and shape[1] in (1, 3):
            hint = "; channels come last: numpy.moveaxis(images, 1, -1)"
        raise ValueError(
            f"images{origin.of} must have shape {wanted}, got {shape}{hint}."
        )
    if len(shape) == 3 and shape[0] == shape[1] != shape[2]:
        num, height, width = shape
        return (
            f"{origin.prefix}taken as {num} images of {height}x{width}; if they are "
            f"{width} of {num}x{height}, {origin.give} numpy.moveaxis(images, -1, 0).",
        )
    return ()


def _plain_labels(
    labels: np.ndarray, origin: Origin
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels `[n, 1]`, and `[n, k]` with a single one per row, as `[n]`; notes."""
    if labels.ndim != 2:
        return labels, ()
    if labels.shape[1] == 1:
        return labels[:, 0], ()
    if labels.dtype.kind not in "biuf" or not labels.size:
        return labels, ()
    if not np.all((labels == 0) | (labels == 1)) or not np.all(labels.sum(1) == 1):
        return labels, ()
    note = (
        f"{origin.prefix}labels have a single one in each row, of {labels.shape[1]}: "
        "its place is the label."
    )
    return labels.argmax(axis=1), (note,)


def _maybe_labels(factors: np.ndarray, origin: Origin) -> tuple[str, ...]:
    """A note if factors without names look like one label per image."""
    if factors.ndim != 2:
        return ()
    if factors.shape[1] == 1:
        taken, give = "a single factor", "factors[:, 0]"
    elif np.all((factors == 0) | (factors == 1)) and np.all(factors.sum(axis=1) == 1):
        taken, give = f"{factors.shape[1]} factors", "factors.argmax(axis=1)"
    else:
        return ()
    return (
        f"{origin.prefix}taken as {taken}; if the values are classes, {origin.give} "
        f"labels: {give}.",
    )


def _check_factors(
    factors: np.ndarray, factors_are: str, num: int, origin: Origin
) -> np.ndarray:
    """The factors as integers `[n, num_factors]`."""
    name = f"{factors_are}{origin.of}"
    table = factors[:, None] if factors.ndim == 1 else factors
    if table.ndim != 2 or len(table) != num or not table.size:
        raise ValueError(
            f"{name} must have shape [{num}] or [{num}, num_factors], got "
            f"{factors.shape}."
        )
    if not np.issubdtype(table.dtype, np.integer) or table.min() < 0:
        raise ValueError(
            f"{name} must be integers from 0 on, got dtype {table.dtype}"
            + (f" with {table.min()}." if table.dtype.kind == "i" else ".")
        )
    if int(table.max()) >= _MAX_VALUES:
        raise ValueError(
            f"{name} must be below {_MAX_VALUES:,}, got {table.max()}; "
            "number the values from 0 on, as numpy.unique(..., return_inverse=True) "
            "does."
        )
    return table


def _check_names(
    names: tuple[str, ...],
    factors_are: str,
    factors: np.ndarray,
    single: bool,
    origin: Origin,
) -> tuple[str, ...]:
    """The names that were given, or those that factors have without any."""
    num = factors.shape[1]
    if not names:
        return ("label",) if single else tuple(f"factor_{i}" for i in range(num))
    if len(names) != num:
        raise ValueError(
            f"factor_names{origin.of} must have {num} names, one per column of "
            f"{factors_are}, got {len(names)}."
        )
    if len(set(names)) < num:
        raise ValueError(
            f"factor_names{origin.of} must differ from each other, got "
            f"{', '.join(names)}."
        )
    return names


def _label_factor(
    factors: np.ndarray, names: tuple[str, ...], single: bool, origin: Origin
) -> tuple[str | None, tuple[str, ...]]:
    """The name of the label, or None, and notes."""
    name = names[0] if single else "label" if "label" in names else None
    if name is None:
        return None, ()
    values = factors[:, names.index(name)]
    if np.all(values == values[0]):
        note = f"{origin.prefix}no labels, for {name} is {values[0]} everywhere."
        return None, (note,)
    return name, ()
