"""What signature and docstring of a loss say about its arguments, as data to call it.

A loss is tested with what is said there: `mean: `[..., latent_dim]`, ...` under Args
gives the shape of an argument, its words the values that it may take.
"""

import dataclasses
import functools
import inspect
import itertools
import re
import typing

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

BATCH = 4
# Sizes of the named axes in the order in which they are met: all different, and
# different from the batch, since equal ones hide what is transposed.
_SIZES = (3, 2, 5, 7, 6, 8)
_NUM_EVENT_AXES = 3
# Options without a default, of which no value can be derived.
OPTIONS = {
    "category_sizes": (3, 2),  # a count per variable, so neither array nor number
    "dataset_size": 20,  # compiled in: a data set keeps its size
}
INSIDE_0_1, ABOVE_0 = re.compile(r"inside \(0, 1\)"), re.compile(r"above 0|> 0")
AT_LEAST_0, WHOLE = re.compile(r"at least 0"), re.compile(r"a whole number")


def section(doc: str, title: str) -> str:
    """The indented text under a title such as `Args:`, "" without one."""
    found = re.search(rf"^{title}:\n((?:  .*\n|\n)*)", doc + "\n", re.MULTILINE)
    return found[1] if found else ""


def entries(doc: str, title: str) -> dict[str, str]:
    """Name and text of each entry of a section."""
    found = re.findall(
        r"^  (\w+): (.*(?:\n    .*)*)", section(doc, title), re.MULTILINE
    )
    return {name: " ".join(text.split()) for name, text in found}


def parse_shape(text: str) -> tuple[str, ...] | None:
    """The axes of the first shape in a text: `[..., 2]` -> ("...", "2")."""
    found = re.search(r"`\[([^`\]]*)\]`", text)
    if found is None:
        return None
    axes = tuple(axis.strip() for axis in found[1].split(",") if axis.strip())
    if not all(re.fullmatch(r"\.\.\.|\d+|\*?[a-z]\w*", axis) for axis in axes):
        return None
    return axes


def shapes_of(where: str, names: typing.Iterable[str], texts: dict[str, str]):
    """The axes of each name; one that is not documented is an error that says how."""
    shapes = {}
    for name in names:
        like = re.match(r"like `(\w+)`", texts.get(name, ""))
        axes = shapes.get(like[1]) if like else parse_shape(texts.get(name, ""))
        if axes is None:
            raise ValueError(
                f"the docstring of {where} must say which shape {name} has; write "
                f"a line such as '{name}: `[..., latent_dim]`, mean of the slab.', or "
                "'like `mean`' after the line of mean."
            )
        shapes[name] = axes
    return shapes


@dataclasses.dataclass(frozen=True)
class Documented:
    """A loss with its arguments and results.

    Attributes:
      function: the loss.
      shapes: the axes of each array that it takes.
      weights: traced hyperparameters, each with a value.
      options: the others that have no default.
      texts: what the docstring says of each argument.
      results: the axes of its result, or of each field of it.
    """

    function: typing.Callable
    shapes: dict[str, tuple[str, ...]]
    weights: dict[str, typing.Any]
    options: dict[str, typing.Any]
    texts: dict[str, str]
    results: tuple[tuple[str, ...], ...]

    def __call__(self, arguments, weights):
        return self.function(*arguments, **weights, **self.options)

    @functools.cached_property
    def sizes(self) -> dict[str, int]:
        """The size of each axis that has a name."""
        names = dict.fromkeys(
            axis
            for axes in self.shapes.values()
            for axis in map(str, itertools.chain(*map(_single_axes, axes)))
            if axis != "..." and not axis.isdigit()
        )
        return dict(zip(names, _SIZES, strict=False))

    def shape(self, axes: tuple[str, ...], lead: tuple[int, ...] = (BATCH,)):
        """The numbers for the names of axes."""
        shape = []
        for axis in itertools.chain(*map(_single_axes, axes)):
            if axis == "...":
                shape.extend(lead)
            else:
                shape.append(int(axis) if axis.isdigit() else self.sizes[axis])
        return tuple(shape)

    def arguments(self, dtype=np.float32, seed=3) -> tuple[jax.Array, ...]:
        """Random arrays as the docstring wants them."""
        rng = np.random.default_rng(seed)
        arrays = []
        for name, axes in self.shapes.items():
            shape, text = self.shape(axes), self.texts[name]
            values = rng.normal(size=shape)
            if "in [0, 1]" in text or "sum 1" in text:
                values = rng.uniform(0.1, 0.9, shape)
            if "sum 1 over the last axis" in text:
                values = values / values.sum(-1, keepdims=True)
            arrays.append(jnp.asarray(values, dtype))
        return tuple(arrays)

    @property
    def batch_axes(self) -> tuple[int | None, ...]:
        """Where each argument has its free axes, None without any."""
        return tuple(
            axes.index("...") if "..." in axes else None
            for axes in self.shapes.values()
        )


def _single_axes(axis: str) -> tuple[str, ...]:
    if axis.startswith("*"):
        return tuple(f"{axis[1:]}_{i}" for i in range(_NUM_EVENT_AXES))
    return (axis,)


@functools.cache
def documented(function) -> Documented:
    """Reads signature and docstring of a loss."""
    name, doc = function.__name__, inspect.getdoc(function) or ""
    signature = inspect.signature(function)
    texts = entries(doc, "Args")
    weights, options = {}, {}
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            continue
        if parameter.default is None:  # data that may be left out
            continue
        if is_traced(parameter.annotation):
            value = _weight(parameter, texts.get(parameter.name, ""), len(weights))
            weights[parameter.name] = value
        elif parameter.default is parameter.empty:
            if parameter.name not in OPTIONS:
                raise ValueError(
                    f"no value is known for {parameter.name} of {name}; annotate it as "
                    "ArrayLike if it may be traced, else give it a default or add a "
                    "value to OPTIONS in tests/documented.py."
                )
            options[parameter.name] = OPTIONS[parameter.name]
    result = signature.return_annotation
    if isinstance(result, type) and issubclass(result, tuple):
        fields = entries(inspect.getdoc(result) or "", "Attributes")
        shapes = shapes_of(result.__name__, result._fields, fields)
    else:
        returns = {"its result": " ".join(section(doc, "Returns").split())}
        shapes = shapes_of(name, returns, returns)
    return Documented(
        function,
        shapes_of(name, array_names(function), texts),
        weights,
        options,
        texts,
        tuple(shapes.values()),
    )


def array_names(function) -> list[str]:
    """The arguments that are data."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


def bounds(function) -> dict[str, re.Pattern[str]]:
    """The traced hyperparameters that have bounds."""
    texts = entries(inspect.getdoc(function) or "", "Args")
    return {
        parameter.name: bound
        for parameter in inspect.signature(function).parameters.values()
        for bound in (INSIDE_0_1, ABOVE_0, AT_LEAST_0)
        if is_traced(parameter.annotation) and parameter.kind is parameter.KEYWORD_ONLY
        if bound.search(texts.get(parameter.name, ""))
    }


def is_traced(annotation) -> bool:
    """Whether a hyperparameter may be an array, so one that is traced."""
    kinds = typing.get_args(annotation) or (annotation,)
    return annotation == ArrayLike or jax.Array in kinds


def _weight(parameter, text, position):
    if isinstance(parameter.default, tuple):
        return np.asarray(parameter.default[:2])
    if INSIDE_0_1.search(text):
        return 0.2
    if WHOLE.search(text):
        return 1.0
    return 0.7 if ABOVE_0.search(text) else 1.1 + 0.5 * position
