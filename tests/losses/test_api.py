"""What holds for every public loss; a loss that is missing from the table fails."""

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from vsc_jax import losses

BATCH, LATENT, PSEUDO, IMAGE = (4,), (4, 3), (2, 3), (4, 2, 2, 2)
TWO_LOGITS = (4, 2)


@dataclasses.dataclass(frozen=True)
class Subject:
    """A loss, its arguments and their shapes.

    Attributes:
      arrays: name and shape of each positional argument.
      weights: traceable keyword-only hyperparameters, with a value.
      static: the other keyword-only hyperparameters.
      shared: positional arguments without the batch axis.
      bounded: positional arguments that are drawn from (0, 1).
    """

    arrays: dict[str, tuple[int, ...]]
    weights: dict[str, float] = dataclasses.field(default_factory=dict)
    static: dict[str, int | str] = dataclasses.field(default_factory=dict)
    shared: tuple[str, ...] = ()
    bounded: tuple[str, ...] = ("x", "selector_weights")


GAUSSIAN = {"mean": LATENT, "log_var": LATENT}
SPIKE_SLAB = GAUSSIAN | {"slab_logits": LATENT}
PRIOR = {"prior_slab_prob": 0.2, "prior_mean": 0.1, "prior_log_var": 0.3}
EVENT = {"event_ndims": 3}

SUBJECTS = {
    "annealed_log_normalizer": Subject({"prior_log_var": LATENT}, {"beta": 2.0}),
    "bernoulli_kl": Subject({"logits": LATENT}, {"prior_prob": 0.2}),
    "bernoulli_log_likelihood": Subject({"x_logits": IMAGE, "x": IMAGE}, {}, EVENT),
    "beta_elbo": Subject({"log_likelihood": BATCH, "kl": LATENT}, {"beta": 2.0}),
    "decomposition_objective": Subject(
        {"log_likelihood": BATCH, "kl": LATENT, "divergence": ()},
        {"beta": 2.0, "divergence_weight": 10.0},
        shared=("divergence",),
    ),
    "density_ratio_total_correlation": Subject({"logits": TWO_LOGITS}),
    "discriminator_accuracy": Subject(
        {"real_log_ratio": BATCH, "fake_log_ratio": BATCH}
    ),
    "discriminator_loss": Subject(
        {"logits": TWO_LOGITS, "permuted_logits": TWO_LOGITS}
    ),
    "capacity_penalty": Subject(
        {"kl": BATCH}, {"capacity": 0.5, "capacity_weight": 30.0}
    ),
    "categorical_kl": Subject({"logits": LATENT}),
    "concrete_kl_estimate": Subject(
        {"log_sample": LATENT, "logits": LATENT}, {"temperature": 0.67}
    ),
    "concrete_log_prob": Subject(
        {"log_sample": LATENT, "logits": LATENT}, {"temperature": 0.67}
    ),
    "elbo": Subject({"log_likelihood": BATCH, "kl": LATENT}),
    "entropy_bonus": Subject({"log_var": LATENT}, {"beta": 2.0}),
    "exemplar_vsc_objective": Subject(
        {"log_likelihood": BATCH}
        | SPIKE_SLAB
        | {f"pseudo_{name}": PSEUDO for name in SPIKE_SLAB}
        | {"selector_weights": (4, 2)},
        {"prior_slab_prob": 0.2, "beta": 1.5},
        shared=("pseudo_mean", "pseudo_log_var", "pseudo_slab_logits"),
    ),
    "gaussian_entropy": Subject({"log_var": LATENT}),
    "gaussian_kl": Subject(GAUSSIAN, {"prior_mean": 0.1, "prior_log_var": 0.3}),
    "gaussian_log_likelihood": Subject(
        {"x_mean": IMAGE, "x": IMAGE}, {"log_var": -1.0}, EVENT
    ),
    "gaussian_log_prob": Subject({"z": LATENT} | GAUSSIAN),
    "gan_discriminator_loss": Subject({"prior_logits": BATCH, "code_logits": BATCH}),
    "gan_generator_loss": Subject({"code_logits": BATCH}),
    # The axis of the samples is the last one here, so that rows are examples.
    "iwae_bound": Subject({"log_weights": LATENT}, {}, {"axis": -1}),
    "laplace_log_likelihood": Subject(
        {"x_mean": IMAGE, "x": IMAGE}, {"scale": 0.5}, EVENT
    ),
    "overlap": Subject({"log_var": LATENT}),
    "sharpen_slab_logits": Subject({"slab_logits": LATENT}, {"slope": 10.0}),
    "spike_slab_kl": Subject(SPIKE_SLAB, PRIOR),
    "spike_slab_kl_between": Subject(
        SPIKE_SLAB | {f"prior_{name}": LATENT for name in SPIKE_SLAB}
    ),
    "spike_slab_kl_terms": Subject(SPIKE_SLAB, PRIOR),
    "spike_slab_log_prob": Subject({"z": LATENT} | SPIKE_SLAB),
    "vae_objective": Subject(
        {"x": IMAGE, "x_logits": IMAGE} | GAUSSIAN, {"beta": 2.0}, EVENT
    ),
    "vsc_objective": Subject(
        {"x": IMAGE, "x_logits": IMAGE} | SPIKE_SLAB,
        {"prior_slab_prob": 0.2, "beta": 2.0},
        EVENT,
    ),
}
CODES, DRAWS = (6, 3), (4, 3)
SCALES = {"scales": np.array([0.2, 1.0])}
MMD_OPTIONS = {"kernel": "imq", "unbiased": True}


@dataclasses.dataclass(frozen=True)
class BatchProperty(Subject):
    """A loss of whole batches, where rows are no examples of their own.

    Attributes:
      together: groups of arguments whose rows may change places, all in one order.
      result: shape of the result.
    """

    together: tuple[tuple[str, ...], ...] = ()
    result: tuple[int, ...] = ()


BATCH_PROPERTIES = {
    "aggregate_posterior_log_prob": BatchProperty(
        {"z": DRAWS, "mean": CODES, "log_var": CODES},
        together=(("mean", "log_var"),),
        result=(4,),
    ),
    "inclusive_kl": BatchProperty(
        {"z_prior": DRAWS, "log_prior": (4,), "mean": CODES, "log_var": CODES},
        together=(("z_prior", "log_prior"), ("mean", "log_var")),
    ),
    "mmd": BatchProperty(
        {"z": CODES, "z_prior": DRAWS},
        SCALES,
        MMD_OPTIONS,
        together=(("z",), ("z_prior",)),
    ),
    "mmd_per_dimension": BatchProperty(
        {"z": CODES, "z_prior": DRAWS},
        SCALES,
        MMD_OPTIONS,
        together=(("z",), ("z_prior",)),
    ),
    "sliced_wasserstein": BatchProperty(
        {"z": CODES, "z_prior": CODES, "directions": (5, 3)},
        together=(("z",), ("z_prior",), ("directions",)),
    ),
}
EVERY = SUBJECTS | BATCH_PROPERTIES
each_subject = pytest.mark.parametrize("name", SUBJECTS)
each_batch_property = pytest.mark.parametrize("name", BATCH_PROPERTIES)
each_loss = pytest.mark.parametrize("name", EVERY)


def _arguments(subject, dtype=np.float32):
    rng = np.random.default_rng(3)
    arguments = []
    for name, shape in subject.arrays.items():
        bounded = name in subject.bounded
        values = rng.uniform(0.1, 0.9, shape) if bounded else rng.normal(size=shape)
        if name == "selector_weights":
            values = values / values.sum(-1, keepdims=True)
        arguments.append(jnp.asarray(values, dtype))
    return tuple(arguments)


def _call(name):
    subject = EVERY[name]
    loss = getattr(losses, name)
    return jax.jit(lambda args, weights: loss(*args, **weights, **subject.static))


def _assert_close(actual, expected):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5),
        actual,
        expected,
    )


def _public(kind):
    members = inspect.getmembers(losses, kind)
    return {name for name, _ in members if not name.startswith("_")}


def test_table_lists_every_public_function():
    assert _public(inspect.isfunction) == set(EVERY)
    assert not set(SUBJECTS) & set(BATCH_PROPERTIES)


def test_everything_else_public_is_a_documented_named_tuple():
    for name in _public(inspect.isclass):
        result = getattr(losses, name)
        assert issubclass(result, tuple)
        assert all(f"{field}: `[" in result.__doc__ for field in result._fields), name


@each_loss
def test_signature(name):
    subject = EVERY[name]
    parameters = inspect.signature(getattr(losses, name)).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    keyword_only = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert positional == list(subject.arrays)
    assert keyword_only == set(subject.weights) | set(subject.static)
    assert len(positional) + len(keyword_only) == len(parameters)


@each_loss
def test_docstring(name):
    doc = inspect.getdoc(getattr(losses, name))
    assert doc is not None
    for part in ("https://", "Args:", "Returns:\n  `", "Raises:", ">>> "):
        assert part in doc, part
    if name in BATCH_PROPERTIES:
        assert "BATCH" in doc.splitlines()[0]
    else:
        assert "[..." in doc or "...]" in doc
    for parameter in inspect.signature(getattr(losses, name)).parameters:
        assert f"\n  {parameter}: " in doc, parameter


@each_subject
def test_one_example_equals_its_row_and_vmap_equals_the_batch(name):
    subject, call = SUBJECTS[name], _call(name)
    arguments = _arguments(subject)
    batched = call(arguments, subject.weights)
    axes = tuple(None if a in subject.shared else 0 for a in subject.arrays)
    row = tuple(
        a if axis is None else a[1] for a, axis in zip(arguments, axes, strict=True)
    )
    _assert_close(call(row, subject.weights), jax.tree.map(lambda a: a[1], batched))
    mapped = jax.vmap(lambda *args: call(args, subject.weights), in_axes=axes)
    _assert_close(mapped(*arguments), batched)


@each_subject
def test_more_leading_axes(name):
    subject, call = SUBJECTS[name], _call(name)
    arguments = _arguments(subject)
    stacked = tuple(
        a if n in subject.shared else jnp.stack([a, a, a])
        for n, a in zip(subject.arrays, arguments, strict=True)
    )
    result = call(stacked, subject.weights)
    expected = call(arguments, subject.weights)
    _assert_close(jax.tree.map(lambda a: a[2], result), expected)


@each_loss
def test_weights_are_traced_once_and_agree_with_eager(name):
    subject, loss = EVERY[name], getattr(losses, name)
    arguments, traces, results = _arguments(subject), [], []

    @jax.jit
    def compiled(args, weights):
        traces.append(None)
        return loss(*args, **weights, **subject.static)

    for factor in (1.0, 1.5, 2.0):
        weights = {k: factor * v for k, v in subject.weights.items()}
        results.append(compiled(arguments, weights))
    assert len(traces) == 1
    _assert_close(results[-1], loss(*arguments, **weights, **subject.static))


@each_loss
def test_gradients_agree_with_finite_differences(name):
    subject, call = EVERY[name], _call(name)
    with jax.enable_x64(True):
        arguments = _arguments(subject, np.float64)
        weights = {k: jnp.float64(v) for k, v in subject.weights.items()}
        check_grads(call, (arguments, weights), order=1, modes=("rev",))


@each_loss
def test_bfloat16_is_computed_in_float32(name):
    subject, call = EVERY[name], _call(name)
    arguments = _arguments(subject, jnp.bfloat16)
    result = call(arguments, subject.weights)
    assert {leaf.dtype for leaf in jax.tree.leaves(result)} == {jnp.dtype(jnp.float32)}
    exact = call(tuple(a.astype(jnp.float32) for a in arguments), subject.weights)
    _assert_close(result, exact)


@each_loss
def test_strict_dtype_promotion(name):
    subject, call = EVERY[name], _call(name)
    arguments = _arguments(subject)
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        call(arguments, subject.weights)


@each_loss
def test_integer_arrays_are_refused(name):
    subject, call = EVERY[name], _call(name)
    arguments = _arguments(subject)
    for i, argument_name in enumerate(subject.arrays):
        wrong = list(arguments)
        wrong[i] = jnp.zeros(arguments[i].shape, jnp.int32)
        with pytest.raises(TypeError, match=f"{argument_name} must have a floating"):
            call(tuple(wrong), subject.weights)


@each_subject
def test_arrays_that_would_broadcast_are_refused(name):
    subject, call = SUBJECTS[name], _call(name)
    if len(subject.arrays) == 1:
        return  # nothing to fit to
    arguments = _arguments(subject)
    for i, argument_name in enumerate(subject.arrays):
        # A number for the whole batch has nothing to cut, but may come as a vector.
        cuts = [arguments[i][:1] if arguments[i].ndim else jnp.ones(BATCH)]
        # The number of latents is free in kl.
        if argument_name != "kl" and arguments[i].ndim:
            cuts.append(arguments[i][..., :1])
        for cut in cuts:
            wrong = (*arguments[:i], cut, *arguments[i + 1 :])
            with pytest.raises(ValueError, match=r"must have .*got"):
                call(wrong, subject.weights)


@each_batch_property
def test_shape_of_the_result_and_vmap_over_batches(name):
    subject, call = BATCH_PROPERTIES[name], _call(name)
    arguments = _arguments(subject)
    value = call(arguments, subject.weights)
    assert value.shape == subject.result
    stacked = tuple(jnp.stack([2.0 * a, a]) for a in arguments)
    mapped = jax.vmap(lambda *args: call(args, subject.weights))(*stacked)
    _assert_close(mapped[1], value)


@each_batch_property
def test_the_order_of_rows_does_not_matter(name):
    subject, call = BATCH_PROPERTIES[name], _call(name)
    arguments = dict(zip(subject.arrays, _arguments(subject), strict=True))
    value = call(tuple(arguments.values()), subject.weights)
    for group in subject.together:
        size = subject.arrays[group[0]][0]
        order = np.roll(np.arange(size)[::-1], 1)
        moved = arguments | {key: arguments[key][order] for key in group}
        _assert_close(call(tuple(moved.values()), subject.weights), value)


@each_batch_property
def test_batches_that_do_not_fit_are_refused(name):
    subject, call = BATCH_PROPERTIES[name], _call(name)
    arguments = _arguments(subject)
    for i in range(len(arguments)):
        for wrong_one in (arguments[i][..., :1], arguments[i][0]):
            wrong = (*arguments[:i], wrong_one, *arguments[i + 1 :])
            with pytest.raises(ValueError, match=r"must have .*got"):
                call(wrong, subject.weights)
