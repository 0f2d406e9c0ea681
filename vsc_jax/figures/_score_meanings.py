"""What each number of the results means, in a line: unit, range, and chance."""

from collections.abc import Mapping
from typing import Any, NamedTuple

_MEANINGS = {
    "num_test_images": "test images scored",
    "loss": "training loss on test images, nats per image (smaller is better)",
    "loss_terms": "what training logs, at its own draws: see the note above",
    "num_votes": "votes that built the classifier of that score",
    "num_eval_votes": "votes that the score is of",
    "num_images": "images, of both splits, that the scores below are of",
    "num_loss_images": "test images in that loss (whole batches)",
    "elbo": "evidence lower bound, nats per image (larger is better)",
    "kl": "KL(q(z|x) || p(z)), nats per image",
    "reconstruction": "-E[log p(x|z)], nats per image (smaller is better)",
    "num_iwae_images": "test images of the importance-weighted bound",
    "active_latents": "latents whose mean KL is above 0.01 nats, far less than a bar "
    "of the KL figure shows",
    "main_latents": "the fewest latents with 95 % of the KL (our own count)",
    "sparsity.expected_support": "mean number of non-zero latents per image",
    "sparsity.always_on": "latents whose mean P(not zero) is above 0.5",
    "sparsity.conditional": "latents whose mean P(not zero) is in 0.05 to 0.95",
    "sparsity.jaccard_diversity": "0: all images use the same latents; 1: disjoint",
    "sparsity.hoyer": "Hoyer sparsity of the codes, 0 dense to 1 one-hot",
    "sparsity.effective_number": "KL of the gates / log(1 / prior P(not zero))",
    "probe.accuracy": "linear classifier on the codes, fraction of test images right",
    "probe.majority_accuracy": "same for always the most frequent class",
    "probe.num_labels": "labelled images the classifier saw",
    "class_leak.num_shared_latents": "latents that all classes share",
    "class_leak.num_labels": "labelled images that classifiers on them saw",
    "class_leak.majority_accuracy": "always the most frequent label",
    "class_leak.logistic_regression": "label from these, by a linear classifier",
    "class_leak.nearest_neighbours": "the same, by the 5 nearest training codes",
    "class_kl.num_detected": "latents of one class with 0.1 nats or more in its images",
    "class_kl.mean_own_kl": "KL of the block of the image's own class, nats",
    "class_kl.mean_off_kl": "mean KL of the block of another class, nats",
    "sample_agreement.agreement_stddev_1": "samples that a separate classifier gives "
    "the class asked for",
    "sample_agreement.agreement_stddev_1_4": "the same, 1.4 times as far from 0",
    "sample_agreement.classifier_accuracy": "that classifier on real test images",
    "class_mmd.shared.mmd": "squared MMD of q(z) to the prior, shared latents",
    "class_mmd.shared.mean_class_mmd": "the same of one class, mean over classes",
    "class_mmd.shared_and_own.mmd": "the same of all latents that the decoder sees",
    "class_mmd.shared_and_own.mean_class_mmd": "that of one class, mean over classes",
    "objects.num_objects": "mean number of objects found in an image",
    "objects.count_accuracy": "images in which the right number is found",
    "objects.chance": "always the most frequent number",
    "objects.box_iou": "overlap of found and true boxes, 0 to 1 (larger is better)",
    "objects.missed_objects": "objects that no found box overlaps",
    "objects.extra_objects": "found boxes that overlap no object",
    "objects.mask_ari": "adjusted Rand index of pixels of objects, 0 chance, 1 perfect",
    "objects.num_images_of_several": "images with two objects or more: it is of these",
    "objects.mask_ari_with_single": "the same with images of one object, often 0 or 1",
    "objects.centres_on_objects": "middles of found boxes that lie on an object",
    "objects.num_found": "found boxes in all",
    "objects.kl_on_objects": "peaks of the map of KL that lie on an object",
    "objects.kl_by_chance": "the same of cells at random",
    "objects.num_cells": "these peaks, one for each object of an image",
    "factor_vae_score": "FactorVAE score, 0 to 1 (larger is better)",
    "factor_vae_score_locatello": "the same by the protocol of Locatello et al.",
    "train_accuracy": "of that score, on the votes it was made from",
    "unsupervised_accuracy": "categories matched one-to-one to classes, share right",
    "majority": "each category stands for its most frequent class, share right",
    "chance": "the same for a model that knows nothing",
    "aggregate_posterior.num_images": "test images whose codes are the mixture q(z)",
    "aggregate_posterior.overlap": "entropy of q(z|x), nats (larger: more overlap)",
    "aggregate_posterior.mutual_information": "I(x; z) of those images, nats",
    "aggregate_posterior.mutual_information_bound": "log of their number: never above",
    "aggregate_posterior.kl": "KL(q(z|x) || p(z)) of those images, nats per image",
    "aggregate_posterior.marginal_kl": "KL(q(z) || p(z)): that minus I(x; z), nats",
    "aggregate_posterior.num_draws": "draws of q(z) compared with draws of the prior",
    "aggregate_posterior.mmd": "squared MMD between them, unbiased",
    "aggregate_posterior.mmd_per_dimension": "the same, summed over latents",
    "aggregate_posterior.sliced_wasserstein": "squared sliced 2-Wasserstein distance",
    "metrics.mig": "how far one latent leads in telling a factor, 0 to 1 (best); a "
    "code that tells nothing has 0",
    "metrics.mig_sup": "how far one factor leads in what a latent tells, 0 to 1 (best)",
    "metrics.mcc": "correlation of latents with factors, matched one to one, 0 to 1 "
    "(best)",
    "metrics.sap": "lead of the best latent in predicting a factor, 0 to 1 (best)",
    "metrics.modularity": "whether a latent tells of one factor alone, 0 to 1 (best); "
    "high by itself for codes that tell little",
    "metrics.explicitness": "whether a linear classifier reads the factors, 0 (chance) "
    "to 1 (best)",
    "metrics.irs": "how little a latent moves with other factors, 0 to 1 (best)",
    "metrics.dcimig": "DCI and MIG in one, 0 to 1 (best)",
    "metrics.jemmig": "share of entropy that the best latent leaves open, 0 (best) "
    "to 1",
    "metrics.beta_vae_score": "which factor stayed the same, told by a linear "
    "classifier: share right, 1 is best, chance is 1 / number of factors",
    "metrics.factor_vae_score": "which factor stayed the same, told by the least "
    "moving latent: share right, 1 is best, chance is about 1 / number of factors",
    "metrics.dci.disentanglement": "whether a latent matters for one factor alone, by "
    "boosted trees, 0 to 1 (best)",
    "metrics.med": "how far a latent is of one factor, by mutual information, 0 to 1 "
    "(best)",
    "metrics.info_mec.info_m": "modularity of the information, 0 to 1 (best)",
    "metrics.downstream": "share of factors predicted right from the codes, 1 is best",
    "metrics.unsupervised_scores.gaussian_total_correlation": "dependence between "
    "latents if they were Gaussian, nats, 0 is none",
    "kl_decomposition.mutual_information": "I(x; z), nats: part of the KL",
    "kl_decomposition.total_correlation": "dependence between latents, nats, 0 is none",
    "kl_decomposition.dimension_wise_kl": "distance of each latent from the prior, "
    "nats",
    "kl_decomposition.mutual_information_bound": "log of the images: never above",
    "kl_decomposition.sum": "these three together, an estimate of the KL",
    "kl_decomposition.kl": "KL(q(z|x) || p(z)) of the same images, nats",
    "classification.accuracy": "share of labels that are right, 0 to 1 (best)",
    "classification.negative_log_likelihood": "-log p(label), nats (smaller is better)",
    "classification.calibration_error": "gap of confidence and accuracy, 0 is best",
    "layers.kl": "information that all noisy layers let through, nats per image",
    "layers.saturated": "share of units with all the noise there can be: they say the "
    "same of every image",
    "layers.num_units": "units of the last layer whose dependence is below",
    "layers.total_correlation": "dependence between units of the last layer if their "
    "logarithms were Gaussian, nats per unit, 0 is none",
    "layers.total_correlation_of_independent": "the same, each unit's images shuffled",
    "layer_probe.label_at_end": "label read off the last layer by a linear classifier, "
    "share right",
    "layer_probe.others_at_end": "other factors read off the last layer by a linear "
    "classifier, from 0 (no better than the most frequent value) to 1",
    "layer_probe.num_labels": "training images that the classifiers saw",
    "layer_probe.num_test_images": "test images that they were asked about",
    "squared_error": "sum over pixels of (input - reconstruction)^2, per image, 0 is "
    "best",
}

# Of a score for each layer or factor, the group that they are in.
_MEANINGS_BY_GROUP = {
    "layers.kl_per_layer": "information that this layer lets through, nats per image",
    "layers.saturated_per_layer": "share of its units with all the noise there can be",
    "layer_probe.majority": "always the most frequent value of this factor",
}
# The first that fits.
_MEANINGS_BY_SUFFIX = {
    "factor_vae_score_standard_error": "standard error over votes of the value above",
    "_standard_error": "standard error over images of the value above",
    "_of_prior": "the value above between draws of the prior: its noise",
}


class Headline(NamedTuple):
    """A score that is shown first.

    Attributes:
      key: its dotted name in the results.
      name: in words.
      chance: dotted name of what a model that knows nothing has; "" if there is none.
      share: whether it goes from 0 to 1, the best.
    """

    key: str
    name: str
    chance: str = ""
    share: bool = False


_D = "disentanglement"
# What a reader asks first: what the method is for, then how well it fits.
HEADLINES = (
    Headline("objects.count_accuracy", "Objects counted right", "objects.chance", True),
    Headline("objects.box_iou", "Overlap of the boxes", share=True),
    Headline("objects.mask_ari", "Pixels given to the right object"),
    Headline("classification.accuracy", "Accuracy", share=True),
    Headline("layers.kl", "Information let through"),
    Headline("layer_probe.others_at_end", "Other factors at the last layer"),
    Headline(
        f"{_D}.factor_vae_score.cascade.factor_vae_score",
        "FactorVAE score",
        f"{_D}.factor_vae_score.cascade.chance",
        True,
    ),
    Headline(
        f"{_D}.unsupervised_accuracy.d0.unsupervised_accuracy",
        "Classes found without labels",
        f"{_D}.unsupervised_accuracy.d0.chance",
        True,
    ),
    Headline("metrics.mig", "MIG", share=True),
    Headline("metrics.dci.disentanglement", "DCI disentanglement", share=True),
    Headline(
        "sample_agreement.agreement_stddev_1", "Samples of the right class", "", True
    ),
    Headline(
        "probe.accuracy", "Label read off the codes", "probe.majority_accuracy", True
    ),
    Headline("elbo", "ELBO"),
    Headline("squared_error", "Squared error"),
    Headline("active_latents", "Active latents"),
    Headline("kl", "KL of the codes"),
    Headline("sparsity.expected_support", "Latents in use per image"),
    Headline("loss", "Loss"),
)
MAX_HEADLINES = 8


def headlines(scores: Mapping[str, Any]) -> list[Headline]:
    """The first few that are among the scores, dotted name -> number."""
    known = [headline for headline in HEADLINES if headline.key in scores]
    always = scores.get("sparsity.always_on")
    if scores.get("sparsity.expected_support") == always:  # no latent is ever off
        known = [h for h in known if h.key != "sparsity.expected_support"]
    return known[:MAX_HEADLINES]


def meaning(key: str) -> str:
    """What a number of the results means; "" where its name has to do."""
    for suffix, text in _MEANINGS_BY_SUFFIX.items():
        if key.endswith(suffix):
            return text
    if key.startswith("iwae_") and key.removeprefix("iwae_").isdigit():
        draws = key.removeprefix("iwae_")
        return f"importance-weighted bound with {draws} draws, nats per image"
    if text := _MEANINGS_BY_GROUP.get(key.rpartition(".")[0]):
        return text
    if key.startswith("kl_terms."):
        return "part of kl, nats per image"
    if key.startswith("loss_terms."):
        return _MEANINGS["loss_terms"]
    if key.startswith(("disentanglement.", "best_of_run.")):
        key = key.rpartition(".")[2]
    return _MEANINGS.get(key, "")
