"""Steps from pictures of any kind to `uint8 [n, height, width, channels]`."""

import numpy as np
from PIL import Image, ImageFile

GREY_MODES = frozenset(("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "F"))
# Wider than a byte: of these the range of the values must be known.
FLOAT_MODES = frozenset(("F",))
INTEGER_MODES = frozenset(("I", "I;16", "I;16L", "I;16B", "I;16N"))
_CHUNK = 4096
# Of greys with fewer than 8 bits: from one to the next, as bytes.
_GREY_STEPS = {"L;2": 85, "L;4": 17}
# Bits of the values -> what is said of them.
_BITS = {8: "bytes, 0..255", 12: "12 bits, 0..4095", 16: "16 bits, 0..65535"}


def as_bytes(image: Image.Image, *, white: float | None = None) -> Image.Image:
    """A picture of any mode as one of mode L (grey) or RGB, with 255 as white.

    Transparent pictures are laid on white.

    Args:
      image: a picture that was opened or made with Pillow; see `mend_transparency`.
      white: the value of white of a picture that is wider than a byte, as
        `find_white` gives it; needed by these modes only.

    Raises:
      ValueError: if Pillow cannot convert the mode, or `white` is missing.
    """
    grey = image.mode in GREY_MODES
    if image.mode in FLOAT_MODES | INTEGER_MODES:
        if white is None:
            raise ValueError(f"mode {image.mode} needs the value of white")
        values = np.asarray(image)
        if image.mode in INTEGER_MODES:
            shift = int(white).bit_length() - 8
            scaled = (values >> shift).astype(np.uint8)
        else:
            scaled = np.rint(values * np.float32(255.0 / white)).astype(np.uint8)
        if "transparency" in image.info:
            scaled[values == image.info["transparency"]] = 255
        return Image.fromarray(scaled)
    if image.has_transparency_data:
        straight = {"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)
        colors = image.convert(straight).convert("RGBA")
        ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, colors).convert("RGB")
    return image.convert("L" if grey else "RGB")


def mend_transparency(image: ImageFile.ImageFile) -> None:
    """Brings the transparent colour of a PNG that was just opened to its pixels' scale.

    Pillow makes bytes of pixels of 2, 4 and 3 x 16 bits, but leaves the colour that is
    to be transparent as the file has it, so that no pixel would be found to have it.
    """
    if image.format != "PNG" or "transparency" not in image.info:
        return
    clear = image.info["transparency"]
    raw_mode = image.tile[0].args if image.tile else ""
    if raw_mode in _GREY_STEPS and clear * _GREY_STEPS[raw_mode] <= 255:
        image.info["transparency"] = clear * _GREY_STEPS[raw_mode]
    elif raw_mode == "RGB;16B":
        image.info["transparency"] = tuple(value >> 8 for value in clear)


def find_white(low: float, high: float, *, floats: bool) -> tuple[float, str]:
    """The value of white of pictures that are wider than a byte, and its name.

    What such files hold is not written in them, so it is taken from the smallest and
    the largest value of all of them: floats are in 0..1 or else in 0..255, integers are
    bytes, 12 or 16 bits.

    Raises:
      ValueError: if there is no such range.
    """
    if floats:
        for white in (1.0, 255.0):
            if low >= 0.0 and high <= white:
                return white, f"0..{white:.0f}"
        raise ValueError(
            f"float pictures must be in 0..1 or 0..255, got {low:g} to {high:g}"
        )
    for bits, name in _BITS.items():
        if low >= 0 and high < 1 << bits:
            return float((1 << bits) - 1), name
    raise ValueError(
        f"integer pictures must be in 0..65535, got {int(low)} to {int(high)}"
    )


def resize_image(
    image: Image.Image, *, image_size: int | None, channels: int
) -> Image.Image:
    """A picture of mode L or RGB cut to its central square, resized, grey or RGB.

    Reduction by a whole factor averages blocks of pixels, so that it adds no ringing;
    any other change of size is a Lanczos filter. With `image_size` None the size and
    the shape stay as they are.

    Args:
      image: as `as_bytes` gives it.
      image_size: width and height of the result, or None.
      channels: 1 or 3.
    """
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
    num_channels = int(images.shape[3] if channels is None else channels)
    resized = [
        np.asarray(
            resize_image(
                Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image),
                image_size=image_size,
                channels=num_channels,
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
