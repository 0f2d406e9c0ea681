"""From `config.model.prior` to the prior's own fields."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from experiments._errors import UserError
from experiments._fields import named_fields
from vsc_jax._ranges import check_values
from vsc_jax.datasets import Dataset
from vsc_jax.priors import PRIORS, create_prior, pca_variances

# Names beside those of vsc_jax.priors: variances from the principal components of all
# training images, and learned ones that begin there.
PCA = {"pca": "gaussian", "learned_pca": "learned_gaussian"}
# Images that are decoded at once for the components.
NUM_AT_ONCE = 20_000


def check_prior(prior: ConfigDict, latent_dim: int) -> None:
    """Raises UserError for what is wrong in `config.model.prior` whatever the data are.

    Fields that the named prior does not have are checked too.
    """
    if prior.name not in (*PRIORS, *PCA):
        raise UserError(
            f"model.prior.name must be one of {', '.join([*PRIORS, *PCA])}, got "
            f"{prior.name!r}."
        )
    with named_fields("model.prior", prior):
        for kind in PRIORS.values():
            check_values(kind, prior)
    if len(prior.variances) not in (0, 1, latent_dim):
        raise UserError(
            f"model.prior.variances must have 1 value or one per latent, {latent_dim}, "
            f"got {len(prior.variances)}."
        )
    smallest_of: Any = prior.smallest_of
    if smallest_of and smallest_of < latent_dim:
        raise UserError(
            "model.prior.smallest_of must be 0, or at least the number of latents, "
            f"{latent_dim}, got {smallest_of}."
        )
    with named_fields("model.prior", prior):
        create_prior(**_own_fields(prior, PCA.get(prior.name, prior.name)))


def prior_fields(
    prior: ConfigDict, latent_dim: int, dataset: Dataset
) -> dict[str, Any]:
    """The arguments of `vsc_jax.priors.create_prior`.

    Of the fields in `config.model.prior` only those of the named prior arrive.

    Raises:
      UserError: if the name is unknown, a value is out of its range, or the number of
        variances does not fit.
    """
    check_prior(prior, latent_dim)
    name = prior.name
    if name not in PCA:
        return _own_fields(prior, name)
    smallest_of = prior.smallest_of or None
    try:
        variances = pca_variances(
            _training_images(dataset), latent_dim, smallest_of=smallest_of
        )
    except ValueError as error:
        raise UserError(f"model.prior.name {name}: {error}") from error
    return _own_fields({**prior, "variances": variances}, PCA[name])


def _training_images(dataset: Dataset) -> np.ndarray | Iterator[np.ndarray]:
    """All of them, in parts where there are many."""
    rows = np.sort(dataset.train_indices)
    if len(rows) <= NUM_AT_ONCE:
        return dataset.decode(rows)
    starts = range(0, len(rows), NUM_AT_ONCE)
    return (dataset.decode(rows[start : start + NUM_AT_ONCE]) for start in starts)


def _own_fields(prior: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The name, and what is set of the fields of this prior."""
    # Learned variances begin in proportion to those that are given.
    given = {**prior, "initial": tuple(prior["variances"])}
    known = [field.name for field in dataclasses.fields(PRIORS[name])]
    return {
        "name": name,
        **{field: given[field] for field in known if given[field] != ()},
    }
