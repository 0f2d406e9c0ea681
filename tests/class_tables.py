"""Posteriors that are given, of a model in which each class has a latent for itself."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from table_model import NUM, WithKL, row_dataset

NAMES = ("cat", "dog")
TOTAL = NUM + 5


@dataclasses.dataclass(frozen=True)
class ClassTable(WithKL):
    """The first of its three latents is shared; each class has one of the others."""

    category_sizes: tuple[int, ...] = (2,)
    class_dim: int = 1

    @property
    def num_classes(self):
        return 2

    @property
    def class_latents(self):
        return np.arange(1, 1 + 2 * self.class_dim).reshape(2, self.class_dim)

    def with_labels(self, z, labels):
        return jnp.concatenate([z[..., :3], jnp.eye(2)[labels]], axis=-1)


def labelled_rows(labels=None, names=NAMES):
    """The data set of `row_dataset`, half of it for training; classes alternate."""
    dataset = row_dataset()
    order = np.concatenate([dataset.train_indices, dataset.test_indices])
    labels = np.arange(TOTAL) % 2 if labels is None else np.asarray(labels)
    return dataclasses.replace(
        dataset,
        train_indices=order[: TOTAL // 2],
        test_indices=order[TOTAL // 2 :],
        factors=labels[:, None].astype(np.int32),
        factor_names=("label",),
        factor_sizes=(int(labels.max()) + 1,),
        label_factor="label",
        label_names=names,
    )
