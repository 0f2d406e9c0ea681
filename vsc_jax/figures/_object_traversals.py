"""One object of a scene changes, the others stay."""

from pathlib import Path

import numpy as np

from vsc_jax.figures._figure import Figure, FigureData
from vsc_jax.figures._traversals import plot_traversals
from vsc_jax.metrics import NotApplicable
from vsc_jax.models import DecodesCodes, DecodesObjects, EncodesImages, FindsObjects


def draw(data: FigureData) -> list[Path]:
    """Each latent of one found object, over its range; the other objects are held.

    The image is the first with as many found objects as any, the object that of its
    first such slot. A latent moves over the range that it has in all slots with an
    object (5 % to 95 %), whichever slot that is, for slots share one decoder.
    """
    model = data.context.model
    full = data.context.find_objects(data.rows).presence > 0.5
    if not full.any():
        raise NotApplicable("no object was found in the test images")
    image = int(full.sum(axis=1).argmax())
    own = model.slot_latents[int(full[image].argmax())]
    found = data.encoded.mean[:, model.slot_latents][full]
    low, high = np.quantile(found, [0.05, 0.95], axis=0)
    moved = np.tile(data.base_code[image], (len(own), data.num_values, 1))
    values = np.linspace(low, high, data.num_values)
    for row, latent in enumerate(own):
        moved[row, :, latent] = values[:, row]
    return [
        plot_traversals(
            data.dataset.decode(data.rows[image : image + 1])[0],
            data.decode(moved),
            data.path("object_traversals.png"),
            row_labels=[
                f"z{latent}\n{a:.1f} to {b:.1f}"
                for latent, a, b in zip(own, low, high, strict=True)
            ],
            max_value=data.max_value,
            title="Each row changes one latent of one object, over the range that it "
            "has in found objects (5 % to 95 %); the other objects stay",
        )
    ]


OBJECT_TRAVERSALS = Figure(
    "object_traversals",
    (FindsObjects, EncodesImages, DecodesCodes, DecodesObjects),
    draw,
)
