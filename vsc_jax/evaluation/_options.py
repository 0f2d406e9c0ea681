"""How much of a data set the scores take, and which of them are computed."""

import dataclasses

from vsc_jax._ranges import check_ranges, ranged, whole

# Draws of an image; so many take hours, and more say no more.
MAX_DRAWS = 1_000_000


@dataclasses.dataclass(frozen=True)
class EvaluationOptions:
    """Sizes of the scores; a number above what a data set has takes all of it.

    Attributes:
      num_test: random test images for the loss, bounds, KL and sparsity; 0 takes all.
      elbo_samples: exact draws z ~ q(z|x) per image for the ELBO.
      iwae_samples: draws K of the importance-weighted bound; 0 leaves it out.
      iwae_images: test images that it is taken over.
      num_labels: labelled training images of the linear probe and of the other
        classifiers of codes and samples; 0 leaves them out.
      aggregate_images: test images whose codes stand for the aggregate posterior; 0
        leaves its scores out. Time and memory grow with its square and with it.
      metrics: scores against ground truth, names of `SCORES`.
      disentanglement_images: images, of both splits, for the disentanglement scores; 0
        leaves them out.
      score_images: the same while training.

    Raises:
      ValueError: if a field is out of its range.
    """

    num_test: int = ranged(10_000, whole(0))
    elbo_samples: int = ranged(1, whole(1, MAX_DRAWS))
    iwae_samples: int = ranged(100, whole(0, MAX_DRAWS))
    iwae_images: int = ranged(500, whole(1))
    num_labels: int = ranged(5_000, whole(0))
    aggregate_images: int = ranged(2_000, whole(0))
    metrics: tuple[str, ...] = ()
    disentanglement_images: int = ranged(0, whole(0))
    score_images: int = ranged(10_000, whole(1))

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", tuple(self.metrics))  # hashable
        check_ranges(self)
        for name in ("num_test", "aggregate_images"):
            if getattr(self, name) == 1:
                raise ValueError(f"{name} must be 0 or at least 2, got 1.")
