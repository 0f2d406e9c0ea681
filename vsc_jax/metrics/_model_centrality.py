"""Which of several trained models the others agree with: ModelCentrality, no labels.

Lin, Thekumparampil, Fanti & Oh, InfoGAN-CR and ModelCentrality: Self-supervised Model
Training and Selection for Disentangling GANs, https://arxiv.org/abs/1906.06034, section
4. Protocol: its code, https://github.com/fjxmlzn/InfoGAN-CR (the files `*_mc_*`).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from vsc_jax.metrics._inputs import as_matrix
from vsc_jax.metrics._not_applicable import NotApplicable
from vsc_jax.metrics._standard_scores import varying


def generated_factor_score(
    vote_codes: ArrayLike, fixed: ArrayLike, image_codes: ArrayLike
) -> dict[str, Any]:
    """The FactorVAE score of an encoder on images whose factors are another's codes.

    A vote is a set of images that one model generates from draws of its prior with one
    of its latents fixed; the encoder of another model names its own latent with

        argmin_j  std_votes(z_j) / std_images(z_j).

    The classifier answers the fixed latent that a latent was most often named for; the
    score is its accuracy on the same votes. Latents that do not vary take no part; with
    none left the score is chance.

    Cost. Time and memory grow with the number of codes; 1,000 votes of 100 codes with
    10 latents take 0.03 s and 20 MB. Beside that images are generated and encoded.

    Args:
      vote_codes: `[num_votes, batch_size, latent_dim]`, what the encoder says of the
        images of each vote (100 images and 100 votes per latent in the authors' code).
      fixed: integers `[num_votes]`, the latent that was fixed.
      image_codes: `[n, latent_dim]`, what it says of images without a fixed latent.

    Returns:
      `generated_factor_score`: 0 to 1.
      `chance`: 1 / number of latents that were fixed.
      `votes`: `[latent_dim][num_fixed]`, how often each latent was named.

    Raises:
      NotApplicable: if fewer than two latents were fixed.
      ValueError: if shapes do not fit or a value is not finite.
      TypeError: if `fixed` is not of integers.

    >>> rng = np.random.default_rng(0)
    >>> images, codes = rng.normal(size=(50, 2)), rng.normal(size=(20, 30, 2))
    >>> fixed = np.arange(20) % 2
    >>> codes[np.arange(20), :, fixed] = 0.5
    >>> generated_factor_score(codes, fixed, images)["generated_factor_score"]
    1.0
    """
    images = as_matrix("image_codes", image_codes)
    votes = np.asarray(vote_codes, np.float64)
    if votes.ndim != 3 or votes.shape[2] != images.shape[1] or votes.shape[1] < 2:
        raise ValueError(
            "vote_codes must have shape [num_votes, batch_size of 2 or more, "
            f"{images.shape[1]}], got {votes.shape}."
        )
    if not np.isfinite(votes).all():
        raise ValueError("vote_codes must be finite; the model has diverged.")
    names = np.asarray(fixed)
    if names.dtype.kind not in "iu":
        raise TypeError(f"fixed must be integers, got {names.dtype}.")
    if names.shape != votes.shape[:1]:
        raise ValueError(
            f"fixed must have shape {votes.shape[:1]}, one value per vote, got "
            f"{names.shape}."
        )
    known, classes = np.unique(names, return_inverse=True)
    if len(known) < 2:
        raise NotApplicable(
            f"fixed must name at least 2 latents, got {known.tolist()}: with one every "
            "code would score 1."
        )
    table = np.zeros((images.shape[1], len(known)), np.int64)
    active = np.flatnonzero(varying(images))
    score = 1 / len(known)
    if len(active):
        spread = votes[:, :, active].std(axis=1) / images[:, active].std(axis=0)[None]
        np.add.at(table, (active[spread.argmin(axis=1)], classes), 1)
        score = table.max(axis=1).sum() / len(votes)
    return {
        "generated_factor_score": float(score),
        "chance": 1 / len(known),
        "votes": table.tolist(),
    }


def model_centrality(cross_scores: ArrayLike) -> dict[str, Any]:
    """How well each model and the others explain each other's codes.

    With A_il the score of the encoder of model l on images of model i,

        similarity[i][l] = (A_il + A_li) / 2,
        model_centrality_per_model[i] = mean over l != i of similarity[i][l].

    The models that found the factors found the same ones, so that the largest value
    picks a model without labels. Models that collapsed alike agree too.

    Cost. Time and memory grow with the square of the number of models; 100 take 20 ms.
    What its scores are made from takes longer: each model encodes the images of all.

    Args:
      cross_scores: `[models, models]`, 0 to 1, of two or more models: row generates,
        column encodes, see `generated_factor_score`. The diagonal takes no part.

    Returns:
      `model_centrality`: mean of `model_centrality_per_model`.
      `model_centrality_per_model`: one value per model, 0 to 1.
      `best_model`: index of the largest.
      `similarity`: `[models][models]`; 0 on the diagonal.

    Raises:
      NotApplicable: if there are fewer than two models.
      ValueError: if it is no square matrix, or a value off the diagonal is not in 0 to
        1.

    >>> scores = model_centrality([[0.0, 0.9, 0.3], [0.7, 0.0, 0.2], [0.5, 0.4, 0.0]])
    >>> np.round(scores["model_centrality_per_model"], 3).tolist()
    [0.6, 0.55, 0.35]
    """
    scores = np.array(as_matrix("cross_scores", cross_scores))
    num = len(scores)
    if scores.shape != (num, num):
        raise ValueError(
            f"cross_scores must have shape [models, models], got {scores.shape}."
        )
    if num < 2:
        raise NotApplicable(f"cross_scores must be of at least 2 models, got {num}.")
    np.fill_diagonal(scores, 0.0)
    if scores.min() < 0.0 or scores.max() > 1.0:
        raise ValueError(
            f"cross_scores must be in 0 to 1, got {scores.min():.6g} to "
            f"{scores.max():.6g}."
        )
    similarity = (scores + scores.T) / 2
    per_model = similarity.sum(axis=1) / (num - 1)
    return {
        "model_centrality": float(per_model.mean()),
        "model_centrality_per_model": per_model.tolist(),
        "best_model": int(per_model.argmax()),
        "similarity": similarity.tolist(),
    }
