"""Arrays of a program as a data set: checked, split, trained on, scored and drawn."""

import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import run_tiny, tiny_model

from vsc_jax.datasets import from_arrays, load_dataset
from vsc_jax.evaluation import Context, EvaluationOptions, evaluate
from vsc_jax.figures import make_figures

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 6, 5, 1)).astype(np.uint8)
FACTORS = np.stack([np.arange(40) % 4, np.arange(40) // 10], axis=1)


def test_it_is_the_data_set_of_a_file_with_the_same_arrays(tmp_path):
    np.savez(
        tmp_path / "a.npz",
        images=IMAGES,
        factors=FACTORS,
        factor_names=["shape", "label"],
    )
    of_file = load_dataset("npz", path=tmp_path / "a.npz", seed=3)
    ours = from_arrays(IMAGES, FACTORS, factor_names=["shape", "label"], seed=3)
    for field in ("images", "factors", "train_indices", "test_indices"):
        np.testing.assert_array_equal(getattr(ours, field), getattr(of_file, field))
    for field in (
        "format", "factor_names", "factor_sizes", "label_factor", "category_factor",
        "fingerprint", "notes",
    ):  # fmt: skip
        assert getattr(ours, field) == getattr(of_file, field), field
    assert ours.name == "arrays"
    assert (len(ours.train_indices), len(ours.test_indices)) == (36, 4)


def test_labels_are_a_vector_and_may_have_names():
    dataset = from_arrays(IMAGES, FACTORS[:, 0], label_names=("a", "b", "c", "d"))
    assert dataset.label_factor == dataset.category_factor == "label"
    assert dataset.label_names == ("a", "b", "c", "d")
    np.testing.assert_array_equal(dataset.labels, FACTORS[:, 0])


def test_floats_bits_and_arrays_of_jax_are_images():
    floats = IMAGES / np.float32(255)
    for images in (floats, floats[..., 0], jnp.asarray(floats), IMAGES.astype(int)):
        np.testing.assert_array_equal(from_arrays(images).images, IMAGES)
    coarse = from_arrays(jnp.asarray(floats, jnp.bfloat16)).images
    np.testing.assert_allclose(coarse, IMAGES, atol=1.0)
    bits = from_arrays(IMAGES > 99)
    assert bits.format.packed
    np.testing.assert_array_equal(bits.decode(np.arange(40)), IMAGES > 99)


def test_the_split_is_drawn_or_given():
    drawn = from_arrays(IMAGES, num_test=15, seed=1)
    order = np.random.default_rng(1).permutation(40)
    np.testing.assert_array_equal(drawn.test_indices, order[25:])
    np.testing.assert_array_equal(drawn.train_indices, order[:25])
    given = from_arrays(IMAGES, test_indices=[30, 2])
    np.testing.assert_array_equal(given.test_indices, [30, 2])
    assert set(given.train_indices) == set(range(40)) - {30, 2}
    np.testing.assert_array_equal(given.images, IMAGES)


@pytest.mark.parametrize(
    ("images", "factors", "message"),
    [
        (IMAGES // 9, None, "integers up to 28, where 255 is white"),
        (IMAGES, FACTORS[:, :1], r"a single factor; .* give labels: factors\[:, 0\]"),
        (IMAGES, np.eye(4, dtype=int)[FACTORS[:, 0]], r"taken as 4 factors; .*argmax"),
    ],
)
def test_what_may_not_be_meant_is_a_warning(images, factors, message):
    with pytest.warns(UserWarning, match=message) as caught:
        dataset = from_arrays(images, factors)
    assert dataset.notes == tuple(str(warning.message) for warning in caught)


def test_a_normalization():
    dataset = from_arrays(IMAGES, normalization="unit_norm")
    norms = np.linalg.norm(dataset.decode(np.arange(40)).reshape(40, -1), axis=1)
    np.testing.assert_allclose(norms, 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("images", "options", "error", "message"),
    [
        (IMAGES[0], {}, ValueError, r"images must have shape .*may be a single image"),
        (IMAGES[..., 0] * 2.0, {}, ValueError, r"float images must be in \[0, 1\]"),
        (IMAGES.astype(str), {}, ValueError, "images must be integers in 0..255 or"),
        (
            np.ma.masked_array(IMAGES),
            {},
            TypeError,
            "images must be a plain array, got a masked one",
        ),
        (IMAGES[:1], {}, ValueError, "need at least 2 images, found 1"),
        (IMAGES, {"factors": FACTORS[:9]}, ValueError, r"factors must have shape \[40"),
        (IMAGES, {"factors": FACTORS * 0.5}, ValueError, "factors must be integers fr"),
        (
            IMAGES,
            {"factors": FACTORS, "factor_names": ("a",)},
            ValueError,
            "factor_names must have 2 names, one per column of factors, got 1",
        ),
        (
            IMAGES,
            {"factors": FACTORS[:, 0], "label_names": ("a", "b")},
            ValueError,
            "label_names must be one name for each of the 4 values",
        ),
        (
            IMAGES,
            {"num_test": 40},
            ValueError,
            "num_test must be .* at most 39, got 40",
        ),
        (IMAGES, {"num_test": 2, "test_indices": [1]}, ValueError, "must be left out"),
        (
            IMAGES,
            {"test_indices": [1, 40]},
            ValueError,
            r"rows in 0\.\.39, .*\[ 1 40\]",
        ),
        (IMAGES, {"test_indices": [1, 1]}, ValueError, "none twice"),
        (IMAGES, {"test_indices": range(40)}, ValueError, "leave rows for training"),
        (IMAGES, {"test_indices": [0.5]}, TypeError, "must be integers, got dtype fl"),
        (IMAGES, {"seed": 1.5}, TypeError, "seed must be an integer, got 1.5"),
        (IMAGES, {"test_indices": []}, ValueError, "at least one and none twice, got"),
        (IMAGES, {"test_indices": IMAGES[:, 0, 0, 0] > 9}, TypeError, "flatnonzero"),
        (IMAGES * 1.0, {}, ValueError, r"got .* to 255\.0; divide by 255 where that"),
        (
            np.moveaxis(np.repeat(IMAGES, 3, axis=3), -1, 1),
            {},
            ValueError,
            r"got \(40, 3, 6, 5\); channels come last: numpy\.moveaxis\(images, 1, -1",
        ),
        ([IMAGES[0], IMAGES[0, 1:]], {}, ValueError, "images must be one array: "),
        (IMAGES, {"factor_names": ("a",)}, ValueError, "left out without factors, g"),
        (IMAGES, {"label_names": ("a",)}, ValueError, r"labels are factors \[n\], or"),
        (
            IMAGES,
            {"factors": FACTORS, "factor_names": "ab"},
            TypeError,
            r"factor_names must be texts, such as \('a', 'b'\), got 'ab'",
        ),
        (
            IMAGES,
            {"factors": FACTORS[:, 0], "label_names": (1, 2, 3, 4)},
            TypeError,
            "label_names must be texts",
        ),
        (IMAGES, {"label_names": None}, TypeError, "label_names must be texts, .*None"),
        (IMAGES, {"normalization": "norm"}, ValueError, "normalization must be one of"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(images, options, error, message):
    with pytest.raises(error, match=message) as caught:
        from_arrays(images, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_it_is_trained_on_scored_and_drawn(tmp_path):
    bright = np.clip(IMAGES // 4 + 60 * FACTORS[:, :1, None, None], 0, 255)
    dataset = from_arrays(bright, FACTORS[:, 0], num_test=20)
    model = tiny_model()
    result = run_tiny(tmp_path / "run", model, dataset)
    context = Context(model, result.state.variables, dataset)
    options = EvaluationOptions(iwae_samples=2, num_labels=20)
    scores = evaluate(context, options, only=("elbo", "kl", "probe"))
    assert scores["num_test_images"] == 20
    assert np.isfinite(scores["elbo"])
    figures = make_figures(context, tmp_path / "figures")
    assert not figures.failed
    assert "reconstructions.png" in {path.name for path in figures.paths}
