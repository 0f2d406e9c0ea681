"""How stored rows become images, and what a data set says of its factors."""

import dataclasses

import jax
import numpy as np
import pytest

from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.datasets._base import as_int32

RNG = np.random.default_rng(0)


def test_bytes_are_scaled_to_one():
    stored = RNG.integers(0, 256, (5, 4, 3, 2)).astype(np.uint8)
    x = ImageFormat((4, 3, 2)).decode(stored)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, stored / 255.0, rtol=1e-6)


def test_bits_come_back_row_by_row_even_if_bytes_are_not_full():
    bits = RNG.integers(0, 2, (7, 5, 3, 1)).astype(np.uint8)
    stored = np.packbits(bits.reshape(7, -1), axis=1)
    assert stored.shape == (7, 2)
    x = ImageFormat((5, 3, 1), packed=True).decode(stored)
    np.testing.assert_array_equal(x, bits)


def test_unit_norm_divides_each_image_by_its_own_norm():
    stored = RNG.integers(0, 256, (3, 4, 4, 1)).astype(np.uint8)
    stored[1] = 0
    x = ImageFormat((4, 4, 1), unit_norm=True).decode(stored)
    norms = np.linalg.norm(x.reshape(3, -1), axis=1)
    # A black image stays black.
    np.testing.assert_allclose(norms, [1.0, 0.0, 1.0], atol=1e-6)


def test_divisor_divides():
    stored = np.full((1, 2, 2, 1), 255, np.uint8)
    x = ImageFormat((2, 2, 1), divisor=4.0).decode(stored)
    np.testing.assert_allclose(x, 0.25)


@pytest.mark.parametrize(
    "image_format",
    [
        ImageFormat((4, 3, 2), divisor=3.0),
        ImageFormat((4, 3, 2), packed=True, divisor=3.0),
        ImageFormat((4, 3, 2), unit_norm=True),
        ImageFormat((4, 3, 2), points=True),
    ],
)
def test_jax_decodes_as_numpy_does(image_format):
    stored = RNG.integers(0, 256, (5, 4, 3, 2)).astype(np.uint8)
    if image_format.packed:
        stored = stored[:, 0, 0, 0:1].repeat(3, axis=1)
    x = image_format.decode(stored)
    assert isinstance(x, np.ndarray)
    compiled = jax.jit(image_format.decode)(stored)
    assert x.dtype == compiled.dtype == np.float32
    np.testing.assert_allclose(compiled, x, rtol=1e-6)


def two_factors(**fields):
    return Dataset(
        name="toy",
        images=np.zeros((4, 1, 1, 1), np.uint8),
        format=ImageFormat((1, 1, 1)),
        train_indices=np.arange(3, dtype=np.int32),
        test_indices=np.array([3], np.int32),
        factors=np.array([[0, 1], [1, 2], [0, 0], [1, 1]], np.int32),
        factor_names=("breed", "pose"),
        factor_sizes=(2, 3),
        **fields,
    )


def test_a_data_set_names_its_label_and_its_category():
    dataset = two_factors(
        label_factor="breed", label_names=("cat", "dog"), category_factor="pose"
    )
    assert dataset.labels.tolist() == [0, 1, 0, 1]
    assert dataset.categories.tolist() == [1, 2, 0, 1]
    assert dataset.factor("pose").tolist() == [1, 2, 0, 1]
    assert two_factors().labels is None
    assert two_factors().categories is None
    with pytest.raises(ValueError, match="toy has breed, pose, got 'label'"):
        dataset.factor("label")


@pytest.mark.parametrize("kind", ["label", "category"])
def test_a_label_that_is_no_factor_is_refused(kind):
    with pytest.raises(ValueError, match=rf"{kind}_factor must be one of .*'shape'"):
        two_factors(**{f"{kind}_factor": "shape"})
    with pytest.raises(ValueError, match=rf"{kind}_names .* 3 values .*got 2"):
        two_factors(**{f"{kind}_factor": "pose", f"{kind}_names": ("a", "b")})
    with pytest.raises(ValueError, match=rf"{kind}_names .* 0 values .*got 1"):
        two_factors(**{f"{kind}_names": ("a",)})


def test_factors_that_int32_cannot_hold_are_refused():
    for value in (2**31, -(2**31) - 1):
        with pytest.raises(ValueError, match=rf"factors must fit into int32.*{value}"):
            as_int32("factors", np.array([[0], [value]]))
    with pytest.raises(TypeError, match="factors must be integers, got dtype float64"):
        as_int32("factors", np.zeros((2, 1)))
    factors = as_int32("factors", np.array([[2**31 - 1], [-(2**31)]]))
    assert factors.dtype == np.int32
    with pytest.raises(ValueError, match="must fit into int32"):
        dataclasses.replace(two_factors(), factors=np.array([[0, 2**31]] * 4))
