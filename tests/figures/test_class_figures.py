"""What is drawn of a model whose decoder is given the class."""

import dataclasses

import numpy as np
import pytest
from linear_model import MixedLinearModel
from PIL import Image

from vsc_jax.figures import (
    plot_class_samples,
    plot_class_traversals,
    plot_shared_traversals,
)

RNG = np.random.default_rng(0)


@dataclasses.dataclass(frozen=True)
class ClassModel(MixedLinearModel):
    """Of its four latents the last ones belong to one class each."""

    category_sizes: tuple[int, ...] = (3,)

    @property
    def num_classes(self):
        return self.category_sizes[0]

    @property
    def class_latents(self):
        return np.arange(4 - self.num_classes, 4)[:, None]

    def with_labels(self, z, labels):
        one_hots = np.eye(self.num_classes, dtype=np.float32)[labels]
        return np.concatenate([np.asarray(z)[..., :4], one_hots], axis=-1)


class SharedModel(ClassModel):
    """No class has a latent for itself."""

    @property
    def class_latents(self):
        return np.zeros((self.num_classes, 0), int)


@pytest.fixture
def parts(params_of):
    """Latents and one-hot class of images of the linear decoder."""

    def parts(images, model=None):
        flat = np.asarray(images).reshape(*np.shape(images)[:-3], -1)
        code = (flat - 0.5) @ params_of(model or ClassModel())["decoder"]
        return code[..., :4], code[..., 4:]

    return parts


def test_shared_latents_move_with_every_class(draw, calls, dataset, parts):
    figures = draw(ClassModel(), dataset)
    assert not figures.failed
    ((x, frames, path), kwargs) = calls["plot_shared_traversals"][0]
    assert path.name == "shared_traversals.png"
    assert kwargs["row_labels"] == ["class 0", "class 1", "class 2"]
    assert [label.split()[0] for label in kwargs["latent_labels"]] == ["z0"]
    z, d = parts(frames)
    assert z.shape == (3, 1, 5, 4)
    expected = np.broadcast_to(np.eye(3)[:, None, None], d.shape)
    np.testing.assert_allclose(d, expected, atol=1e-5)
    # Each row has the code of its own image, and the values are those of all rows.
    moves = np.ptp(z, axis=2) > 1e-4
    np.testing.assert_array_equal(
        moves, np.arange(4)[None, None] == np.zeros((3, 1, 1))
    )
    np.testing.assert_allclose(z[..., 0], z[[0] * 3][..., 0], atol=1e-5)
    assert np.ptp(z[:, 0, 0, 1:], axis=0).max() > 0.01
    np.testing.assert_array_equal(parts(x)[1].argmax(-1), [0, 1, 2])


def test_latents_of_a_class_move_in_an_image_of_it(draw, calls, dataset, parts):
    draw(ClassModel(), dataset, num_values=5)
    ((x, frames, path), kwargs) = calls["plot_class_traversals"][0]
    assert path.name == "class_traversals.png"
    assert kwargs["block_sizes"] == [1, 1, 1]
    assert [label.split(" KL")[0] for label in kwargs["row_labels"]] == [
        "class 0\nz1",
        "class 1\nz2",
        "class 2\nz3",
    ]
    z, d = parts(frames)
    assert z.shape == (3, 5, 4)
    expected = np.broadcast_to(np.eye(3)[:, None], d.shape)
    np.testing.assert_allclose(d, expected, atol=1e-5)
    moves = np.ptp(z, axis=1) > 1e-4
    np.testing.assert_array_equal(moves, np.eye(4, dtype=bool)[1:])
    np.testing.assert_array_equal(parts(x)[1].argmax(-1), [0, 1, 2])


def test_samples_of_a_class_at_both_deviations(draw, calls, dataset, parts):
    draw(ClassModel(), dataset)
    ((frames, path), kwargs) = calls["plot_class_samples"][0]
    assert path.name == "class_samples.png"
    assert kwargs["row_labels"] == ["class 0", "class 1", "class 2"]
    assert kwargs["block_labels"] == ["stddev 1", "stddev 1.4"]
    z, d = parts(frames)
    assert z.shape == (3, 2, 8, 4)
    expected = np.broadcast_to(np.eye(3)[:, None, None], d.shape)
    np.testing.assert_allclose(d, expected, atol=1e-5)
    np.testing.assert_allclose(z[:, 1], 1.4 * z[:, 0], atol=1e-4)
    np.testing.assert_allclose(z, z[[0] * 3], atol=1e-5)
    assert np.ptp(z[0, 0], axis=0).min() > 0.1


def test_the_plane_is_that_of_the_shared_latents(draw, calls, dataset):
    model = ClassModel(category_sizes=(2,))
    assert "aggregate_posterior" not in draw(model, dataset).skipped
    ((mean, log_var, prior, _), _) = calls["plot_aggregate_posterior"][0]
    assert mean.shape[1] == log_var.shape[1] == prior.shape[1] == 2
    three = draw(ClassModel(), dataset).skipped["aggregate_posterior"]
    assert three == "only two latents can be drawn as a density"


def test_no_latents_of_classes(draw, calls, dataset):
    figures = draw(SharedModel(), dataset)
    assert figures.skipped["class_traversals"] == (
        "all latents of this model are shared by the classes"
    )
    assert not figures.failed
    _, kwargs = calls["plot_shared_traversals"][0]
    assert len(kwargs["latent_labels"]) == 4


def test_pictures_are_drawn(tmp_path):
    x = RNG.uniform(size=(3, 6, 5, 1))
    frames = RNG.uniform(size=(3, 2, 4, 6, 5, 1))
    rows, blocks = ["a", "b", "c"], ["one", "two"]
    paths = [
        plot_shared_traversals(
            x, frames, tmp_path / "s.png", row_labels=rows, latent_labels=blocks
        ),
        plot_class_traversals(x, frames[:, 0], tmp_path / "c.png", row_labels=rows),
        plot_class_samples(
            frames, tmp_path / "p.png", row_labels=rows, block_labels=blocks
        ),
    ]
    for path in paths:
        with Image.open(path) as image:
            assert np.asarray(image.convert("L")).std() > 5
    with pytest.raises(ValueError, match="frames must have one row per label, 2, and"):
        plot_shared_traversals(x, frames, "x", row_labels="ab", latent_labels=blocks)
    with pytest.raises(ValueError, match=r"x must have shape \(3, 6, 5, 1\), an image"):
        plot_shared_traversals(
            x[:2], frames, "x", row_labels=rows, latent_labels=blocks
        )
    with pytest.raises(ValueError, match=r"frames must have one row .* and 1 blocks"):
        plot_class_samples(frames, "x", row_labels=rows, block_labels=["one"])
