"""CascadeVAE (Jeong & Song 2019): relieved latents and an assigned category."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax import assignment, losses, sampling
from vsc_jax._ranges import between, check_choices, ranged, whole
from vsc_jax.models._base import (
    Batch,
    Gather,
    HostCall,
    LossOutput,
    Params,
    Weight,
    Weights,
    keep_local,
    mean_output,
)
from vsc_jax.models._mixed_model import MixedModel
from vsc_jax.networks import Posterior

METHODS = ("device", "ortools", "argmax")


class CascadeNoise(NamedTuple):
    """Noise of one step, and the categories where the host has found them.

    Attributes:
      normal: `[batch, latent_dim]`, standard normal.
      row: int32 `[batch]`, number of the example within the global batch.
      categories: int32 `[batch, variables]`; -1 where they are still to be found.
      certified: bool `[batch]`, whether the host's assignments were optimal.
      reassigned: float32 `[batch]`, 1 where the last of them is not the most likely.
    """

    normal: jax.Array
    row: jax.Array
    categories: jax.Array
    certified: jax.Array
    reassigned: jax.Array


class _Assigned(NamedTuple):
    """Categories of the local rows and what the log has of the assignment."""

    categories: jax.Array
    certified: jax.Array
    reassigned_fraction: jax.Array


@dataclasses.dataclass(frozen=True)
class CascadeVAE(MixedModel):
    """A VAE whose latents are relieved one by one, with categories assigned per batch.

    Loss: -(log p(x|z, d) - sum_j b_j KL(q(z_j|x) || N(0, 1))), z ~ q(z|x), where the
    first `num_relieved` latents have b_j = `beta_low` and the others `beta_high`. d
    maximises, over the batch and with z held fixed,

        sum_i log p(x_i|z_i, d_i) - pairwise_penalty sum_k n_k (n_k - 1),

    n_k being the number of images in category k: solved exactly, without a gradient.
    Before the categories are used d is a vector of zeros. At evaluation d is the most
    likely category at the mean of z, image by image.

    Jeong & Song, Learning Discrete and Continuous Factors of Data via Alternating
    Disentanglement, https://arxiv.org/abs/1905.09432; details as in the authors' code,
    https://github.com/snu-mllab/DisentanglementICML19: the encoder gives a standard
    deviation as a softplus, and the prior of d is in the assignment alone. That code
    counts unordered pairs, so its penalty 0.001 is 0.0005 here. There is one category
    in it; several are assigned in turn, each given the others (our own choice).

    Attributes:
      category_sizes: number of categories of each variable; () is CascadeVAE-C, which
        has Gaussian latents alone.
      assignment_method: "device" (exact), "ortools" (exact, min-cost flow on the host
        between two parts of the step) or "argmax" (no penalty).
      assignment_sweeps: how often the categorical variables are gone through.
    """

    assignment_method: str = "device"
    assignment_sweeps: int = ranged(1, whole(1))

    def __post_init__(self) -> None:
        check_choices(self, {"assignment_method": METHODS})
        super().__post_init__()

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """The two betas, what the cascade sets, and the penalty of a pair, in nats.

        `beta_low`, `beta_high`, `num_relieved`, `use_categories` (0 or 1) and
        `pairwise_penalty`, of ordered pairs.
        """
        return {
            "beta_low": Weight(1.0),
            "beta_high": Weight(10.0),
            "num_relieved": Weight(float(self.latent_dim)),
            "use_categories": Weight(1.0, between(0, 1)),
            "pairwise_penalty": Weight(0.0005),
        }

    @property
    def heads(self) -> dict[str, Any]:
        """What the encoder gives, as options of `build_networks`."""
        return {"scale": "softplus_stddev"}

    def noise(self, key: jax.Array, batch_size: int) -> CascadeNoise:
        """Standard normal noise, and no category found yet."""
        return CascadeNoise(
            normal=jax.random.normal(key, (batch_size, self.latent_dim)),
            row=jnp.arange(batch_size, dtype=jnp.int32),
            categories=jnp.full((batch_size, len(self.category_sizes)), -1, jnp.int32),
            certified=jnp.ones(batch_size, bool),
            reassigned=jnp.zeros(batch_size),
        )

    def gaussian(self, params: Params, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """`(mean, log_var)` of q(z|x), without the categories."""
        return super().encode(params, x).gaussian()

    def encode(self, params: Params, x: jax.Array) -> Posterior:
        """q(z|x), and log p(x|mean, d) of each category as its logits."""
        mean, log_var = self.gaussian(params, x)
        return Posterior(
            mean, log_var, category_logits=self.infer_categories(params, x, mean)
        )

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: CascadeNoise,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Mean negative objective at one draw of z and the assigned d, in nats."""
        mean, log_var = self.gaussian(params, batch.x)
        z = sampling.gaussian_from_noise(mean, log_var, noise.normal)
        assigned = self._assign(params, batch.x, z, noise, weights, gather)
        code = self.code(z, self.one_hots(assigned.categories))
        objective = losses.cascade_vae_objective(
            self.log_likelihood(self.decoder_output(params, code), batch.x),
            losses.gaussian_kl(mean, log_var),
            num_relieved=weights["num_relieved"],
            beta_low=weights["beta_low"],
            beta_high=weights["beta_high"],
            category_kl=weights["use_categories"] * self.log_num_codes(),
        )
        num_relieved = jnp.asarray(weights["num_relieved"], jnp.float32)
        if not self.category_sizes:
            return mean_output(objective, num_relieved=num_relieved)
        return mean_output(
            objective,
            num_relieved=num_relieved,
            reassigned_fraction=assigned.reassigned_fraction,
            category_shares=code[:, self.latent_dim :],
            certified=assigned.certified.astype(jnp.float32),
        )

    def _assign(
        self,
        params: Params,
        x: jax.Array,
        z: jax.Array,
        noise: CascadeNoise,
        weights: Weights,
        gather: Gather,
    ) -> _Assigned:
        """The categories of the local rows: the host's, or solved for here.

        Every device solves the problem of the whole batch, so that the balance is
        that of the whole batch however it is split.
        """
        found = _Assigned(
            noise.categories, noise.certified.all(), noise.reassigned.mean()
        )
        if not self.category_sizes:
            return found
        params, z = jax.lax.stop_gradient((params, z))
        is_exact = self.assignment_method != "argmax"

        def solve() -> _Assigned:
            categories, certified = noise.categories, jnp.bool(True)
            fraction = noise.reassigned.mean()
            for variable in self._turns:
                scores = self.category_log_likelihoods(
                    params, x, z, categories, variable
                )
                solution = assignment.assign_categories(
                    gather(scores),
                    # Without it the most likely categories are the optimum.
                    pairwise_penalty=is_exact * weights["pairwise_penalty"],
                    # On the host only between compiled parts, see `host_calls`.
                    method="device" if is_exact else "argmax",
                )
                local = solution.categories[noise.row]
                categories = categories.at[:, variable].set(local)
                certified &= solution.certified
                fraction = solution.reassigned_fraction
            return _Assigned(categories, certified, fraction)

        wanted = (weights["use_categories"] > 0) & (noise.categories < 0).any()
        return jax.lax.cond(wanted, solve, lambda: found)

    @property
    def _turns(self) -> tuple[int, ...]:
        """The variables in the order in which they are assigned."""
        return tuple(range(len(self.category_sizes))) * self.assignment_sweeps

    @property
    def host_calls(self) -> tuple[HostCall, ...]:
        """One min-cost flow per variable and sweep, if the method is "ortools"."""
        if self.assignment_method != "ortools":
            return ()
        return tuple(self._host_call(variable) for variable in self._turns)

    def _host_call(self, variable: int) -> HostCall:
        def needed(weights: Mapping[str, float]) -> bool:
            return weights["use_categories"] > 0

        def inputs(params, batch, noise, weights, *, gather=keep_local):
            mean, log_var = self.gaussian(params, batch.x)
            z = sampling.gaussian_from_noise(mean, log_var, noise.normal)
            return gather(
                self.category_log_likelihoods(
                    params, batch.x, z, noise.categories, variable
                )
            )

        def solve(scores: np.ndarray, weights: Mapping[str, float]) -> np.ndarray:
            solution = assignment.assign_categories_on_host(
                scores, pairwise_penalty=weights["pairwise_penalty"]
            )
            moved = np.take_along_axis(scores, solution.categories[:, None], 1)[:, 0]
            columns = [
                solution.categories,
                np.full(len(scores), bool(solution.certified)),
                moved < scores.max(axis=1),
            ]
            return np.stack(columns, axis=1).astype(np.int32)

        def insert(noise: CascadeNoise, found: jax.Array) -> CascadeNoise:
            return noise._replace(
                categories=noise.categories.at[:, variable].set(found[:, 0]),
                certified=noise.certified & (found[:, 1] == 1),
                reassigned=found[:, 2].astype(jnp.float32),
            )

        return HostCall(needed, inputs, solve, insert)

    def kl_per_latent(
        self, params: Params, x: jax.Array, posterior: Posterior, weights: Weights
    ) -> dict[str, jax.Array]:
        """`kl` of the latents and `category_kl`, the log of each number of categories.

        d is a function of x, so the KL to its uniform prior is the same for all x.
        """
        kl = losses.gaussian_kl(*posterior.gaussian())
        sizes = jnp.log(jnp.asarray(self.category_sizes, jnp.float32))
        category_kl = jnp.broadcast_to(
            weights["use_categories"] * sizes[None], (len(x), len(self.category_sizes))
        )
        padded, padded_category = self.padded_kl(kl, category_kl)
        return {"kl": padded} | (
            {"category_kl": padded_category} if self.category_sizes else {}
        )

    def log_importance_weight(
        self,
        params: Params,
        x: jax.Array,
        posterior: Posterior,
        key: jax.Array,
        weights: Weights,
    ) -> jax.Array:
        """`log p(x|z, d) + log p(z) + log p(d) - log q(z|x)` `[batch]`, z ~ q(z|x).

        d is the most likely category at the mean: a function of x, so that the mean
        over draws is a bound on log p(x). Its prior is uniform. While `use_categories`
        is 0 there is no d, as in the loss.
        """
        use = weights["use_categories"]
        mean, log_var = posterior.gaussian()
        z = sampling.sample_gaussian(key, mean, log_var)
        one_hots = self.one_hots(jnp.where(use > 0, posterior.categories, -1))
        code = self.code(z, one_hots)
        log_likelihood = self.log_likelihood(self.decoder_output(params, code), x)
        log_ratio = self.gaussian_log_ratio(z, mean, log_var)
        return log_likelihood + log_ratio - use * self.log_num_codes()
