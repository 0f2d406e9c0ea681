"""Headings of the figures of a report, and what to look for in each."""

from typing import NamedTuple


class Caption(NamedTuple):
    """What stands above and below a figure.

    Attributes:
      heading: what it shows, in words.
      look_for: how to read it, and what is good or bad in it.
      first: whether it is shown at once; the others are folded.
    """

    heading: str
    look_for: str
    first: bool = False


# Name of the file, without its ending -> what is said of it.
CAPTIONS = {
    "points": Caption(
        "Points, their reconstructions and samples",
        "Reconstructions should lie on the points, and samples of the prior where the "
        "data are, without bridges between their parts.",
        True,
    ),
    "reconstructions": Caption(
        "Test images and their reconstructions",
        "Compare each image with the one below it: what is blurred or gone is not in "
        "the code.",
        True,
    ),
    "objects": Caption(
        "Objects that were found",
        "Each object should have one box and one colour, and the background none.",
        True,
    ),
    "kl_maps": Caption(
        "Where in the image the code comes from",
        "Bright cells cost the most nats. They should lie on objects, one for each.",
    ),
    "object_traversals": Caption(
        "One object changes, the others stay",
        "A row should change one property of one object. Where others move along, the "
        "objects share latents.",
        True,
    ),
    "traversals": Caption(
        "One latent moves at a time",
        "A good latent changes one property along its row, smoothly, and leaves the "
        "rest. Rows are those of the largest KL, of latents that say half a nat or "
        "more of one image in 100 at least.",
        True,
    ),
    "author_traversals": Caption(
        "Traversals by the published protocol",
        "From one sampled code, each row moves one non-zero latent towards zero and "
        "through it. Comparable with the figures of other papers.",
    ),
    "interpretation": Caption(
        "What the largest latent of a code says",
        "Between the second and third column one latent goes; what disappears is what "
        "it said. The last column says the opposite.",
    ),
    "conditional_samples": Caption(
        "Other values for the latents that are in use",
        "All pictures of a row use the same latents. They should be things of one kind "
        "that differ in detail.",
    ),
    "interpolation": Caption(
        "From one test image to another",
        "Pictures in between should look like data, without a jump or a fade of one "
        "image into the other.",
    ),
    "latent_bars": Caption(
        "Codes as bars",
        "A bar per latent. In a sparse code few bars are there, and other ones for "
        "other images.",
    ),
    "prior_samples": Caption(
        "Samples of the prior",
        "Decoded draws that no image stands behind. They should look like data; where "
        "they do not, codes and prior differ.",
        True,
    ),
    "kl_per_latent": Caption(
        "How much each latent says",
        "Nats per image. Few high bars are latents that carry all; those at zero are "
        "not used.",
        True,
    ),
    "traversals_per_category": Caption(
        "One latent moves, in each category",
        "Rows of a block have the same style and another category. A latent should "
        "mean the same in all of them.",
        True,
    ),
    "code_traversals": Caption(
        "One code goes from end to end",
        "Each column is another draw of the rest. Going down, one property should "
        "change, and the same in every column.",
        True,
    ),
    "category_samples": Caption(
        "Samples of each category",
        "A row is a category. All its pictures should be of one kind, and other rows "
        "of other kinds.",
        True,
    ),
    "category_confusion": Caption(
        "Categories against true classes",
        "Good categories have one dark cell in each row and column.",
        True,
    ),
    "shared_traversals": Caption(
        "Latents that all classes share",
        "Along a block one property should change, the same for each class (row), "
        "while the class stays.",
        True,
    ),
    "class_traversals": Caption(
        "Latents that one class alone has",
        "Each should change what this class alone can have, and not turn it into "
        "another.",
    ),
    "class_samples": Caption(
        "Samples of each class",
        "Every picture of a row should be of its class. Draws at 1.4 standard "
        "deviations are rarer, and may fail first.",
        True,
    ),
    "class_kl": Caption(
        "KL of the latents of one class",
        "Large on the diagonal, for images of the class itself, and small elsewhere.",
    ),
    "class_magnitudes": Caption(
        "The mean code of each class",
        "Which latents differ between classes. Equal rows are latents that do not tell "
        "of the class.",
    ),
    "class_gates": Caption(
        "Which latents each class uses",
        "Probability that a latent is not zero. Classes that use other latents show as "
        "other bars.",
    ),
    "layer_kl_maps": Caption(
        "What each layer lets through",
        "Bright places pass information on. In later layers only what the task needs "
        "should be left.",
    ),
    "layer_probe": Caption(
        "What can be read off each layer",
        "The label should stay to the end; other factors should fade.",
        True,
    ),
    "correlation": Caption(
        "Latents against the true sources",
        "One dark cell in each row of a source means one latent of its own.",
        True,
    ),
    "aggregate_posterior": Caption(
        "Where the codes of all images lie",
        "Compare the two: codes should fill the prior, without holes, and not more.",
        True,
    ),
    "training_curves": Caption(
        "All that training logged",
        "Still falling at the end: train longer. Test above training: it learns its "
        "images by heart.",
    ),
    "kl_over_steps": Caption(
        "The KL of each latent during training",
        "When a latent comes into use, and whether one goes out of it again.",
    ),
    "counts_over_steps": Caption(
        "Objects found during training",
        "Bars of the true number should grow to the full height.",
    ),
    "latent_order": Caption(
        "When each latent began to say something",
        "What matters most for the reconstruction comes first. With known factors, "
        "what the latent tells of at the end.",
    ),
}


def caption_of(stem: str) -> Caption:
    """What is said of a figure; a heading of its file name where nothing is known."""
    words = stem.replace("_", " ")
    return CAPTIONS.get(stem, Caption(words[:1].upper() + words[1:], ""))
