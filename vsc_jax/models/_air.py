"""Attend-Infer-Repeat (Eslami et al. 2016): objects, found one after the other."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax import losses, priors
from vsc_jax._ranges import (
    above,
    check_choices,
    check_flag,
    check_ranges,
    ranged,
    whole,
)
from vsc_jax.models._air_codes import AIRCodes
from vsc_jax.models._air_steps import AIRNoise, Steps, take_steps
from vsc_jax.models._base import (
    Batch,
    Gather,
    LossOutput,
    Method,
    Params,
    Player,
    Weight,
    Weights,
    keep_local,
    mean_output,
)
from vsc_jax.networks import INITIALIZERS

CHOICES = {
    "estimator": ("nvil", "concrete"),
    "kl_count": ("sampled", "analytic"),
    "count_prior": priors.COUNT_PRIORS,
    "window": ("zoom", "squashed"),
    "initializer": INITIALIZERS,
}
# The factor of a data set that is the number of objects.
COUNT = "count"


class _Terms(NamedTuple):
    """What both players need of a batch."""

    steps: Steps
    objective: losses.AirTerms
    costs: jax.Array


@dataclasses.dataclass(frozen=True)
class AIR(AIRCodes, Method):
    """A recurrent network that finds objects one by one, and draws each in a window.

    Step t finds an object or, from the first step on that finds none, nothing: z_t = 1
    or 0. An object has a place (`where`, the size of its window and the middle) and
    looks (`what`). The mean of an image is the sum of the windows:

      z_t ~ Bernoulli(prior) if z_(t-1) = 1, else 0;   where_t, what_t ~ Gaussians
      x ~ N(sum_t z_t place(sigmoid(decoder(what_t) + decoder_bias), where_t), stddev^2)

    Eslami et al., Attend, Infer, Repeat, https://arxiv.org/abs/1603.08575, whose body
    was not at hand. Defaults are the flags of Pyro's example
    (https://github.com/pyro-ppl/pyro/tree/dev/examples/air), whose loss, with all KLs
    but that of the draw of z in closed form, is that of
    https://github.com/addtt/attend-infer-repeat-pytorch.

    The loss is minus the bound on log p(x). Estimators of its gradient:

      "nvil": z is drawn, and the gradient of the choice is that of REINFORCE with a
        learned baseline (`vsc_jax.losses.nvil_surrogate`): a recurrent network of its
        own, the second player, that learns the costs of the choices. The surrogate is
        in the loss with the value 0.
      "concrete": z is relaxed and has a gradient, as in
        https://github.com/aakhundov/tf-attend-infer-repeat: windows are multiplied by
        it, and steps go on until the sum of all 1 - z passes 0.99. There are no
        choices, and no second player.

    Codes are those of `AIRCodes`; they have no closed-form KL and no bound on log p(x)
    of their own, for q of a slot depends on draws of those before it. The bound is in
    the log and among the terms of the loss.

    In the log are the terms of the bound and `num_objects`, those found. Where
    `count_factor` is known there are also `count_accuracy`, `true_counts` (the share of
    images with 0, 1, ... objects) and `found_per_count` (what they add to
    `num_objects`); nothing learns from it.

    Attributes:
      image_shape: `(height, width, channels)`.
      num_slots: number of steps, the most objects that can be found.
      what_dim: latents of what an object looks like.
      glimpse_size: height and width of what is cut out of a window and drawn in it, at
        most those of the image.
      rnn_width: units of the recurrent networks.
      predictor_hidden: widths of the layers between their state and the parameters of
        presence and place.
      hidden: widths of the layers of the encoder of a glimpse; its decoder mirrors
        them.
      window: how a window follows from where = (s, y, x): "zoom" for a size of 1 / s
        and the middle (-y / s, -x / s), or "squashed" for sigmoid(s) and (tanh(y),
        tanh(x)), as aakhundov has it. Sizes are shares of the image.
      size_mean: mean of the prior of s; that of y and x is 0.
      size_stddev: its standard deviation; that of y and x is 1.
      decoder_bias: added to the logits of a drawn glimpse, so that it begins dark.
      likelihood_scale: standard deviation of a pixel.
      estimator: "nvil" or "concrete", see above.
      kl_count: for "nvil", whether the KL of z is that of each choice given those
        before it ("sampled", and the cost of a choice is the rest of the bound), or
        that of the number of objects ("analytic", with the other KLs weighted by the
        probability of each step, and the reconstruction alone as the cost), as in
        https://github.com/akosiorek/attend_infer_repeat.
      count_prior: "geometric" or "bernoulli", see
        `vsc_jax.priors.presence_prior_logits`.
      temperature: of the relaxed z.
      align_corners: see `vsc_jax.networks.resample`.
      count_factor: which column of `batch.factors` is the number of objects; -1 for
        none.
      initializer: see `vsc_jax.networks.init_params`.
    """

    likelihood_scale: float = ranged(0.3, above(0))
    kl_count: str = "sampled"
    count_prior: str = "geometric"
    count_factor: int = ranged(0, whole(-1))

    # Images have pixels in [0, 1], as what is drawn in a window.
    mean_function: ClassVar[str] = "sigmoid"

    def __post_init__(self) -> None:
        check_choices(self, CHOICES)
        check_ranges(self)
        check_flag("align_corners", self.align_corners)
        smallest = min(self.image_shape[:2])
        if self.glimpse_size > smallest:
            raise ValueError(
                f"glimpse_size must be at most {smallest}, the smaller side of images "
                f"of shape {self.image_shape}, got {self.glimpse_size}; take larger "
                "images or a smaller glimpse."
            )
        if self.estimator == "concrete" and self.kl_count != "sampled":
            raise ValueError(
                "kl_count must be 'sampled' for the estimator 'concrete', got "
                f"{self.kl_count!r}."
            )

    def check_dataset(
        self,
        factor_names: Sequence[str],
        factor_sizes: Sequence[int],
        train_factors: np.ndarray | None = None,
    ) -> None:
        """Raises ValueError unless there are enough steps and counts where they are."""
        if self.count_factor < 0:
            return
        name = dict(enumerate(factor_names)).get(self.count_factor)
        if name != COUNT:
            raise ValueError(
                f"count_factor must be the column of the factor {COUNT!r}, got "
                f"{self.count_factor}, {'no factor' if name is None else repr(name)}; "
                "-1 stands for data without it."
            )
        most = factor_sizes[self.count_factor] - 1
        if self.num_slots < most:
            raise ValueError(
                f"num_slots must be at least {most}, the most objects of an image, got "
                f"{self.num_slots}."
            )

    @property
    def weight_fields(self) -> dict[str, Weight]:
        """`prior_presence_odds`, see `vsc_jax.priors.presence_prior_logits`.

        A schedule of it is the annealed prior.
        """
        return {"prior_presence_odds": Weight(0.01, above(0))}

    @property
    def players(self) -> tuple[Player, ...]:
        """The model; with "nvil" also its baseline."""
        if self.estimator == "concrete":
            return (Player("model", None, self.loss),)
        return (
            Player("model", ("inference", "encoder", "decoder"), self.loss),
            Player("baseline", ("baseline",), self.baseline_loss),
        )

    def noise(self, key: jax.Array, batch_size: int) -> AIRNoise:
        """An `AIRNoise`."""
        keys, steps = jax.random.split(key, 3), (batch_size, self.num_slots)
        return AIRNoise(
            jax.random.logistic(keys[0], steps),
            jax.random.normal(keys[1], (*steps, 3)),
            jax.random.normal(keys[2], (*steps, self.what_dim)),
        )

    def loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Minus the bound on log p(x), in nats per image."""
        steps, objective, costs = self._terms(params, batch.x, noise, weights)
        if self.estimator == "nvil":
            signal = jax.lax.stop_gradient(
                costs - self.baseline_of(params, batch, steps)
            )
            surrogate = losses.nvil_surrogate(
                steps.presence_logits, steps.present, steps.reached, signal
            )
            # It is there for its gradient; its value would hide that of the bound.
            surrogate -= jax.lax.stop_gradient(surrogate)
            objective = objective._replace(loss=objective.loss + surrogate)
        found = jnp.sum(steps.present, axis=-1)
        output = mean_output(objective, num_objects=found)
        del output.metrics["costs"]
        for name, values in self._of_counts(batch, found).items():
            output.metrics[name] = values.mean(axis=0)
        return output

    def baseline_loss(
        self,
        params: Params,
        batch: Batch,
        noise: Any,
        weights: Weights,
        *,
        gather: Gather = keep_local,
    ) -> LossOutput:
        """Squared error of the costs that the baseline expects; the rest is fixed."""
        fixed = jax.lax.stop_gradient(params)
        steps, _, costs = self._terms(fixed, batch.x, noise, weights)
        baseline = self.baseline_of(params, batch, steps)
        error = losses.nvil_baseline_loss(baseline, costs, steps.reached)
        return LossOutput(error.mean(), {})

    def baseline_of(self, params: Params, batch: Batch, steps: Steps) -> jax.Array:
        """The cost that is expected before each choice, `[batch, num_slots]`."""
        network, variables = self.baseline(), params["baseline"]
        gates: Any = network.apply(variables, batch.x, method="look")
        state: Any = network.apply(variables, gates, method="start")
        expected = []
        for t in range(self.num_slots):
            given = steps.given[:, t]
            state, output = network.apply(variables, state, gates, given, method="step")
            expected.append(output)
        return jnp.concatenate(expected, axis=-1)

    def _terms(
        self, params: Params, x: jax.Array, noise: AIRNoise, weights: Weights
    ) -> _Terms:
        """The bound on log p(x) at a draw, and the costs of its choices."""
        steps = take_steps(self, params, x, noise)
        x_mean = jnp.einsum(
            "bt,bthwc->bhwc",
            steps.shown,
            self.draw_windows(params, steps.what, steps.size, steps.centre),
        )
        log_likelihood = losses.gaussian_log_likelihood(
            x_mean, x, log_var=2.0 * math.log(self.likelihood_scale)
        )
        prior = priors.presence_prior_logits(
            self.num_slots, odds=weights["prior_presence_odds"], kind=self.count_prior
        )
        logits, reached, present = steps.presence_logits, steps.reached, steps.present
        if self.estimator == "concrete":
            presence_kl = losses.relaxed_presence_kl(
                steps.log_odds, logits, prior, temperature=self.temperature
            )
        else:
            presence_kl = losses.bernoulli_kl_between(
                logits, jnp.broadcast_to(prior, logits.shape)
            )
        if self.kl_count == "analytic":
            present = losses.presence_prob(logits)
            first = jnp.ones_like(present[:, :1])
            reached = jnp.concatenate([first, present[:, :-1]], axis=1)
        where_mean, where_log_var = self.where_prior
        where_kl = losses.gaussian_kl(
            steps.where_mean,
            steps.where_log_var,
            prior_mean=where_mean,
            prior_log_var=where_log_var,
        )
        what_kl = losses.gaussian_kl(steps.what_mean, steps.what_log_var)
        objective = losses.air_objective(
            log_likelihood,
            presence_kl,
            where_kl.sum(axis=-1),
            what_kl.sum(axis=-1),
            reached,
            present,
        )
        costs = objective.costs
        if self.kl_count == "analytic":
            costs = jnp.broadcast_to(-log_likelihood[:, None], costs.shape)
        return _Terms(steps, objective, costs)

    def _of_counts(self, batch: Batch, found: jax.Array) -> dict[str, jax.Array]:
        """What the log has of the number of objects where it is known."""
        known = 0 if batch.factors is None else batch.factors.shape[-1]
        if batch.factors is None or not 0 <= self.count_factor < known:
            return {}
        counts = batch.factors[:, self.count_factor]
        one_hot = jax.nn.one_hot(counts, self.num_slots + 1)
        return {
            "count_accuracy": (counts == jnp.round(found)).astype(jnp.float32),
            "true_counts": one_hot,
            "found_per_count": one_hot * found[:, None],
        }
