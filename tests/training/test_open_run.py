"""What a run is refused for before it begins, or does at its log points."""

import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import run_tiny, tiny_dataset, tiny_model, tiny_options

from vsc_jax.datasets import from_arrays
from vsc_jax.training import Checkpoints, train

pytestmark = pytest.mark.usefixtures("two_devices")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"callbacks": print}, TypeError, "callbacks must be a list of functions"),
        ({"callbacks": [None]}, TypeError, r"list of functions .*, got \[None\]"),
        ({"score": 3.0}, TypeError, "score must be a function .* or None, got 3.0"),
        ({"meta": {"model": "mine"}}, TypeError, r'meta\["model"\] must be what load_'),
        ({"meta": {"a": np.ones(2)}}, ValueError, r"meta\['a'\] must be saved as JSON"),
    ],
)
def test_what_would_fail_later_is_refused_at_once(tmp_path, arguments, error, message):
    model = tiny_model()
    options = tiny_options(model)
    with pytest.raises(error, match=message):
        train(model, tiny_dataset(), options, workdir=tmp_path / "run", **arguments)
    assert not (tmp_path / "run").exists()


def test_a_callback_cannot_change_what_is_saved(tmp_path):
    def reverse(step, scalars):
        del scalars["loss"]
        scalars["test_loss"] = float(step)

    result = run_tiny(tmp_path, callbacks=[reverse])
    assert result.best_step == 20


def test_scores_may_be_numbers_of_jax(tmp_path):
    seen = []

    def score(params, step):
        return {"a": jnp.float32(2.0), "b": np.ones(2)}

    run_tiny(
        tmp_path,
        score=score,
        score_every=20,
        callbacks=[lambda step, scalars: seen.append(scalars)],
    )
    assert (seen[-1]["a"], seen[-1]["b"]) == (2.0, [1.0, 1.0])


def run_on(folder, model, dataset, **options):
    options = tiny_options(model, **options)
    return train(model, dataset, options, workdir=folder, show_progress=False)


def test_a_run_goes_on_with_the_model_and_the_images_it_began_with(tmp_path):
    images = np.random.default_rng(0).random((60, 6, 5))
    model, dataset = tiny_model(), from_arrays(images)
    run_on(tmp_path, model, dataset)
    for other, data, message in (
        (tiny_model(likelihood="gaussian"), dataset, "model.'likelihood'. is 'bernou"),
        (
            model,
            from_arrays(1.0 - images),
            r"other images \(changed: images\), so that",
        ),
        (model, from_arrays(images, seed=1), r"other images \(changed: test rows\), "),
    ):
        with pytest.raises(ValueError, match=message):
            run_on(tmp_path, other, data, num_steps=30)
    assert Checkpoints(tmp_path).steps() == [10, 20]
    labelled = from_arrays(images, np.arange(60) % 3)
    assert int(run_on(tmp_path, model, labelled, num_steps=30).state.step) == 30
