"""Networks of a user's own in the place of those that are built here."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.errors import InvalidRngError

from vsc_jax.networks._posterior import Posterior

# Any other number than 1 finds networks that drop or mix the rows of a batch.
_BATCH = 3
_PARAMS = "params"


@runtime_checkable
class Network(Protocol):
    """An encoder or a decoder: two pure functions. A Flax Linen module is one."""

    def init(self, key: jax.Array, inputs: jax.Array, /) -> Any:
        """Initial parameters, a pytree of floats; `inputs` stand for their shape."""
        ...

    def apply(self, params: Any, inputs: jax.Array, /) -> Any:
        """What the network gives for a batch of inputs."""
        ...


class NetworkFunctions(NamedTuple):
    """A `Network` of two functions, such as one of Equinox, Flax NNX or Haiku.

    Attributes:
      init: `(key, inputs) -> params`.
      apply: `(params, inputs) -> outputs`.
    """

    init: Callable[[jax.Array, jax.Array], Any]
    apply: Callable[[Any, jax.Array], Any]


@dataclasses.dataclass(frozen=True, repr=False)
class OwnNetworks:
    """An encoder and a decoder of your own, as `network` of a model of images.

    The model has its loss, its prior and its draws as ever. Its fields that say how its
    own networks are built (`hidden`, `channels`, `features`, `dtype`, `initializer`,
    the form of a gate or of a scale) have no part in it: initial parameters are those
    of your `init`. Networks must be pure: they keep no statistics of batches and draw
    nothing (normalise layers or groups, not batches).

    Attributes:
      encoder: gives the parameters of q(z|x) of images
        `[batch, height, width, channels]`: a `Posterior`, or a tuple of those that the
        model needs, in this order: `mean` `[batch, latent_dim]`; `log_var`, but for a
        deterministic code; `slab_logits` for a spike and slab; `category_logits`, for
        each variable `[batch, size]`, where the encoder infers categories. A code that
        is deterministic may be `mean` alone.
      decoder: gives the logits of p(x|z) `[batch, height, width, channels]` of codes
        `[batch, code_dim]` (the Gaussian latents, then a one-hot vector for each
        categorical variable); for likelihoods with a scale per pixel a pair of these.

    Each is a Flax Linen module, anything else that is a `Network`, or a pair
    `(init, apply)` of functions `(key, inputs) -> params` and
    `(params, inputs) -> outputs`.

    Raises:
      TypeError: if one is none of these, or not hashable: models are static arguments
        of compiled programs.

    >>> import flax.linen as nn
    >>> from vsc_jax.models import create_model
    >>> class Encoder(nn.Module):
    ...     @nn.compact
    ...     def __call__(self, x):
    ...         h = nn.relu(nn.Dense(16)(x.reshape(len(x), -1)))
    ...         return nn.Dense(2)(h), nn.Dense(2)(h)  # mean, log_var
    >>> class Decoder(nn.Module):
    ...     @nn.compact
    ...     def __call__(self, z):
    ...         return nn.Dense(64)(nn.relu(nn.Dense(16)(z))).reshape(-1, 8, 8, 1)
    >>> own = OwnNetworks(Encoder(), Decoder())
    >>> model = create_model("vae", image_shape=(8, 8, 1), latent_dim=2, network=own)
    >>> params = model.init(jax.random.key(0))
    >>> model.encode(params, jnp.zeros((5, 8, 8, 1))).mean.shape
    (5, 2)
    """

    encoder: Network | tuple[Callable, Callable]
    decoder: Network | tuple[Callable, Callable]

    def __post_init__(self) -> None:
        for group in ("encoder", "decoder"):
            object.__setattr__(self, group, _as_network(group, getattr(self, group)))

    @property
    def names(self) -> dict[str, str]:
        """What each is called, for those who read of a run."""
        return {group: _name(getattr(self, group)) for group in ("encoder", "decoder")}

    def __repr__(self) -> str:
        # That of a Flax module has many lines, and stands in messages.
        return "OwnNetworks({encoder}, {decoder})".format(**self.names)


class BoundNetwork:
    """A network of a user's own as models apply theirs, its outputs checked."""

    def __init__(
        self, group: str, network: Any, convert: Callable[[Any, int], Any]
    ) -> None:
        self._group = group
        self._network = network
        self._convert = convert

    def init(self, key: jax.Array, inputs: jax.Array) -> dict[str, Any]:
        """Initial parameters, under "params" as those of Flax are."""
        variables = self._network.init(key, inputs)
        if not isinstance(self._network, nn.Module):
            variables = {_PARAMS: variables}
        elif kept := sorted(set(variables) - {_PARAMS}):
            raise ValueError(
                f"{self._group} must be a function of its parameters alone, but it "
                f"keeps {', '.join(kept)} beside them; normalise layers or groups "
                "(flax.linen.LayerNorm, GroupNorm) instead of batches."
            )
        for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
            dtype, shape = jnp.result_type(leaf), jnp.shape(leaf)
            if not jnp.issubdtype(dtype, jnp.floating):
                raise TypeError(
                    f"{self._group} must have parameters of floats, got {dtype} at "
                    f"{jax.tree_util.keystr(path)}."
                )
            if dtype.itemsize < 4:
                raise TypeError(
                    f"{self._group} must have parameters of float32, got {dtype} at "
                    f"{jax.tree_util.keystr(path)}; what it computes in is up to its "
                    "apply (dtype, not param_dtype)."
                )
            if 0 in shape:
                raise ValueError(
                    f"{self._group} must have no parameters that are empty, for they "
                    f"cannot be saved, got shape {list(shape)} at "
                    f"{jax.tree_util.keystr(path)}."
                )
        return dict(variables)

    def apply(
        self, variables: Mapping[str, Any], inputs: jax.Array, *, mutable: Any = None
    ) -> Any:
        """What the network gives; with `mutable`, and no statistics that it keeps."""
        if not isinstance(self._network, nn.Module):
            variables = variables[_PARAMS]
        output = self._convert(self._network.apply(variables, inputs), len(inputs))
        return output if mutable is None else (output, {})

    def check(self, inputs_shape: tuple[int, ...]) -> None:
        """Raises ValueError or TypeError unless it fits; nothing is computed."""

        def both() -> Any:
            # Of another batch, since parameters must not depend on its size.
            one = jnp.zeros((1, *inputs_shape))
            inputs = jnp.zeros((_BATCH, *inputs_shape))
            return self.apply(self.init(jax.random.key(0), one), inputs)

        try:
            jax.eval_shape(both)
        except Exception as error:
            if str(error).startswith(f"{self._group} must "):
                raise type(error)(str(error)) from None
            shape = ", ".join(map(str, inputs_shape))
            raised = f"{type(error).__name__}: {_one_line(error)}"
            if isinstance(error, InvalidRngError):
                raised += "; networks draw nothing: make dropout deterministic."
            raise ValueError(
                f"{self._group} must take inputs of shape [batch, {shape}], but with a "
                f"batch of {_BATCH} it raised {raised}"
            ) from error


def bind_networks(
    own: OwnNetworks,
    *,
    image_shape: tuple[int, int, int],
    latent_dim: int,
    num_outputs: int,
    gate: str | None = None,
    deterministic: bool = False,
    category_sizes: tuple[int, ...] = (),
) -> tuple[BoundNetwork, BoundNetwork]:
    """Encoder and decoder that give what a model with these heads takes.

    Args:
      own: the networks.
      image_shape: `(height, width, channels)`.
      latent_dim: number of latents.
      num_outputs: number of images that the decoder gives.
      gate: None for a posterior without a spike.
      deterministic: True for a posterior without a log-variance.
      category_sizes: of the variables whose logits the encoder gives.
    """
    needed = {
        "mean": True,
        "log_var": not deterministic,
        "slab_logits": gate is not None,
        "category_logits": bool(category_sizes),
    }
    fields = tuple(name for name, is_needed in needed.items() if is_needed)
    return (
        BoundNetwork(
            "encoder",
            own.encoder,
            functools.partial(_posterior, fields, latent_dim, category_sizes),
        ),
        BoundNetwork(
            "decoder",
            own.decoder,
            functools.partial(_images, image_shape, num_outputs),
        ),
    )


def _as_network(group: str, network: Any) -> Network:
    is_pair = type(network) is tuple and len(network) == 2
    if is_pair and all(map(callable, network)):
        network = NetworkFunctions(*network)
    if isinstance(network, type) or not isinstance(network, Network):
        hint = ""
        if isinstance(network, type) and issubclass(network, nn.Module):
            hint = f"; make one of it, {network.__name__}()"
        raise TypeError(
            f"{group} must be a Flax Linen module or a pair (init, apply) of "
            f"functions, got {_one_line(network)}{hint}."
        )
    try:
        hash(network)
    except TypeError as error:
        raise TypeError(
            f"{group} must be hashable, for it is a static argument of compiled "
            f"programs, but: {_one_line(error)}; keep arrays in its parameters."
        ) from None
    return network


def _one_line(value: Any) -> str:
    """How a text begins, without line breaks."""
    return f"{' '.join(str(value).split()):.200}"


def _name(network: Any) -> str:
    if isinstance(network, NetworkFunctions):
        return getattr(network.apply, "__qualname__", type(network.apply).__name__)
    return type(network).__name__


def _posterior(
    fields: tuple[str, ...],
    latent_dim: int,
    category_sizes: tuple[int, ...],
    output: Any,
    batch: int,
) -> Posterior:
    """What an encoder gives as a `Posterior` of float32, if it is what is needed."""
    wanted = ", ".join(fields)
    if isinstance(output, Posterior):
        empty = Posterior(output.mean)
        given = {
            name: value
            for name, value in output._asdict().items()
            if name == "mean" or value is not getattr(empty, name)
        }
    elif isinstance(output, tuple | list):
        given = dict(zip(fields, output, strict=False))
        if len(output) != len(fields):
            raise ValueError(
                f"encoder must give {wanted} for this model, got {len(output)} "
                f"value{'s' * (len(output) != 1)}."
            )
    elif hasattr(output, "shape"):
        given = {"mean": output}
    else:
        raise ValueError(
            f"encoder must give {wanted} for this model, as a tuple in this order or a "
            f"Posterior, got a {type(output).__name__}."
        )
    if set(given) != set(fields):
        raise ValueError(
            f"encoder must give {wanted} for this model, got {', '.join(given)}."
        )
    logits = given.pop("category_logits", ())
    logits = tuple(logits) if isinstance(logits, tuple | list) else (logits,)
    if len(logits) != len(category_sizes):
        raise ValueError(
            f"encoder must give category_logits for {len(category_sizes)} categorical "
            f"variable{'s' * (len(category_sizes) != 1)}, got {len(logits)}."
        )
    parts = {
        name: _checked(f"encoder must give {name}", value, (batch, latent_dim))
        for name, value in given.items()
    }
    categories = tuple(
        _checked(f"encoder must give category_logits[{i}]", value, (batch, size))
        for i, (value, size) in enumerate(zip(logits, category_sizes, strict=True))
    )
    return Posterior(**parts, category_logits=categories)


def _images(
    image_shape: tuple[int, int, int], num_outputs: int, output: Any, batch: int
) -> Any:
    """What a decoder gives as float32, if it is what is needed."""
    outputs = tuple(output) if isinstance(output, tuple | list) else (output,)
    if len(outputs) != num_outputs:
        what = "one array" if num_outputs == 1 else "a pair of arrays, mean and scale"
        raise ValueError(
            f"decoder must give {what} for this likelihood, got {len(outputs)}."
        )
    shape = (batch, *image_shape)
    images = tuple(_checked("decoder must give logits", o, shape) for o in outputs)
    return images[0] if num_outputs == 1 else images


def _checked(what: str, value: Any, shape: tuple[int, ...]) -> jax.Array:
    """An array of this shape as float32, which likelihood, KL and draws are made in."""
    found = getattr(value, "shape", None)
    if found != shape or not jnp.issubdtype(value.dtype, jnp.floating):
        got = f"{type(value).__name__}"
        if found is not None:
            got = f"{value.dtype} of shape {list(found)}"
        raise ValueError(
            f"{what} as floats of shape {list(shape)} for a batch of {shape[0]}, "
            f"got {got}."
        )
    return value.astype(jnp.float32)
