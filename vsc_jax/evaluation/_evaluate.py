"""The numbers that a trained model is judged by."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from vsc_jax.datasets import Dataset
from vsc_jax.evaluation._collect import Collection
from vsc_jax.evaluation._context import Context
from vsc_jax.evaluation._metric_scores import check_names
from vsc_jax.evaluation._needs import has, needs
from vsc_jax.evaluation._options import EvaluationOptions
from vsc_jax.evaluation._rows import draw_rows
from vsc_jax.evaluation.scores import MODEL_SCORES, Score
from vsc_jax.models import Classifies, FindsObjects

_DEFAULTS = EvaluationOptions()


def evaluate(
    context: Context,
    options: EvaluationOptions = _DEFAULTS,
    *,
    only: Sequence[str] = (),
) -> dict[str, Any]:
    """Scores of a model, as a dict that `json.dump` takes.

    All terms are in nats per image, summed over pixels or latents and averaged over
    images; "bound" values (`elbo`, `iwae_*`) are better when larger. A standard error
    is over images: it tells how far another test split of this size would move the
    mean.

    Args:
      context: the model, with weights of the end of training, and the data set.
      options: how many images each score takes.
      only: names or groups of the scores that are wanted; () for all that `options`
        asks for.

    Returns:
      A dict of numbers and, where marked, of dicts and lists:
      `num_test_images`.
      `loss` and `loss_terms` (dict): the training loss and what it logs, scalars and
        lists, with training's relaxed draws, over whole batches of the test images
        (`num_loss_images` of them); nats per image where they are losses.
      `squared_error`, `squared_error_standard_error`: sum over pixels of
        (x - decode(z))^2 at one exact draw z, images in [0, 1].
      `elbo`, `elbo_standard_error`: mean of log p(x, z) - log q(z|x) at exact draws.
      `reconstruction`: -E_q[log p(x|z)], as `-elbo - kl`.
      `iwae_<K>`, `iwae_<K>_standard_error`, `num_iwae_images`: mean over images of
        the log of the mean of K such weights, a tighter bound on log p(x).
      `kl`: KL(q(z|x) || p(z)); `kl_terms` (dict): its parts; `kl_per_latent` (dict):
        `total` and each part as a list over latents, then categorical variables.
      `active_latents`: number of latents and variables whose mean KL is above 0.01
        nats; `main_latents`: the smallest number that have 95 % of the KL.
      `kl_decomposition` (dict), of a model with Gaussian codes and p(z) = N(0, I), over
        its own `num_images` and `num_draws`: `mutual_information` with its
        `mutual_information_bound`, `total_correlation` and `dimension_wise_kl`, their
        `sum` and `sum_standard_error`, and the closed form `kl` that it estimates.
      `sparsity` (dict): of the Gaussian latents, see `vsc_jax.metrics.sparsity`.
      `probe` (dict): of the label, see `vsc_jax.metrics.few_label_probe`; features are
        posterior means.
      `classification` (dict): `accuracy`, `negative_log_likelihood` in nats and
        `calibration_error` of predicted labels.
      `layers` (dict), of a model that shows its layers: `kl` in nats, `saturated`, the
        share of units with the largest noise, and both `_per_layer` (dicts);
        `total_correlation` per unit of the last layer with noise, beside that
        `_of_independent` units.
      `layer_probe` (dict): with which `accuracy` (dict of lists, by layer) each factor
        is read off the `layers` (list), beside the `majority` (dict); `label_at_end`
        and `others_at_end` of the last layer.
      `class_leak` (dict): `logistic_regression` and `nearest_neighbours`, accuracies
        with which the latents that all classes share tell the label.
      `class_kl` (dict), of a model in which classes have latents for themselves:
        `own_kl` (list of lists), the KL of each over images of its class; `detected`
        (list of dicts), those that say something; `num_detected`,
        `num_classes_with_factors`, `mean_own_kl`, `mean_off_kl`.
      `sample_agreement` (dict), of a model whose decoder is given the class: how often
        a classifier of real images finds the class asked for in samples,
        `agreement_stddev_1` and `agreement_stddev_1_4`, and its `classifier_accuracy`
        on real ones, with standard errors.
      `objects` (dict): `num_objects`, the mean number of objects found, with its
        standard error; where the data set knows its objects also `count_accuracy`,
        `chance` and `confusion` (list of lists), `box_iou`, `missed_objects` and
        `extra_objects`, `mask_ari` and `mask_ari_with_single`, `centres_on_objects`,
        see `vsc_jax.metrics.count_accuracy`, `box_iou`, `mask_ari` and
        `centres_on_objects`; of a model with a KL for each part of the image
        `kl_on_objects`, the share of its peaks on an object, beside `kl_by_chance`.
      `disentanglement` (dict), over its own `num_images` of both splits:
        `factor_vae_score` (dict) by protocol, see `vsc_jax.metrics.factor_vae_score`,
        whose `factors` are names; `unsupervised_accuracy` (dict) of each categorical
        variable "d0", "d1", ..., see `vsc_jax.metrics.unsupervised_accuracy`;
        `kl_per_latent` (list).
      `disentanglement_of_normal_codes` (dict): the same of Student-t codes after their
        transport to a normal distribution.
      `aggregate_posterior` (dict), over its own `num_images`, so that its `kl` differs
        from the one above: `overlap`, `overlap_per_latent` (list),
        `mutual_information`, `mutual_information_bound`, `marginal_kl`, and distances
        of `num_draws` draws of q(z) to as many of the prior: `mmd`,
        `mmd_per_dimension`, `sliced_wasserstein`, each with the value `_of_prior` that
        draws of the prior have instead, its noise.
      `class_mmd` (dict): the MMD of draws of q(z) to the prior in the latents that
        classes share (`shared`, dict) and in those that the decoder sees
        (`shared_and_own`, dict): `mmd`, `mean_class_mmd`, `class_mmd` (list over
        classes), and each `_of_prior`.
      `skipped` (dict): name of a score that this model or data set has no use for ->
        why.
      `failed` (dict): name of a score that ended with an error -> its type and message.
        The traceback is logged.

    Raises:
      ValueError: if `only` has an unknown name, or as `check_evaluation`.

    See `MODEL_SCORES` for the scores, each with what it needs of a model.
    """
    check_evaluation(context.model, context.dataset, options)
    rows = context.once(draw_rows, options)
    collection = Collection()
    collection.results["num_test_images"] = len(rows.test)
    for score in _chosen(options, only):
        collection.add(score.name, functools.partial(_compute, score, context, options))
    return {
        **collection.results,
        "skipped": collection.skipped,
        "failed": collection.failed,
    }


def check_evaluation(model: Any, dataset: Dataset, options: EvaluationOptions) -> None:
    """What can be known of an evaluation before the model is trained.

    Raises:
      ValueError: if a metric is not known, there are fewer than two test images, a
        classifier has another number of classes than the labels, or images have more
        objects than the model can find.
    """
    check_names(options.metrics)
    if (num := len(dataset.test_indices)) < 2:
        raise ValueError(
            f"the test split must have at least 2 images to be scored, "
            f"{dataset.name!r} gives {num}; give it more images, and no num_test below "
            "2."
        )
    if has(model, Classifies) and dataset.label_factor is not None:
        column = dataset.factor_names.index(dataset.label_factor)
        num_labels = dataset.factor_sizes[column]
        if model.num_classes != num_labels:
            raise ValueError(
                f"num_classes must be {num_labels}, the number of labels of "
                f"{dataset.name!r}, got {model.num_classes}."
            )
    if has(model, FindsObjects) and dataset.objects is not None:
        most = int(dataset.objects.counts.max())
        if model.num_slots < most:
            raise ValueError(
                f"num_slots must be at least {most}, the most objects in an image of "
                f"{dataset.name!r}, got {model.num_slots}."
            )


def score_scalars(scores: Mapping[str, Any]) -> dict[str, float]:
    """The headline numbers of `disentanglement`, flat, for a log.

    Args:
      scores: what `evaluate` returned.

    Returns:
      Those that are there of `factor_vae_score` (protocol "cascade"),
      `factor_vae_score_locatello`, and `unsupervised_accuracy`, of several categorical
      variables the highest.

    >>> scores = {"factor_vae_score": {"cascade": {"factor_vae_score": 0.9}}}
    >>> score_scalars({"disentanglement": scores})
    {'factor_vae_score': 0.9}
    """
    scores = scores.get("disentanglement", {})
    scalars = {
        f"factor_vae_score_{protocol}".removesuffix("_cascade"): result[
            "factor_vae_score"
        ]
        for protocol, result in scores.get("factor_vae_score", {}).items()
    }
    accuracies = [
        result["unsupervised_accuracy"]
        for result in scores.get("unsupervised_accuracy", {}).values()
    ]
    return scalars | ({"unsupervised_accuracy": max(accuracies)} if accuracies else {})


def _chosen(options: EvaluationOptions, only: Sequence[str]) -> list[Score]:
    asked = [score for score in MODEL_SCORES if score.asked(options)]
    if not only:
        return asked
    known = {name for score in MODEL_SCORES for name in (score.name, score.group)}
    if unknown := [name for name in only if name not in known]:
        raise ValueError(
            f"unknown score {', '.join(unknown)}; known: "
            f"{', '.join(score.name for score in MODEL_SCORES)}."
        )
    return [score for score in asked if {score.name, score.group} & set(only)]


def _compute(
    score: Score, context: Context, options: EvaluationOptions
) -> dict[str, Any]:
    needs(context.model, *score.needs)
    results = score.compute(context, options)
    return {score.group: results} if score.group else results
