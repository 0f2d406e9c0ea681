"""A layer with Information Dropout, for any network."""

from typing import Literal, NamedTuple, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp

from vsc_jax._checks import check_same_shape
from vsc_jax._ranges import above
from vsc_jax.losses import information_dropout_kl, information_dropout_log_normal_kl
from vsc_jax.sampling import information_dropout_from_noise

Activation = Literal["relu", "softplus"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
# Added to the standard deviation of the noise, as in the authors' code.
MIN_STDDEV = 0.001


class NoisyUnits(NamedTuple):
    """What `InformationDropout` returns, float32 arrays of the shape of its inputs.

    Attributes:
      value: the units with their noise: what the next layer is given.
      kl: what each unit costs, nats; the sum over all units of an example is the KL of
        the layer, a term of the loss.
      stddev: alpha, the standard deviation of the noise of a unit's logarithm.
      mean: the units without noise, f; `value` where no noise was given.
    """

    value: jax.Array
    kl: jax.Array
    stddev: jax.Array
    mean: jax.Array


class InformationDropout(nn.Module):
    """Multiplies units by log-normal noise whose size is computed from the input.

    Achille and Soatto, "Information Dropout", https://arxiv.org/abs/1611.01353, as in
    the authors' code, https://github.com/ucla-vision/information-dropout. Two layers of
    the same shape, of any kind, give the units and their noise:

      f = activation(value_logits),  alpha = 0.001 + max_alpha sigmoid(stddev_logits),
      z = f exp(alpha eps)

    Behind a relu the prior is log-uniform and the KL is 0 at the largest noise; behind
    a softplus it is log-normal, and its two numbers are parameters of the layer
    (`prior_mean` and `prior_log_stddev`, zeros at first), see
    `vsc_jax.losses.information_dropout_kl` and `information_dropout_log_normal_kl`. In
    the authors' code a batch normalisation stands before the activation, and none
    before the sigmoid.

    Add `beta * units.kl` to the loss, summed over the units of each layer: beta is the
    price of a nat. At test leave the noise out.

    Attributes:
      activation: "relu" or "softplus".
      max_alpha: the largest alpha, but for the 0.001 that is added.

    Raises:
      ValueError: if a field or a shape does not fit.

    Example:
      >>> import flax.linen as nn, jax, jax.numpy as jnp
      >>> from vsc_jax.networks import InformationDropout
      >>> class Net(nn.Module):
      ...   @nn.compact
      ...   def __call__(self, x, normal=None):
      ...     units = InformationDropout()(nn.Dense(32)(x), nn.Dense(32)(x), normal)
      ...     return nn.Dense(10)(units.value), units.kl.sum(axis=-1)
      >>> x, normal = jnp.ones((4, 8)), jax.random.normal(jax.random.key(1), (4, 32))
      >>> (logits, kl), _ = Net().init_with_output(jax.random.key(0), x, normal)
      >>> logits.shape, kl.shape
      ((4, 10), (4,))
    """

    activation: Activation = "relu"
    max_alpha: float = 1.0

    @property
    def max_stddev(self) -> float:
        """The largest alpha there can be."""
        return MIN_STDDEV + self.max_alpha

    @nn.compact
    def __call__(
        self,
        value_logits: jax.Array,
        stddev_logits: jax.Array,
        normal: jax.Array | None = None,
    ) -> NoisyUnits:
        """The units with noise.

        Args:
          value_logits: `[...]`, input of the activation.
          stddev_logits: `[...]`, input of the sigmoid.
          normal: `[...]`, draws from N(0, 1); None leaves the noise out.

        Returns:
          `NoisyUnits`.
        """
        if self.activation not in ACTIVATIONS:
            wanted = " or ".join(map(repr, ACTIVATIONS))
            raise ValueError(f"activation must be {wanted}, got {self.activation!r}.")
        above(0).check("max_alpha", self.max_alpha)
        check_same_shape(value_logits=value_logits, stddev_logits=stddev_logits)
        value_logits = value_logits.astype(jnp.float32)
        gate = jax.nn.sigmoid(stddev_logits.astype(jnp.float32))
        stddev = MIN_STDDEV + self.max_alpha * gate
        log_stddev = jnp.log(stddev)
        if self.activation == "relu":
            mean = nn.relu(value_logits)
            kl = information_dropout_kl(log_stddev, max_stddev=self.max_stddev)
        else:
            mean = nn.softplus(value_logits)
            kl = information_dropout_log_normal_kl(
                mean,
                log_stddev,
                prior_mean=self.param("prior_mean", nn.initializers.zeros, ()),
                prior_log_stddev=self.param(
                    "prior_log_stddev", nn.initializers.zeros, ()
                ),
            )
        value = mean
        if normal is not None:
            value = information_dropout_from_noise(mean, log_stddev, normal)
        return NoisyUnits(value, kl, stddev, mean)
