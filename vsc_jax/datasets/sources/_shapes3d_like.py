"""A room with one object, drawn here: the factors of Shapes3D without its download.

The grid is that of https://github.com/google-deepmind/3d-shapes: hues of floor, wall
and object, scale, shape and orientation of the view. The room and its light are our
own, so these are not the images of Shapes3D: a model trained on one is not for the
other.

For each pixel four rays are followed to the floor, the three walls or the object, and
from the floor on to the light. What they see is shaded by one distant light. A pixel
is linear in the colours of floor, wall and object, so that a view is traced once for
all the images that differ in colours only.
"""

import colorsys

import numpy as np

from vsc_jax.datasets._base import Dataset
from vsc_jax.datasets._ground_truth import GroundTruth
from vsc_jax.datasets._make_dataset import check_bytes, make_dataset
from vsc_jax.datasets._source import Request, Source
from vsc_jax.datasets.sources._shapes3d import (
    SHAPES3D_FACTOR_NAMES,
    SHAPES3D_FACTOR_SIZES,
    SHAPES3D_SHAPES,
)

_GRID = GroundTruth(SHAPES3D_FACTOR_NAMES, SHAPES3D_FACTOR_SIZES)
_NUM_TRAIN, _NUM_TEST = 20_000, 2_000
_SIZES = (32, 64)

_SCALES = np.linspace(0.75, 1.25, 8)
_ANGLES = np.deg2rad(np.linspace(-30.0, 30.0, 15))
_HUES = np.array([colorsys.hsv_to_rgb(k / 10, 0.85, 0.95) for k in range(10)])

# Lengths in units of about an object; y is up, the view from +z when not turned.
_ROOM = 3.2  # from the middle to each wall
_DISTANCE, _HEIGHT, _TARGET = 6.0, 2.9, 0.75
_FIELD = np.tan(np.deg2rad(20.0))  # half of the height of the view
_LIGHT = np.array([0.45, 0.75, 0.55]) / np.linalg.norm([0.45, 0.75, 0.55])
_AMBIENT, _DIFFUSE, _SPECULAR, _SHININESS = 0.4, 0.6, 0.35, 24.0
_CUBE = 0.68  # half of a side
_CYLINDER = (0.7, 1.4)  # radius, height
_SPHERE = 0.8
_CAPSULE = (0.52, 1.9)
_EPSILON = 1e-9


def render_shapes3d_like(factors: np.ndarray, *, image_size: int = 64) -> np.ndarray:
    """Draws rooms with one object.

    Args:
      factors: integers `[n, 6]` in the order floor hue, wall hue, object hue (0..9
        around the circle of hues, 0 is red), scale (0..7 for 0.75..1.25), shape (0
        cube, 1 cylinder, 2 sphere, 3 capsule), orientation (0..14 for -30..30 degrees
        around the object).
      image_size: 64 or 32.

    Returns:
      `uint8 [n, image_size, image_size, 3]`.

    Raises:
      ValueError: if the shape is wrong, a factor is out of range or the image size is
        neither 32 nor 64.
      TypeError: if the factors are not integers.

    Example:
      >>> image = render_shapes3d_like(np.array([[3, 6, 0, 7, 2, 7]]))
      >>> image.shape, int(image[0, 30, 32].argmax())  # the red ball
      ((1, 64, 64, 3), 0)
    """
    if image_size not in _SIZES:
        raise ValueError(
            f"image_size of shapes3d_like must be 32 or 64, got {image_size}."
        )
    factors = _GRID.check_factors(factors)
    images = np.empty((len(factors), image_size, image_size, 3), np.uint8)
    white = np.ones((len(factors), 1, 3))
    colors = np.concatenate([_HUES[factors[:, :3]], white], axis=1).astype(np.float32)
    views, which = np.unique(factors[:, 3:], axis=0, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(which.ravel(), minlength=len(views)))
    for number, view in enumerate(views):
        rows = order[ends[number - 1] if number else 0 : ends[number]]
        scale, shape, orientation = (int(value) for value in view)
        weights = _trace(scale, shape, orientation, image_size)
        pixels = np.matmul(weights, colors[rows])
        images[rows] = np.rint(255.0 * np.minimum(pixels, 1.0)).reshape(
            -1, image_size, image_size, 3
        )
    return images


def load_shapes3d_like(request: Request) -> Dataset:
    """20,000 train and 2,000 test images of a permutation, or as many as asked for."""
    request.check_colored()
    image_size = 64 if request.image_size is None else request.image_size
    num = _GRID.num_images
    train, test = request.split(num, num // 10)
    train = train if request.num_train else train[:_NUM_TRAIN]
    test = test if request.num_test else test[:_NUM_TEST]
    rows = np.concatenate([train, test])
    check_bytes(request, len(rows), image_size)
    factors = _GRID.factors_from_index(rows)
    images = render_shapes3d_like(factors, image_size=image_size)
    return make_dataset(
        request,
        images,
        images.shape[1:],
        np.arange(len(train)),
        np.arange(len(train), len(rows)),
        factors=factors,
        factor_names=_GRID.factor_names,
        factor_sizes=_GRID.factor_sizes,
        category_factor="shape",
        category_names=SHAPES3D_SHAPES,
    )


def _trace(scale: int, shape: int, orientation: int, image_size: int) -> np.ndarray:
    """What a pixel takes of the colours of floor, wall, object and of white.

    Returns:
      `float32 [image_size^2, 4]`.
    """
    eye, rays = _camera(_ANGLES[orientation], 2 * image_size)
    size = _SCALES[scale]
    place, normal, wall = _room(eye, rays)
    shade = _AMBIENT + _DIFFUSE * np.maximum(normal @ _LIGHT, 0.0)
    floor = ~wall
    shadow = np.isfinite(_OBJECTS[shape](place[floor], _LIGHT[None], size)[0])
    shade[floor] = np.where(shadow, _AMBIENT, shade[floor])
    weights = np.zeros((len(rays), 4))
    weights[floor, 0], weights[wall, 1] = shade[floor], shade[wall]
    # The object, which stands in front of all that it hits.
    distance, normal = _OBJECTS[shape](eye[None], rays, size)
    hit = np.isfinite(distance)
    normal, view = normal[hit], -rays[hit]
    facing = normal @ _LIGHT
    half = view + _LIGHT
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    gloss = np.maximum((normal * half).sum(1), 0.0) ** _SHININESS
    weights[hit] = 0.0
    weights[hit, 2] = _AMBIENT + _DIFFUSE * np.maximum(facing, 0.0)
    weights[hit, 3] = _SPECULAR * gloss * (facing > 0.0)
    blocks = weights.reshape(image_size, 2, image_size, 2, 4).mean(axis=(1, 3))
    return blocks.reshape(-1, 4).astype(np.float32)


def _camera(angle: float, num: int) -> tuple[np.ndarray, np.ndarray]:
    """The eye `[3]` and unit directions `[num^2, 3]`, row by row from the top."""
    eye = np.array([_DISTANCE * np.sin(angle), _HEIGHT, _DISTANCE * np.cos(angle)])
    forward = np.array([0.0, _TARGET, 0.0]) - eye
    forward /= np.linalg.norm(forward)
    right = np.array([np.cos(angle), 0.0, -np.sin(angle)])
    up = np.cross(right, forward)
    across = _FIELD * (2.0 * (np.arange(num) + 0.5) / num - 1.0)
    down, along = np.meshgrid(across, across, indexing="ij")
    rays = forward - down.ravel()[:, None] * up + along.ravel()[:, None] * right
    return eye, rays / np.linalg.norm(rays, axis=1, keepdims=True)


def _room(
    eye: np.ndarray, rays: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where rays leave the room, the normals there, and whether that is a wall."""
    num = len(rays)
    with np.errstate(divide="ignore"):
        side = np.where(
            rays[:, 0] == 0.0,
            np.inf,
            (np.copysign(_ROOM, rays[:, 0]) - eye[0]) / rays[:, 0],
        )
        back = np.where(rays[:, 2] < 0.0, (-_ROOM - eye[2]) / rays[:, 2], np.inf)
        floor = np.where(rays[:, 1] < 0.0, -eye[1] / rays[:, 1], np.inf)
    distances = np.stack([floor, side, back])
    which = distances.argmin(axis=0)
    normals = np.zeros((num, 3))
    normals[which == 0, 1] = 1.0
    normals[which == 1, 0] = -np.sign(rays[which == 1, 0])
    normals[which == 2, 2] = 1.0
    place = eye + distances.min(axis=0)[:, None] * rays
    return place, normals, which > 0


def _cube(o: np.ndarray, d: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    half = _CUBE * size
    o = o - np.array([0.0, half, 0.0])
    d = np.where(np.abs(d) < _EPSILON, _EPSILON, d)
    near, far = (-np.sign(d) * half - o) / d, (np.sign(d) * half - o) / d
    axis = near.argmax(axis=1)
    enter, leave = near.max(axis=1), far.min(axis=1)
    distance = np.where((enter < leave) & (enter > _EPSILON), enter, np.inf)
    normal = -np.sign(np.broadcast_to(d, near.shape)) * (np.arange(3) == axis[:, None])
    return distance, normal


def _cylinder(
    o: np.ndarray, d: np.ndarray, size: float
) -> tuple[np.ndarray, np.ndarray]:
    radius, height = (length * size for length in _CYLINDER)
    distance, place = _side(o, d, radius, 0.0, height)
    normal = place * [1.0, 0.0, 1.0] / radius
    # The lid; the bottom stands on the floor, and nobody sees it.
    with np.errstate(divide="ignore", invalid="ignore"):
        lid = (height - o[:, 1]) / d[:, 1]
        on = o + lid[:, None] * d
    inside = (lid > _EPSILON) & (on[:, 0] ** 2 + on[:, 2] ** 2 < radius**2)
    first = inside & (lid < distance)
    return (
        np.where(first, lid, distance),
        np.where(first[:, None], [0.0, 1.0, 0.0], normal),
    )


def _sphere(o: np.ndarray, d: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    return _ball(o, d, _SPHERE * size, _SPHERE * size)


def _capsule(
    o: np.ndarray, d: np.ndarray, size: float
) -> tuple[np.ndarray, np.ndarray]:
    radius, height = (length * size for length in _CAPSULE)
    distance, place = _side(o, d, radius, radius, height - radius)
    normal = place * [1.0, 0.0, 1.0] / radius
    for centre in (radius, height - radius):
        other, other_normal = _ball(o, d, radius, centre)
        first = other < distance
        distance = np.where(first, other, distance)
        normal = np.where(first[:, None], other_normal, normal)
    return distance, normal


def _ball(
    o: np.ndarray, d: np.ndarray, radius: float, centre: float
) -> tuple[np.ndarray, np.ndarray]:
    """A ball above the middle; `d` has length one."""
    o = o - np.array([0.0, centre, 0.0])
    along = (o * d).sum(axis=1)
    distance = _first_root(np.ones(()), along, (o * o).sum(axis=1) - radius**2)
    place = o + np.where(np.isfinite(distance), distance, 0.0)[:, None] * d
    return distance, place / radius


def _side(
    o: np.ndarray, d: np.ndarray, radius: float, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """The round side of an upright cylinder: distances and places."""
    flat, ray = o[:, [0, 2]], d[:, [0, 2]]
    distance = _first_root(
        (ray * ray).sum(axis=1),
        (flat * ray).sum(axis=1),
        (flat * flat).sum(axis=1) - radius**2,
    )
    place = o + np.where(np.isfinite(distance), distance, 0.0)[:, None] * d
    outside = (place[:, 1] < low) | (place[:, 1] > high)
    return np.where(outside, np.inf, distance), place


def _first_root(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """The smaller root t of `a t^2 + 2 b t + c = 0` where it is positive, else inf."""
    discriminant = b * b - a * c
    root = (-b - np.sqrt(np.maximum(discriminant, 0.0))) / np.maximum(a, _EPSILON)
    return np.where((discriminant > 0.0) & (root > _EPSILON), root, np.inf)


_OBJECTS = (_cube, _cylinder, _sphere, _capsule)


SHAPES3D_LIKE = Source(
    name="shapes3d_like",
    load=load_shapes3d_like,
    images="64x64 or 32x32 RGB",
    split="20,000 / 2,000 unless you say otherwise, of 480,000",
    origin="drawn here: a room with one object, the factors of Shapes3D",
)
