"""Steps from pictures of any kind to `uint8 [n, height, width, channels]`."""

import numpy as np
from PIL import Image

GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "F")
_CHUNK = 4096


def resize_image(
    image: Image.Image, *, image_size: int | None, channels: int | None
) -> Image.Image:
    """A picture cut to its central square, resized, as grey (1) or RGB (3).

    Reduction by a whole factor averages blocks of pixels, so that it adds no ringing;
    any other change of size is a Lanczos filter. With `image_size` None the size and
    the shape stay as they are.

    Args:
      image: a picture of any mode; transparency is dropped.
      image_size: width and height of the result, or None.
      channels: 1 or 3, or None for grey if the picture is grey, else RGB.
    """
    if channels is None:
        channels = 1 if image.mode in GREY_MODES else 3
    if image.mode.startswith("I"):
        # Pillow cuts 16-bit grey off at 255 when it converts it.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    image = image.convert("L" if channels == 1 else "RGB")
    if image_size is None:
        return image
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    if side == image_size:
        return image
    whole = side % image_size == 0
    filter_ = Image.Resampling.BOX if whole else Image.Resampling.LANCZOS
    return image.resize((image_size, image_size), filter_)


def resize_array(
    images: np.ndarray, *, image_size: int | None, channels: int | None
) -> np.ndarray:
    """`resize_image` for every image of `uint8 [n, height, width, 1 or 3]`."""
    same_size = image_size is None or images.shape[1:3] == (image_size, image_size)
    if same_size and channels in (None, images.shape[3]):
        return images
    if len(images) == 0:
        raise ValueError("there are no images to resize.")
    channels = images.shape[3] if channels is None else channels
    resized = [
        np.asarray(
            resize_image(
                Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image),
                image_size=image_size,
                channels=channels,
            )
        )
        for image in images
    ]
    return with_channels(np.stack(resized))


def with_channels(images: np.ndarray) -> np.ndarray:
    """`[n, height, width]` gets a channel axis; `[n, height, width, c]` stays."""
    return images[..., None] if images.ndim == 3 else images


def pack(images: np.ndarray) -> np.ndarray:
    """Images `[n, ...]` of which non-zero means white, as bits `uint8 [n, bytes]`."""
    return np.packbits(images.reshape(len(images), -1) != 0, axis=1)


def mean_norm(images: np.ndarray, rows: np.ndarray, *, packed: bool) -> float:
    """Mean Euclidean norm of these rows of images with pixels scaled to [0, 1]."""
    total = 0.0
    for start in range(0, len(rows), _CHUNK):
        chunk = images[rows[start : start + _CHUNK]]
        chunk = chunk.reshape(len(chunk), -1)
        if packed:
            squares = np.bitwise_count(chunk).sum(axis=1, dtype=np.int64)
        else:
            squares = np.sum((chunk.astype(np.float32) / 255.0) ** 2, axis=1)
        total += float(np.sqrt(squares).sum())
    return total / len(rows)
