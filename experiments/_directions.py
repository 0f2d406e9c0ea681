"""Which way each score is better, and why: what "best" means in a table."""

import re
from typing import Literal, NamedTuple

Better = Literal["higher", "lower", "neither"]


class Direction(NamedTuple):
    """Of the scores whose whole name a regular expression matches."""

    pattern: str
    better: Better
    why: str


# The first one that matches counts. Formulas and sources stand in the docstrings of
# `vsc_jax.metrics` and `vsc_jax.evaluation.scores`.
DIRECTIONS = (
    Direction(r".+[<>]=.+", "higher", "share of the runs for which it holds"),
    Direction(
        r"(loss_terms\.)?(elbo|log_likelihood)|iwae_\d+",
        "higher",
        "bounds log p(x), in nats per image",
    ),
    Direction(
        r"loss",
        "lower",
        "what training minimises; comparable between equal models and weights alone",
    ),
    Direction(
        r"reconstruction|squared_error|loss_terms\..*loss",
        "lower",
        "distance of the image from its reconstruction, or a term that is minimised",
    ),
    Direction(
        r"(metrics\.)?jemmig",
        "lower",
        "share of entropy that the best latent leaves open (Do and Tran 2020)",
    ),
    Direction(
        r"metrics\.unsupervised_scores\..*",
        "lower",
        "dependence between latents (Locatello et al. 2019)",
    ),
    Direction(
        r"metrics\..*",
        "higher",
        "agreement of the code with the factors, 1 where it is perfect",
    ),
    Direction(
        r".*\.?(factor_vae_score|unsupervised_accuracy|train_accuracy)",
        "higher",
        "share of votes or labels that are right",
    ),
    Direction(
        r"(probe|classification)\.accuracy", "higher", "share of labels that are right"
    ),
    Direction(
        r"classification\.(negative_log_likelihood|calibration_error)",
        "lower",
        "a proper score, and the gap between confidence and accuracy (Guo et al. 2017)",
    ),
    Direction(
        r"layer_probe\.label_at_end",
        "higher",
        "share of labels that can be read off the last layer",
    ),
    Direction(
        r"layer_probe\.others_at_end",
        "lower",
        "what the last layer tells of factors that are not the label",
    ),
    Direction(
        r"aggregate_posterior\.(marginal_kl|mmd|mmd_per_dimension|sliced_wasserstein)",
        "lower",
        "distance of the aggregate posterior from the prior (Mathieu et al. 2019)",
    ),
    Direction(
        r"class_mmd\..*",
        "lower",
        "distance of the codes from the prior that samples are drawn from",
    ),
    Direction(
        r"class_leak\.(logistic_regression|nearest_neighbours)",
        "lower",
        "what shared latents tell of the class, which has latents of its own for that",
    ),
    Direction(
        r"sample_agreement\.agreement_.*",
        "higher",
        "share of samples in which a classifier finds the class that was asked for",
    ),
    Direction(
        r"objects\.(count_accuracy|box_iou|mask_ari\w*|\w+_on_objects)",
        "higher",
        "agreement of what is found with the objects of the scene, 1 if perfect",
    ),
    Direction(
        r"objects\.(missed|extra)_objects",
        "lower",
        "share of objects without a found box, and of found boxes without an object",
    ),
    Direction(
        r"sparsity\.hoyer",
        "higher",
        "0 is a dense code, 1 one latent per image (Mathieu et al. 2019, section 6.3)",
    ),
    Direction(
        r"model_centrality",
        "higher",
        "how well other runs explain the codes, without labels (Lin et al. 2020)",
    ),
    Direction(
        r"udr",
        "higher",
        "agreement with runs of other seeds, without labels (Duan et al. 2020)",
    ),
)
NEITHER = Direction(r".*", "neither", "a property of the code, better in no direction")

# Numbers that stand beside scores: sizes of samples, levels of chance, errors of means.
_BESIDE = re.compile(
    r"(.*\.)?(num_\w+|chance|majority|majority_accuracy|step|\w+_standard_error"
    r"|\w+_of_prior|\w+_of_independent|\w+_by_chance|\w+_bound)"
)


def direction_of(score: str) -> Direction:
    """The direction of a score, by its dotted name.

    >>> direction_of("metrics.mig").better, direction_of("kl").better
    ('higher', 'neither')
    """
    for direction in DIRECTIONS:
        if re.fullmatch(direction.pattern, score):
            return direction
    return NEITHER


def is_score(name: str) -> bool:
    """Whether a number of `results.json` says how good a run is.

    >>> is_score("metrics.mig"), is_score("elbo_standard_error"), is_score("num_test")
    (True, False, False)
    """
    return not _BESIDE.fullmatch(name)
