import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_runs import IMAGE_SHAPE, run_tiny, tiny_dataset, tiny_model

import vsc_jax
from vsc_jax import _run, load_run
from vsc_jax.training import CheckpointError, Checkpoints

pytestmark = pytest.mark.usefixtures("two_devices")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A VSC run whose newest checkpoint is not its best: the last steps are too big."""
    folder = tmp_path_factory.mktemp("run")
    run_tiny(
        folder,
        tiny_model("vsc"),
        num_steps=40,
        keep_checkpoints=1,
        weights={"prior_slab_prob": 0.3},
        learning_rate=lambda step: 0.01 if step < 20 else 0.2,
    )
    return folder


@pytest.fixture(scope="module")
def run(workdir):
    return vsc_jax.load_run(workdir)


@pytest.fixture(scope="module")
def images():
    dataset = tiny_dataset(num_train=400, num_test=101)
    return dataset.decode(np.arange(501))


def test_it_shows_what_it_is(run):
    assert repr(run) == f"<Run of VSC at step {run.step}>"


def test_what_it_knows_of_the_run(run, workdir):
    assert run.step == 40
    assert run.model == tiny_model("vsc")
    assert run.weights == {
        "beta": 1.0,
        "beta_high": 10.0,
        "num_relieved": 3.0,
        "prior_slab_prob": np.float32(0.3),
        "sharpness": 50.0,
    }
    assert run.meta["model"]["name"] == "vsc"


def test_a_weight_that_is_newer_than_the_run_has_its_default(run):
    weights = {"beta": 2.0, "prior_slab_prob": 0.3, "sharpness": 50.0}
    older = type(run)(run.model, run.params, run.step, run.meta | {"weights": weights})
    assert older.weights == run.weights | {"beta": 2.0}


def test_more_than_one_batch(run, images):
    codes = run.encode(images)
    assert isinstance(codes, np.ndarray)
    assert codes.shape == (501, 3)
    posterior = run.model.encode(run.params, images)
    np.testing.assert_allclose(codes, posterior.expected_code, rtol=1e-4, atol=1e-5)
    decoded = run.decode(codes)
    assert decoded.shape == (501, *IMAGE_SHAPE)
    assert 0.0 <= decoded.min() <= decoded.max() <= 1.0
    np.testing.assert_array_equal(run.reconstruct(images), decoded)
    np.testing.assert_allclose(run.encode(images[:1]), codes[:1], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(run.encode(images.astype(np.float64)), codes)


def test_few_programs_for_many_numbers_of_images(run, images):
    before = _run._decode._cache_size()
    codes = run.encode(images[:64])
    decoded = run.decode(codes)
    for num in range(1, 64):
        last = run.decode(codes[:num])[-1]
        np.testing.assert_allclose(last, decoded[num - 1], rtol=1e-4, atol=1e-6)
    assert _run._decode._cache_size() - before <= 7  # 1, 2, 4, ..., 64


def test_points_and_scaled_images_are_any_numbers():
    model = tiny_model("vae", likelihood="gaussian", mean_function="identity")
    params = jax.jit(model.init)(jax.random.key(0))
    x = np.full((2, *IMAGE_SHAPE), -2.0)
    assert vsc_jax.Run(model, params, 0, {"weights": {}}).encode(x).shape == (2, 3)
    scaled = {"config": {"data": {"normalization": "mean_norm"}}, "weights": {}}
    assert vsc_jax.Run(tiny_model(), params, 0, scaled).encode(x).shape == (2, 3)


def test_no_images(run, images):
    assert run.encode(images[:0]).shape == (0, 3)
    assert run.reconstruct(images[:0]).shape == (0, *IMAGE_SHAPE)
    assert run.sample(0).shape == (0, *IMAGE_SHAPE)


def test_samples_are_those_of_the_prior(run):
    samples = run.sample(600, seed=3)
    assert samples.shape == (600, *IMAGE_SHAPE)
    np.testing.assert_array_equal(run.sample(600, seed=3), samples)
    assert not np.array_equal(run.sample(600, seed=4), samples)
    # With probability 0.7^3 all latents are off, and the image is that of z = 0.
    empty = run.decode(np.zeros((1, 3)))
    share = np.isclose(samples, empty).all(axis=(1, 2, 3)).mean()
    assert abs(share - 0.343) < 4 * np.sqrt(0.343 * 0.657 / 600)


def test_categories(tmp_path, run, images):
    model = tiny_model("joint_vae", category_sizes=(3, 2))
    run_tiny(tmp_path, model, num_steps=10)
    mixed = load_run(tmp_path)
    assert mixed.model == model
    codes, categories = mixed.encode(images), mixed.categories(images)
    assert codes.shape == (501, 8)
    assert categories.shape == (501, 2)
    assert categories.dtype == np.int32
    np.testing.assert_array_equal(
        codes[:, 3:],
        np.hstack([np.eye(3)[categories[:, 0]], np.eye(2)[categories[:, 1]]]),
    )
    assert mixed.decode(codes).shape == (501, *IMAGE_SHAPE)
    assert mixed.sample(3).shape == (3, *IMAGE_SHAPE)
    with pytest.raises(ValueError, match=r"z must have shape \[n, 8\], got \(2, 3\)"):
        mixed.decode(codes[:2, :3])
    with pytest.raises(ValueError, match="this model has no categorical variables"):
        run.categories(images)


def test_draws_of_a_bounded_prior_have_no_other_standard_deviation():
    model = tiny_model("infogan", noise_dim=2, category_sizes=(3,))
    params = jax.jit(model.init)(jax.random.key(0))
    gan = vsc_jax.Run(model, params, 0, {"weights": model.default_weights})
    assert gan.sample(2).shape == (2, *IMAGE_SHAPE)
    with pytest.raises(
        ValueError, match=r"bounded prior, so stddev must be 1, got 1.4"
    ):
        gan.sample(2, stddev=1.4)


def test_samples_of_a_class_and_of_a_standard_deviation(run):
    model = tiny_model("n_vae", num_classes=6, shared_dim=2, class_dim=1)
    params = jax.jit(model.init)(jax.random.key(0))
    classes = vsc_jax.Run(model, params, 0, {"weights": model.default_weights})
    z = np.array(model.sample_prior(params, jax.random.key(3), 40, {}))
    np.testing.assert_array_equal(classes.sample(40, seed=3), classes.decode(z))
    z[:, 8:] = np.eye(6)[4]
    samples = classes.sample(40, seed=3, label=4)
    np.testing.assert_array_equal(samples, classes.decode(z))
    z[:, :8] *= np.float32(1.4)
    wider = classes.sample(40, seed=3, label=4, stddev=1.4)
    np.testing.assert_allclose(wider, classes.decode(z), rtol=1e-5)
    assert wider.var(0).mean() > samples.var(0).mean()
    assert classes.sample(0, label=0, stddev=0.5).shape == (0, *IMAGE_SHAPE)
    # Any prior has a standard deviation: zeros of a spike stay zeros.
    empty = run.decode(np.zeros((1, 3)))
    shares = [
        np.isclose(images, empty).all(axis=(1, 2, 3)).mean()
        for images in (run.sample(200), run.sample(200, stddev=2.0))
    ]
    assert shares[0] == shares[1] > 0.2
    for label in (-1, 6, 2.0):
        with pytest.raises(
            ValueError, match=r"label must be a whole .* at most 5, got"
        ):
            classes.sample(3, label=label)
    for stddev in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="stddev must be above 0, got"):
            classes.sample(3, stddev=stddev)
    with pytest.raises(ValueError, match="this model has no classes, so label must be"):
        run.sample(3, label=0)


def test_a_model_without_a_prior(tmp_path):
    run_tiny(tmp_path, tiny_model("autoencoder"), num_steps=2)
    run = load_run(tmp_path)
    assert run.encode(np.zeros((2, *IMAGE_SHAPE))).shape == (2, 3)
    with pytest.raises(ValueError, match="this model has no prior to sample from"):
        run.sample(3)


def test_a_model_that_can_do_nothing_of_it():
    run = vsc_jax.Run(object(), {}, 0, {"weights": {}})
    x = np.zeros((2, *IMAGE_SHAPE))
    for method, message in [
        (run.encode, "no encoder"),
        (run.reconstruct, "no encoder"),
        (run.categories, "no encoder"),
        (run.decode, "no decoder"),
    ]:
        with pytest.raises(ValueError, match=f"this model has {message}"):
            method(x)


def test_wrong_arrays(run):
    with pytest.raises(ValueError, match=r"shape \[n, 6, 5, 1\], got \(6, 5, 1\)"):
        run.encode(np.zeros(IMAGE_SHAPE))
    with pytest.raises(ValueError, match=r"shape \[n, 6, 5, 1\], got \(2, 5, 6, 1\)"):
        run.reconstruct(np.zeros((2, 5, 6, 1)))
    with pytest.raises(TypeError, match="must be floats, got uint8; divide"):
        run.encode(np.zeros((2, *IMAGE_SHAPE), np.uint8))
    for x in (np.full((2, *IMAGE_SHAPE), 255.0), np.full((1, *IMAGE_SHAPE), np.nan)):
        for method in (run.encode, run.reconstruct):
            with pytest.raises(ValueError, match=r"x must be in \[0, 1\], .*, got "):
                method(x)
    with pytest.raises(ValueError, match=r"z must have shape \[n, 3\], got \(2, 4\)"):
        run.decode(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"\[n, 3\], got \(3,\)"):
        run.decode(np.zeros(3))
    with pytest.raises(
        ValueError, match="num_samples must be a whole number of at least 0"
    ):
        run.sample(-1)


def test_what_a_run_cannot_take_is_told_in_its_own_words(run, images, workdir):
    x = images[:3]
    for method, inside in (
        (run.encode, r"model.encode\(params, x\)"),
        (run.reconstruct, r"model.encode\(params, x\)"),
        (run.decode, r"model.decode\(params, z\)"),
    ):
        with pytest.raises(TypeError, match=f"got one that JAX traces.*{inside}"):
            jax.jit(method)(x)
    masked = np.ma.masked_array(x, mask=x > 0.5)
    with pytest.raises(TypeError, match="x must be a plain array, got a masked one"):
        run.encode(masked)
    for wrong in (np.nan, np.inf):
        z = np.where(np.arange(3)[None] == 1, wrong, np.zeros((2, 3)))
        with pytest.raises(
            ValueError, match="z must be finite, got 2 values of 6 that"
        ):
            run.decode(z)
    with pytest.raises(TypeError, match="z must be a number, got"):
        run.decode(np.array([["1", "2", "3"]]))
    for seed in (2**70, -1, 0.5):
        with pytest.raises(ValueError, match="seed must be a whole number of at least"):
            run.sample(2, seed=seed)
    with pytest.raises(ValueError, match="num_samples must be a whole number of at le"):
        run.sample(1.5)
    for folder in (None, 3, b"runs"):
        with pytest.raises(
            TypeError, match="workdir must be the path of a folder, got"
        ):
            load_run(folder)


def test_images_in_bfloat16(run, images):
    narrow = jnp.asarray(images[:4], jnp.bfloat16)
    np.testing.assert_array_equal(
        run.encode(narrow), run.encode(np.asarray(narrow, np.float32))
    )
    whole = np.eye(3, dtype=int)[:2]
    np.testing.assert_array_equal(run.decode(whole), run.decode(whole > 0))


def test_steps(workdir, run):
    checkpoints = Checkpoints(workdir, read_only=True)
    best = checkpoints.best_step()
    assert checkpoints.steps() == [best, 40]
    assert best in (20, 30)
    checkpoints.close()
    assert load_run(workdir, step="best").step == best
    assert load_run(workdir, step=best).step == best
    assert load_run(str(workdir)).step == 40
    for step in (10, "newst"):
        with pytest.raises(
            ValueError,
            match=rf"'newest', 'best' or one of \[{best}, 40\], got {step!r}",
        ):
            load_run(workdir, step=step)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(
            run.decode(np.ones((1, 3))),
            load_run(workdir, step="best").decode(np.ones((1, 3))),
        )


def test_folders_without_a_run(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match="no readable checkpoint in") as e:
            load_run(folder)
        assert str(folder) in str(e.value)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_checkpoint(tmp_path, caplog):
    run_tiny(tmp_path)
    for path in (tmp_path / "checkpoints" / "20" / "state").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"step 20 in .* is damaged: state/"):
        load_run(tmp_path, step=20)
    assert not caplog.records
    # The newest that can be read is taken, and the run is left as it is.
    assert load_run(tmp_path).step == 10
    (record,) = caplog.records
    assert "that of step 10 is used" in record.getMessage()
    assert load_run(tmp_path, step=10).step == 10
    assert (tmp_path / "checkpoints" / "20").is_dir()


def test_meta_is_plain_json(workdir):
    text = (workdir / "checkpoints" / "40" / "meta" / "metadata").read_text()
    assert json.loads(text)["model"]["image_shape"] == list(IMAGE_SHAPE)


def test_objects_of_a_model_of_scenes(tmp_path, images):
    run_tiny(tmp_path, tiny_model("multi_entity_vae"), num_steps=2)
    run = load_run(tmp_path)
    found = run.objects(images)
    assert all(isinstance(array, np.ndarray) for array in found)
    shapes = {name: array.shape for name, array in found._asdict().items()}
    assert shapes == {
        "presence": (501, 2),
        "boxes": (501, 2, 4),
        "masks": (501, 2, *IMAGE_SHAPE[:2]),
        "codes": (501, 2, 3),
    }
    expected = run.model.find_objects(run.params, images[:3])
    for array, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(array[:3], other, rtol=1e-4, atol=1e-5)
    assert run.objects(images[:0]).boxes.shape == (0, 2, 4)


def test_a_model_without_objects(run, images):
    with pytest.raises(ValueError, match="this model has no objects to find"):
        run.objects(images)


def test_labels_and_their_probabilities(images, run):
    model = tiny_model(
        "information_dropout_classifier", num_classes=6, channels=(4,), dropout="none"
    )
    params = jax.jit(model.init)(jax.random.key(0))
    classifier = vsc_jax.Run(model, params, 0, {"weights": {}})
    probs = classifier.predict_proba(images)
    assert probs.shape == (501, 6)
    np.testing.assert_allclose(probs.sum(axis=1), 1.0, rtol=1e-5)
    logits = model.class_logits(params, images[:7])
    np.testing.assert_allclose(probs[:7], jax.nn.softmax(logits), rtol=1e-4)
    labels = classifier.predict(images)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, probs.argmax(axis=1))
    assert classifier.predict(images[:0]).shape == (0,)
    with pytest.raises(ValueError, match=r"x must be in \[0, 1\]"):
        classifier.predict(255.0 * images[:2])
    with pytest.raises(ValueError, match="this model has no encoder"):
        classifier.encode(images[:2])
    with pytest.raises(ValueError, match="this model has no classifier"):
        run.predict(images[:2])
