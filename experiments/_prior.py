"""From `config.model.prior` to the prior's own fields."""

import dataclasses
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments._flags import UserError
from vsc_jax.datasets import Dataset
from vsc_jax.priors import PRIORS, pca_variances

# Names beside those of vsc_jax.priors: variances from the principal components of the
# training images, and learned ones that begin there.
PCA = {"pca": "gaussian", "learned_pca": "learned_gaussian"}
# Training images of which the components are taken.
NUM_PCA_IMAGES = 20_000


def prior_fields(
    prior: ConfigDict, latent_dim: int, dataset: Dataset
) -> dict[str, Any]:
    """The arguments of `vsc_jax.priors.create_prior`.

    Of the fields in `config.model.prior` only those of the named prior are looked at.

    Raises:
      UserError: if the name is unknown, or the number of variances does not fit.
    """
    name = prior.name
    if name not in (*PRIORS, *PCA):
        raise UserError(
            f"model.prior.name must be one of {', '.join([*PRIORS, *PCA])}, got "
            f"{name!r}."
        )
    variances = tuple(prior.variances)
    if len(variances) not in (0, 1, latent_dim):
        raise UserError(
            f"model.prior.variances must have 1 value or one per latent, {latent_dim}, "
            f"got {len(variances)}."
        )
    if name in PCA:
        rows = dataset.train_indices[:NUM_PCA_IMAGES]
        try:
            variances = pca_variances(dataset.decode(np.sort(rows)), latent_dim)
        except ValueError as error:
            raise UserError(f"model.prior.name {name}: {error}") from error
    given: dict[str, Any] = {**prior.to_dict(), "name": PCA.get(name, name)}
    if variances:
        given |= {"variances": variances, "initial": variances}
    kind = PRIORS[given["name"]]
    known = [field.name for field in dataclasses.fields(kind)]
    return {
        "name": given["name"],
        **{name: given[name] for name in known if given.get(name, ()) != ()},
    }
