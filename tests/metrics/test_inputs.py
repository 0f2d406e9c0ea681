"""What no score takes, and what changes none: each in one line and without delay."""

import inspect
import time

import jax.numpy as jnp
import numpy as np
import pytest
from score_calls import CODES, SCORES, call, taking

from vsc_jax.metrics import NotApplicable, udr
from vsc_jax.metrics import _inputs as module
from vsc_jax.metrics._inputs import as_integers, as_matrix, as_numbers, as_vector

OF_CODES = taking(CODES)
OF_FACTORS = taking(["factors"])
OF_INTEGERS = taking(["factors", "labels", "train_labels"])


def factors():
    return np.stack(np.divmod(np.arange(60) % 12, 4), axis=1)


def codes():
    noise = np.random.default_rng(0).normal(size=(60, 3))
    return np.concatenate([factors(), np.zeros((60, 1))], axis=1) + 0.3 * noise


def refused(kind, message, name, *arrays, **options):
    """The score raises this error, in one line, before it has computed anything."""
    start = time.process_time()
    with pytest.raises(kind, match=message) as caught:
        call(name, *arrays, **options)
    assert time.process_time() - start < 1.0
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", OF_CODES)
@pytest.mark.parametrize(
    ("change", "dtype"),
    [
        (lambda z: z.astype(str), "<U32"),
        (lambda z: z.astype(object), "object"),
        (lambda z: z + 1j, "complex128"),
        (lambda z: z.astype("datetime64[s]"), "datetime64"),
    ],
    ids=["string", "object", "complex", "dates"],
)
def test_codes_are_real_numbers(name, change, dtype):
    message = f"must be real numbers, got {dtype}"
    refused(TypeError, message, name, change(codes()), factors())


@pytest.mark.parametrize("name", OF_CODES)
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_codes_are_finite(name, value):
    z = np.where(np.arange(60)[:, None] == 7, value, codes())
    refused(
        ValueError, "has 3 values that are not finite among 180", name, z, factors()
    )


@pytest.mark.parametrize("name", OF_CODES)
def test_codes_of_a_diverged_model(name):
    refused(ValueError, "must be at most 1e.100", name, 1e101 * codes(), factors())


@pytest.mark.parametrize("name", OF_CODES)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_codes_that_float32_has_rounded_away(name, scale):
    # At 1e8 float32 has steps of 8: of these codes nothing, or little, is left.
    z = (scale * codes()).astype(np.float32) + np.float32(1e8)
    refused(ValueError, "subtract the offset before", name, z, factors())


@pytest.mark.parametrize("name", OF_CODES)
def test_transposed_arrays(name):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(5, 3_000)), rng.integers(4, size=(5, 3_000))
    error = refused(ValueError, "transpose|row per row", name, z, y)
    assert "rows" in str(error)


@pytest.mark.parametrize("name", OF_FACTORS)
def test_transposed_codes_alone(name):
    z, y = np.zeros((5, 3_000)), np.zeros((3_000, 5), np.int64)
    refused(ValueError, "transpose", name, z, y)


@pytest.mark.parametrize("name", OF_INTEGERS)
def test_factors_are_integers(name):
    numbers = name == "mcc"  # it correlates, so factors may be any numbers
    for change in (str, object, float, bool):
        if numbers and change in (float, bool):
            continue
        kind = "real numbers" if numbers else "integers"
        refused(TypeError, f"must be {kind}", name, codes(), factors().astype(change))


@pytest.mark.parametrize("name", OF_INTEGERS)
def test_only_the_differences_of_factors_count(name):
    # 2^31 wraps in int32, and a table of 10^9 classes would not fit into memory.
    expected = call(name, codes(), factors())
    for far in (2**31 + factors(), 2**60 + 10**9 * factors(), factors() - 2**61):
        found = call(name, codes(), far)
        for key in expected:
            if key not in ("labels", "categories", "matching"):
                np.testing.assert_equal(found[key], expected[key])


@pytest.mark.parametrize("name", OF_INTEGERS)
def test_factors_beyond_int64(name):
    y = factors().astype(np.uint64) + np.uint64(2**63)
    refused(ValueError, "within -2.62 and 2.62", name, codes(), y)


@pytest.mark.parametrize("name", OF_INTEGERS)
def test_factors_of_many_values(name):
    y = np.stack([np.arange(5_000), np.arange(5_000) % 2], axis=1)
    z = np.random.default_rng(0).normal(size=(5_000, 2))
    start = time.process_time()
    try:
        call(name, z, y, num_labels=5_000)
    except NotApplicable as reason:
        assert "at most 4096 values" in str(reason) or "2 or more rows" in str(reason)
    assert time.process_time() - start < 2.0


def options_of(*annotations):
    return [
        (name, parameter.name)
        for name, function in SCORES.items()
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
        and parameter.annotation in annotations
    ]


@pytest.mark.parametrize(("name", "option"), options_of(int, int | None))
def test_whole_numbers(name, option):
    given = {"solver": "sgd"} if option in ("batch_size", "num_epochs") else {}
    for value in (1.5, -1, np.nan, "3"):
        message = f"{option} must be (a whole number|0)"
        if option == "num_factor_bins":
            message = "num_bins must be a whole number"
        refused(
            ValueError, message, name, codes(), factors(), **given, **{option: value}
        )


@pytest.mark.parametrize(("name", "option"), options_of(int, int | None))
def test_every_option_of_a_whole_number_is_bounded_in_memory(name, option):
    """A number that is far too large is refused, or costs nothing."""
    given = {"solver": "sgd"} if option in ("batch_size", "num_epochs") else {}
    start = time.process_time()
    try:
        call(name, codes(), factors(), **given, **{option: 10**12})
    except ValueError as error:
        assert option.removeprefix("num_factor_") in str(error)
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize(("name", "option"), options_of(float, float | None))
def test_numbers(name, option):
    for value in (-1.0, np.nan, np.inf, "0.5", True):
        refused(
            ValueError,
            f"{option} must be ",
            name,
            codes(),
            factors(),
            **{option: value},
        )


@pytest.mark.parametrize(("name", "option"), options_of(bool))
def test_flags(name, option):
    for value in ("no", 0, None):
        message = f"{option} must be True or False, got "
        refused(TypeError, message, name, codes(), factors(), **{option: value})


@pytest.mark.parametrize("name", SCORES)
def test_a_mask_is_not_ignored(name):
    z, y = codes(), factors()
    masked = np.ma.masked_array(z, mask=z > 1.0)
    message = "must be a plain array, got a masked one, whose mask a score would"
    if name in OF_CODES:
        refused(TypeError, message, name, masked, y)
        refused(TypeError, message, name, list(masked), y)
    if name in OF_FACTORS:
        refused(TypeError, message, name, z, np.ma.masked_array(y, mask=y > 1))


@pytest.mark.parametrize("name", SCORES)
def test_the_docstring_names_what_a_score_costs(name):
    text = inspect.getdoc(SCORES[name])
    assert "\nCost. " in text, (
        f"the docstring of {name} needs a paragraph that begins with 'Cost. ' and says "
        "how time and memory grow, with a number; take that of `mig` as a model."
    )


def test_types_of_numbers():
    for array in (
        [[1, 2]],
        jnp.ones((1, 2), jnp.bfloat16),
        np.ones((1, 2), np.float16),
        np.ones((1, 2), bool),
    ):
        assert as_matrix("codes", array).dtype == np.float64
    assert as_vector("kl", [1, 2]).tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match="kl must be real numbers, got <U1"):
        as_vector("kl", ["1"])
    with pytest.raises(ValueError, match="kl must be finite"):
        as_vector("kl", [np.inf])


def test_rows_of_different_lengths():
    with pytest.raises(ValueError, match="got rows of different lengths"):
        as_matrix("codes", [[1.0, 2.0], [3.0]])


def test_far_codes_that_still_vary_are_taken():
    z = np.array([[1e8, 1e5, 5.0], [1.1e8, 1e5 + 1, 5.0]], np.float32)
    np.testing.assert_array_equal(as_matrix("codes", z), z)


def test_few_images_may_have_more_latents():
    assert as_matrix("codes", np.zeros((10, 512))).shape == (10, 512)
    with pytest.raises(ValueError, match="more columns than rows in shape"):
        as_matrix("codes", np.zeros((10, 513)))


def test_integers_near_the_limit():
    far = np.array([[-(2**62)], [2**62], [2**62 - 1]])
    assert as_integers("factors", far).tolist() == far.tolist()
    assert as_numbers(far).tolist() == [[0.0], [2.0**63], [2.0**63 - 1]]
    near = far[1:]
    assert as_numbers(near).tolist() == [[1.0], [0.0]]
    assert as_numbers(near - 2, near).tolist() == [[-1.0], [-2.0]]
    with pytest.raises(ValueError, match="within"):
        as_integers("factors", far - 1)


def test_columns_that_vary():
    y = np.array([[1, 5, 0], [1, 6, 1], [1, 5, 1]])
    assert module.columns_that_vary(y) == [1, 2]
    with pytest.raises(NotApplicable, match=r"or more rows have, got 0 .* because\.$"):
        module.columns_that_vary(y, rows_per_value=2, why="because")
    with pytest.raises(NotApplicable, match=r"at least 3 columns .* got 2 such"):
        module.columns_that_vary(y, at_least=3)


def test_refused_categories():
    module.refuse_categories("irs", None, "as they are bad")
    with pytest.raises(NotApplicable, match="irs takes no categories, as they are bad"):
        module.refuse_categories("irs", [[1]], "as they are bad")


def test_codes_of_many_models():
    models = [np.random.default_rng(m).normal(size=(260, 256)) for m in range(20)]
    with pytest.raises(NotApplicable, match="at most 5000 latents"):
        udr(models)
