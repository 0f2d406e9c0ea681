"""Makes the gallery: figures of finished runs, as our commands drew them.

    python docs/make_gallery.py default=runs/mine infogan=runs/infogan

Each word is a name of `PICTURES` and the folder of a run with its config. The picture
goes into docs/pages/pictures/ in 256 colours, and what the run was, by its
`results.json`, into gallery.json there, from which docs/pages/gallery.md is written.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

PAGES = Path(__file__).parent / "pages"
FACTS = PAGES / "pictures" / "gallery.json"


class Picture(NamedTuple):
    """One of the gallery."""

    title: str
    config: str
    figure: str
    caption: str


PICTURES = {
    "default": Picture(
        "Variational Sparse Coding: the default run",
        "configs/vsc.py",
        "traversals.png",
        "Each row varies one latent over the range it takes when active: two for the "
        "position, one for the size, the others for orientation and shape. Latents "
        "that say nothing of any image have no row.",
    ),
    "infogan": Picture(
        "InfoGAN: categories found without labels",
        "configs/infogan.py:mnist_5k,laptop",
        "category_samples.png",
        "Each row is a category, drawn with the same noise as the others.",
    ),
    "n_vae": Picture(
        "N-VAE: latents that all classes share",
        "configs/n_vae.py:mnist_5k,shared,laptop",
        "shared_traversals.png",
        "Slant, width and thickness change, and the digit stays what it is.",
    ),
    "beta_tcvae": Picture(
        "beta-TCVAE: sprites",
        "configs/beta_tcvae.py:sprites,laptop",
        "traversals.png",
        "Position and size have latents of their own, or share them.",
    ),
    "multi_entity_vae": Picture(
        "Multi-Entity VAE: objects of a scene",
        "configs/multi_entity_vae.py:laptop",
        "objects.png",
        "What the model takes for objects, and where it finds them.",
    ),
    "information_dropout": Picture(
        "Information Dropout: where layers spend their nats",
        "configs/information_dropout.py:cluttered,laptop",
        "layer_kl_maps.png",
        "The first layer lets digit and clutter through, the deeper ones the digit.",
    ),
}


def gallery_page(facts):
    """The page, from name -> what the run was."""
    lines = [
        "# Gallery",
        "",
        "Figures of finished runs, as the command beside each drew them. InfoGAN's",
        "is the best of four seeds.",
    ]
    for name, picture in PICTURES.items():
        if name not in facts:
            continue
        fact = facts[name]
        lines += [
            "",
            f"## {picture.title}",
            "",
            f"![{picture.title}](pictures/{name}.png)",
            "",
            picture.caption,
            "",
            f"{fact['num_steps']:,} steps, seed {fact['seed']}; `figures/"
            f"{picture.figure}` of",
            "",
            "```bash",
            f"python -m experiments.run --config={fact['config']}"
            + f" --config.seed={fact['seed']}" * (fact["seed"] > 0),
            "```",
        ]
    return "\n".join([*lines, ""])


def take(name, folder):
    """Copies the picture of a run and returns what the run was."""
    from PIL import Image

    picture = PICTURES[name]
    results = json.loads((folder / "results.json").read_text())
    if results["config"] != picture.config:
        raise SystemExit(
            f"{name} must be a run of {picture.config}, got {results['config']}."
        )
    image = Image.open(folder / "figures" / picture.figure).convert("RGB")
    image.quantize(256).save(PAGES / "pictures" / f"{name}.png", optimize=True)
    run = results["run"]
    return {
        "config": results["config"],
        "num_steps": run["num_steps"],
        "seed": run["seed"],
    }


def main(words):
    """Takes the runs that are named, and writes the page."""
    facts = json.loads(FACTS.read_text()) if FACTS.exists() else {}
    for word in words:
        name, equals, folder = word.partition("=")
        if name not in PICTURES or not equals:
            raise SystemExit(
                f"give NAME=FOLDER with one of {', '.join(PICTURES)}, got {word!r}."
            )
        facts[name] = take(name, Path(folder))
    FACTS.write_text(json.dumps(facts, indent=2) + "\n")
    (PAGES / "gallery.md").write_text(gallery_page(facts))


if __name__ == "__main__":
    main(sys.argv[1:])
