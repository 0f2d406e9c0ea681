import numpy as np
import pytest

from vsc_jax.metrics import NotApplicable, centres_on_objects

PIXELS = np.zeros((2, 4, 8), bool)
PIXELS[0, 1:3, 5:] = True
ON = np.array([[True], [False]])


def at(y, x):
    return np.array([[[y, x]], [[0.5, 0.5]]])


@pytest.mark.parametrize(
    ("y", "x", "expected"),
    [
        (0.25, 5 / 8, 1.0),
        (0.249, 5 / 8, 0.0),
        (0.25, 0.624, 0.0),
        (0.749, 1.0, 1.0),
        (0.5, 1.001, 0.0),
        (-0.01, 0.9, 0.0),
    ],
)
def test_a_place_belongs_to_the_pixel_that_it_lies_in(y, x, expected):
    scores = centres_on_objects(at(y, x), ON, PIXELS)
    assert scores == {"centres_on_objects": expected, "num_found": 1}


def test_what_is_found_in_an_empty_image_counts():
    both = np.array([[True], [True]])
    scores = centres_on_objects(at(0.5, 0.9), both, PIXELS)
    assert scores == {"centres_on_objects": 0.5, "num_found": 2}


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((at(0, 0)[0], ON, PIXELS), ValueError, r"centres must be .* \(1, 2\)"),
        ((at(0, 0), ON[:1], PIXELS), ValueError, r"presence must have shape \(2, 1\)"),
        ((at(0, 0), ON * 1.0, PIXELS), TypeError, "presence must be bool, got float64"),
        (
            (at(0, 0), ON, PIXELS * 1),
            TypeError,
            "object_pixels must be bool, got int64",
        ),
        (
            (at(0, 0), ON, PIXELS[:1]),
            ValueError,
            r"object_pixels must have shape \[2, h",
        ),
        ((at(0, np.nan), ON, PIXELS), ValueError, "centres must be finite"),
        ((at(0, 0), ~ON & ON, PIXELS), NotApplicable, "in at least one slot"),
    ],
)
def test_bad_input(arguments, kind, message):
    with pytest.raises(kind, match=message) as caught:
        centres_on_objects(*arguments)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, NotApplicable) == (kind is NotApplicable)
