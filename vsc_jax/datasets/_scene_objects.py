"""Which objects the images of a data set have, where, and which pixels are theirs."""

import dataclasses

import numpy as np

from vsc_jax.datasets._pixels import pack


@dataclasses.dataclass(frozen=True)
class SceneObjects:
    """The objects of each image, in slots; a slot may be empty.

    Attributes:
      presence: bool `[n, num_slots]`, whether the slot holds an object.
      boxes: `float32 [n, num_slots, 4]`, `(top, left, height, width)` of the smallest
        box around the pixels of each, as shares of the image's height and width, as
        models that find objects give them; zeros where the slot is empty.
      packed_masks: `uint8 [n, num_slots, bytes]`, the pixels of each as bits.
      image_size: `(height, width)`.

    Raises:
      ValueError: if the shapes do not fit each other.

    Example:
      >>> masks = np.zeros((1, 2, 4, 4), bool)
      >>> masks[0, 0, 1:3, 2:] = True  # one object, and an empty slot
      >>> objects = SceneObjects.from_masks(masks)
      >>> objects.counts.tolist(), objects.boxes[0, 0].tolist()
      ([1], [0.25, 0.5, 0.5, 0.5])
    """

    presence: np.ndarray
    boxes: np.ndarray
    packed_masks: np.ndarray
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        slots, (height, width) = self.presence.shape, self.image_size
        shapes = self.boxes.shape, self.packed_masks.shape
        expected = (*slots, 4), (*slots, -(-height * width // 8))
        if len(slots) != 2 or shapes != expected:
            raise ValueError(
                "presence must be [n, num_slots], and boxes and packed_masks of an "
                f"image of {height}x{width} pixels [n, num_slots, 4] and [n, "
                f"num_slots, {expected[1][-1]}], got {slots}, {shapes[0]} and "
                f"{shapes[1]}."
            )

    @classmethod
    def from_masks(cls, masks: np.ndarray) -> "SceneObjects":
        """The objects whose pixels these are; a slot without any is empty.

        Args:
          masks: bool `[n, num_slots, height, width]`.
        """
        num, num_slots, height, width = masks.shape
        boxes = tight_boxes(masks)
        packed = pack(masks.reshape(num * num_slots, height, width))
        return cls(
            presence=boxes[..., 2] > 0,
            boxes=(boxes / np.array([height, width] * 2)).astype(np.float32),
            packed_masks=packed.reshape(num, num_slots, -1),
            image_size=(height, width),
        )

    @classmethod
    def join(cls, parts: "list[SceneObjects]") -> "SceneObjects":
        """Objects of images that come one part after the other."""
        return cls(
            np.concatenate([part.presence for part in parts]),
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.packed_masks for part in parts]),
            parts[0].image_size,
        )

    @property
    def counts(self) -> np.ndarray:
        """Number of objects of each image, `int32 [n]`."""
        return self.presence.sum(axis=1, dtype=np.int32)

    def take(self, rows: np.ndarray) -> "SceneObjects":
        """The objects of these images, int `[m]`."""
        return dataclasses.replace(
            self,
            presence=self.presence[rows],
            boxes=self.boxes[rows],
            packed_masks=self.packed_masks[rows],
        )

    def masks(self, rows: np.ndarray) -> np.ndarray:
        """The pixels of each object, bool `[m, num_slots, height, width]`.

        Where objects meet, a pixel is of both.

        Args:
          rows: int `[m]`, of which images.
        """
        height, width = self.image_size
        packed = self.packed_masks[rows]
        bits = np.unpackbits(packed, axis=-1, count=height * width)
        return bits.reshape(*packed.shape[:2], height, width).astype(bool)

    def segments(self, rows: np.ndarray) -> np.ndarray:
        """Whose pixel each is, `int32 [m, height, width]`.

        0 is the background, k + 1 the object in slot k, and -1 a pixel of several
        objects, which scores that need one owner leave out.

        Args:
          rows: int `[m]`, of which images.
        """
        masks = self.masks(rows)
        number = 1 + np.arange(masks.shape[1])[:, None, None]
        owner = (masks * number).max(axis=1)
        return np.where(masks.sum(axis=1) > 1, -1, owner).astype(np.int32)


def tight_boxes(masks: np.ndarray) -> np.ndarray:
    """Top, left, height and width of what is lit, `int64 [..., 4]`; else zeros.

    Args:
      masks: bool `[..., height, width]`.
    """
    height, width = masks.shape[-2:]
    rows, columns = np.any(masks, axis=-1), np.any(masks, axis=-2)
    top, left = rows.argmax(axis=-1), columns.argmax(axis=-1)
    bottom = height - rows[..., ::-1].argmax(axis=-1)
    right = width - columns[..., ::-1].argmax(axis=-1)
    boxes = np.stack([top, left, bottom - top, right - left], axis=-1)
    return boxes * np.any(rows, axis=-1, keepdims=True)
