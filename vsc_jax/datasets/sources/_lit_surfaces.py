"""Surfaces under many lights, drawn here: the factors of faces without their download.

Faces that are each lit from many sides (`yale_b`) have two factors that all of them
share, azimuth and elevation of the light, beside whose face it is. Here 38 smooth
surfaces stand for the 38 faces. The height of surface c at the point (x, y), both in
[-1, 1] with x to the right and y up, is

    h_c(x, y) = -1.5 (x^2 + y^2) / 2 + sum_k (s / |w_k|) cos(w_k . (x, y) + phi_k),

a dome that all of them share, as heads do, and eight waves of random direction,
length and phase, with s = 0.25. With the normal n = (-dh/dx, -dh/dy, 1), made of
length one, and the light from l = (cos e sin a, sin e, cos e cos a), a pixel is

    max(0, n . l),

which is Lambert's law for a white surface and one distant light, without any other
light. A point is dark where it faces away from the light; the shadows that one part of
a surface casts on another are left out. Azimuth a and elevation e are the angles of
the light seen from the surface: at a = e = 0 it comes from the eye, at a > 0 from the
right of the image, at e > 0 from above.

Each of eight azimuths meets each of eight elevations: the middles of eight equal parts
of [-130, 130] and [-40, 90] degrees. So value k of `azimuth` is -113.75 + 32.5 k
degrees and value k of `elevation` is -31.875 + 16.25 k. All numbers are our own.
"""

import numpy as np

from vsc_jax._memory import check_memory
from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._ground_truth import GroundTruth
from vsc_jax.datasets._make_dataset import kept_rows, make_dataset
from vsc_jax.datasets._pixels import resize_array
from vsc_jax.datasets._source import Request, Source

_GRID = GroundTruth(("label", "azimuth", "elevation"), (38, 8, 8))
_NUM_TRAIN = 2_000
_DEFAULT_SIZE = 64
# Of fewer pixels the shortest waves would be lost between them.
_MIN_SIZE = 16

AZIMUTHS = -130.0 + 260.0 * (np.arange(8) + 0.5) / 8
ELEVATIONS = -40.0 + 130.0 * (np.arange(8) + 0.5) / 8

_SURFACE_SEED = 38
_CURVATURE = 1.5
_NUM_WAVES = 8
# Radians per unit of length: a half to two waves from one side to the other.
_FREQUENCIES = (np.pi / 2, 2 * np.pi)
_STEEPNESS = 0.25


def load_lit_surfaces(request: Request) -> Dataset:
    """2,000 train and 432 test images of a permutation; the surfaces have no seed."""
    image_size = _DEFAULT_SIZE if request.image_size is None else request.image_size
    if image_size < _MIN_SIZE:
        raise ValueError(
            f"image_size of lit_surfaces must be {_MIN_SIZE} or more, got {image_size}."
        )
    num = _GRID.num_images
    rows, train, test = kept_rows(*request.split(num, num - _NUM_TRAIN), num)
    check_memory(
        len(rows) * image_size**2 * (request.channels or 1),
        f"{len(rows):,} surfaces of {image_size}x{image_size} pixels",
        hint="Give a smaller image_size, or num_train and num_test.",
    )
    factors = _GRID.factors_from_index(rows)
    images = np.empty((len(rows), image_size, image_size, 1), np.uint8)
    x, y = pixel_centres(image_size)
    for label, (waves, phases) in enumerate(draw_surfaces()):
        places = np.flatnonzero(factors[:, 0] == label)
        azimuth, elevation = factors[places, 1:].T
        lights = directions(AZIMUTHS[azimuth], ELEVATIONS[elevation])
        pixels = shade(slopes(waves, phases, x, y), lights)
        images[places, ..., 0] = np.rint(255.0 * pixels)
    images = resize_array(images, image_size=None, channels=request.channels)
    return make_dataset(
        request,
        images,
        images.shape[1:],
        train,
        test,
        factors=factors,
        factor_names=_GRID.factor_names,
        factor_sizes=_GRID.factor_sizes,
        label_factor="label",
        label_names=tuple(f"surface_{c:02d}" for c in range(_GRID.factor_sizes[0])),
    )


def draw_surfaces() -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each surface the vectors w `[8, 2]` and the phases `[8]` of its waves."""
    surfaces = []
    for label in range(_GRID.factor_sizes[0]):
        rng = np.random.default_rng([_SURFACE_SEED, label])
        angles, phases = 2 * np.pi * rng.random((2, _NUM_WAVES))
        frequency = rng.uniform(*_FREQUENCIES, _NUM_WAVES)
        direction = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        surfaces.append((frequency[:, None] * direction, phases))
    return surfaces


def pixel_centres(image_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Places x and y `[image_size, image_size]` of pixels, row by row from the top."""
    along = (2.0 * np.arange(image_size) + 1.0) / image_size - 1.0
    x, down = np.meshgrid(along, along)
    return x, -down


def slopes(
    waves: np.ndarray, phases: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """dh/dx and dh/dy `[..., 2]` of a surface at the points x, y `[...]`."""
    points = np.stack([x, y], axis=-1)
    unit = waves / np.linalg.norm(waves, axis=1, keepdims=True)
    return -_CURVATURE * points - _STEEPNESS * np.sin(points @ waves.T + phases) @ unit


def directions(azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """Unit vectors `[n, 3]` to lights at these angles `[n]` in degrees."""
    a, e = np.deg2rad(azimuth), np.deg2rad(elevation)
    return np.stack([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)], axis=1)


def shade(slope: np.ndarray, lights: np.ndarray) -> np.ndarray:
    """max(0, n . l), `[n, height, width]`, of slopes `[height, width, 2]`."""
    normal = np.concatenate([-slope, np.ones_like(slope[..., :1])], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return np.maximum(np.moveaxis(normal @ lights.T, -1, 0), 0.0)


LIT_SURFACES = Source(
    name="lit_surfaces",
    load=load_lit_surfaces,
    images="64x64 unless you say otherwise",
    split="2,000 / 432",
    origin="drawn here: 38 surfaces, each under 64 lights, in place of faces",
)
