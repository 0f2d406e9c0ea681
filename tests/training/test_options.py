import dataclasses

import numpy as np
import pytest
from tiny_runs import BATCH_SIZE, tiny_dataset, tiny_model, tiny_options

from vsc_jax.training import batch_indices, prepare_training
from vsc_jax.training._options import CHUNK_MULTIPLE, check_options, chunk_inputs


def test_weights_at_a_step():
    options = tiny_options(tiny_model(), weights={"beta": lambda step: 0.5 * step})
    assert options.weights_at(3) == {"beta": np.float32(1.5)}


def test_inputs_of_a_chunk():
    options = tiny_options(
        tiny_model(),
        weights={"beta": lambda step: step},
        learning_rate=lambda step: 0.1 * step,
        reset_moments_at=(12,),
        log_every=5,
        seed=3,
    )
    dataset = tiny_dataset()
    inputs = chunk_inputs(options, dataset, 10)
    assert inputs.indices.shape == (CHUNK_MULTIPLE, BATCH_SIZE)
    for position in range(5):
        rows = batch_indices(
            10 + position,
            num_examples=len(dataset.train_indices),
            batch_size=BATCH_SIZE,
            seed=3,
        )
        np.testing.assert_array_equal(
            inputs.indices[position], dataset.train_indices[rows]
        )
    np.testing.assert_allclose(inputs.learning_rate[:5], [1.0, 1.1, 1.2, 1.3, 1.4])
    np.testing.assert_array_equal(inputs.weights["beta"][:5], [10, 11, 12, 13, 14])
    assert inputs.reset_moments[:5].tolist() == [False, False, True, False, False]


def test_options_that_do_not_fit():
    model, dataset = tiny_model(), tiny_dataset()
    with pytest.raises(ValueError, match=r"names \['beta'\], got \['beta', '"):
        check_options(model, dataset, tiny_options(model, weights={"gamma": 1.0}))
    with pytest.raises(ValueError, match="at most the number of training images, 50"):
        check_options(model, dataset, tiny_options(model, batch_size=64))


@pytest.mark.parametrize("steps", [3, None, (5, (2, 3)), ((2, 3),), ((),)])
def test_steps_at_which_moments_are_reset_are_one_flat_tuple(steps):
    message = r"^reset_moments_at must be a tuple of steps, such as \(100, 200\), got "
    with pytest.raises(TypeError, match=message):
        tiny_options(tiny_model(), reset_moments_at=steps)


def test_steps_at_which_moments_are_reset_may_be_beyond_the_end():
    tiny_options(tiny_model(), reset_moments_at=(np.int64(3), 10**9))
    with pytest.raises(ValueError, match="reset_moments_at must be a whole number of"):
        tiny_options(tiny_model(), reset_moments_at=(1.5,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "vae"}, "one that vsc_jax.models.create_model makes, .* got a str"),
        ({"dataset": (np.ones((9, 6, 5)), np.ones(9))}, r"a tuple; .*from_arrays\(ima"),
        ({"options": {"num_steps": 9}}, "options must be TrainOptions, got a dict"),
    ],
)
def test_arguments_of_another_type(arguments, message):
    model = tiny_model()
    right = {"model": model, "dataset": tiny_dataset(), "options": tiny_options(model)}
    with pytest.raises(TypeError, match=message):
        prepare_training(**right | arguments)


def test_a_model_of_images_of_another_size():
    model = tiny_model(image_shape=(5, 6, 1))
    with pytest.raises(ValueError, match=r"images of tiny, \(6, 5, 1\), got \(5, 6, 1"):
        prepare_training(model, tiny_dataset(), tiny_options(model))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"batch_size": 64},
            "batch_size must be at most the number of training images",
        ),
        ({"parallel": "pjit"}, "parallel must be 'shard_map' or 'pmap', got 'pjit'"),
        ({"optimizer": {"name": "adm"}}, "optimizer must be one of adam, "),
        ({"optimizer": {"players": {"critic": {}}}}, "VAE has no player critic"),
    ],
)
def test_training_is_prepared_only_with_options_that_fit(changes, message):
    model, dataset = tiny_model(), tiny_dataset()
    optimizers, _ = prepare_training(model, dataset, tiny_options(model))
    assert set(optimizers) == {player.name for player in model.players}
    with pytest.raises(ValueError, match=message):
        prepare_training(model, dataset, tiny_options(model, **changes))


def test_a_test_split_that_is_too_small_for_the_loss_is_refused():
    none = dataclasses.replace(tiny_dataset(), test_indices=np.zeros(0, np.int32))
    with pytest.raises(ValueError, match="tiny must have test images, whose loss"):
        prepare_training(tiny_model(), none, tiny_options(tiny_model()))
    for name in ("factor_vae", "dip_vae"):
        model = tiny_model(name)
        with pytest.raises(ValueError, match="num_test_images and the test images mu"):
            prepare_training(
                model, tiny_dataset(), tiny_options(model, num_test_images=1)
            )
        prepare_training(model, tiny_dataset(), tiny_options(model, num_test_images=2))
