"""Every config file: what it knows builds, and its quick form runs for a few steps."""

import gzip
import importlib
import math
import re
import struct

import jax
import numpy as np
import pytest
import readme_tables
from PIL import Image
from tiny_runs import read_log

from experiments import _config
from experiments._config_files import config_names
from experiments._help import known_words
from experiments.run import run
from vsc_jax.datasets import (
    Dataset,
    ImageFormat,
    render_sprites,
    sprites_factors_from_index,
)
from vsc_jax.datasets._registry import SOURCES
from vsc_jax.models import MODELS

NAMES = config_names()
# One quick run per config and, where its words change the code that runs, for those.
RUNS = {(name, "quick") for name in NAMES} | {
    ("aae_s", "plain,quick"),
    ("air", "multi_sprites,concrete,quick"),
    ("exemplar_vsc", "smiley,laptop,quick"),
    ("exemplar_vsc", "vae,mnist_5k,quick"),
    ("infogan", "sprites,cr,laptop,quick"),
    ("information_dropout", "occluded,laptop,quick"),
    ("information_dropout", "random_labels,laptop,quick"),
    ("information_dropout", "vae,quick"),
    ("n_vae", "conditional,digits,quick"),
    ("pinwheel", "spirals,published_kl,quick"),
    ("prior_sprites", "sprites,learned_pca,laptop,quick"),
    ("prior_sprites", "sprites,student_t,laptop,quick"),
    ("sparse_fashion", "mnist_5k,laptop,quick"),
    ("vsc_mlp", "vae,digits,quick"),
    ("vsc_mlp", "scaling,mnist_5k,quick"),
}


def get_config(name, argument=""):
    return importlib.import_module(f"experiments.configs.{name}").get_config(argument)


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_gives_the_command(name):
    module = importlib.import_module(f"experiments.configs.{name}")
    assert f"--config=configs/{name}.py" in module.__doc__


def shape_of(data):
    """`(height, width, channels)` that a data set describes."""
    described = SOURCES[data].images
    if "points" in described:
        return (1, 2, 1)
    size = re.search(r"(\d+)x(\d+)", described)
    if size is None:  # those of the user
        return (64, 64, 3)
    return (int(size[1]), int(size[2]), 3 if "RGB" in described else 1)


def noise_like(config):
    """Random images of the shape that the data of the config have."""
    data = config.data
    height, width, channels = shape_of(data.name)
    size = data.image_size
    shape = (size or height, size or width, data.channels or channels)
    is_points = shape == (1, 2, 1)
    images = np.random.default_rng(0).integers(0, 256, (32, *shape))
    rows = np.arange(32, dtype=np.int32)
    sizes = (3, 6, 40, 32, 32) if "sprites" in data.name else (10,)
    if data.name == "double_mnist":
        sizes = (5, 5)
    if data.name in ("yale_b", "lit_surfaces"):
        sizes = (38,)
    names = [f"factor {i}" for i in range(len(sizes))]
    if data.name.startswith("multi_"):  # no, one or two objects
        sizes, names = (3,), ["count"]
    return Dataset(
        name=data.name,
        images=images.astype(np.float32 if is_points else np.uint8),
        format=ImageFormat(shape, points=is_points),
        train_indices=rows[:24],
        test_indices=rows[24:],
        factor_names=tuple(names),
        factor_sizes=sizes,
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_word_gives_a_config_that_fits_its_model(name):
    words = known_words(name)
    assert words[-1] == "quick"
    for argument in ["", *words, *(f"{word},quick" for word in words)]:
        config = get_config(name, argument)
        _config.check_config(config)
        options = _config.train_options(config)
        dataset = noise_like(config)
        fields = _config.model_fields(config, dataset)
        model = _config.make_model(fields, dataset)
        assert set(model.default_weights) == set(options.weights)
        if "quick" in argument:
            assert options.num_steps <= 20
            assert options.batch_size % 8 == 0


def test_the_configs_cover_every_model():
    used = {
        get_config(name, word).model.name
        for name in NAMES
        for word in known_words(name)
    }
    missing = ", ".join(sorted(set(MODELS) - used))
    assert not missing, (
        f"no config trains {missing}: add a file to experiments/configs that begins "
        f"with base.get_config({missing!r}), and write its row with "
        f"`{readme_tables.COMMAND}`"
    )


def write_idx(folder, num_train=256, num_test=64):
    rng = np.random.default_rng(0)
    for stem, num in (("train", num_train), ("t10k", num_test)):
        images = rng.integers(0, 256, (num, 28, 28)).astype(np.uint8)
        labels = rng.integers(0, 10, num).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = struct.pack(">BBBB", 0, 0, 8, array.ndim)
            header += struct.pack(f">{array.ndim}I", *array.shape)
            content = gzip.compress(header + array.tobytes())
            (folder / f"{stem}-{kind}-ubyte.gz").write_bytes(content)
    return folder


def write_sprites(folder, num=512):
    rows = np.linspace(0, 737_279, num).astype(int)
    factors = sprites_factors_from_index(rows)
    path = folder / "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
    classes = np.concatenate([np.zeros((num, 1), int), factors], axis=1)
    np.savez_compressed(path, imgs=render_sprites(factors), latents_classes=classes)
    return path


def write_faces(folder, num=400):
    rng = np.random.default_rng(0)
    for i in range(num):
        pixels = rng.integers(0, 256, (5, 4, 3)).astype(np.uint8)
        image = Image.fromarray(pixels).resize((178, 218))
        image.save(folder / f"{i:06d}.jpg")
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Data sets that must be fetched, a few random images each, as they are fetched."""
    digits, faces, sprites = (
        tmp_path_factory.mktemp(name) for name in ("digits", "faces", "sprites")
    )
    write_idx(digits)
    return {
        "celeb_a": write_faces(faces),
        "dsprites": write_sprites(sprites),
        "fashion_mnist": digits,
        "mnist": digits,
    }


@pytest.mark.slow
@pytest.mark.parametrize(("name", "argument"), sorted(RUNS))
def test_the_quick_form_runs(name, argument, files, tmp_path):
    config = get_config(name, argument)
    config.data.path = str(files.get(config.data.name, ""))
    if config.data.name == "dsprites":  # the test split is in proportion
        config.data.num_test = 16
        config.train.num_test_images = 16
    config.evaluation.figures = name == "vsc_mlp" and argument == "quick"
    # The published widths are not what is tested.
    if "hidden" in config.model:
        config.model.hidden = tuple(min(width, 32) for width in config.model.hidden)
    if config.model.get("network") == "dcgan":
        config.model.channels = (4, 8, 8)
    results = run(config, tmp_path, show_progress=False)
    assert results["run"]["num_steps"] == config.train.num_steps
    assert math.isfinite(results["scores"]["loss"])
    assert [line["step"] for line in read_log(tmp_path)] == [3, 6]
    if config.evaluation.figures:
        figures = list((tmp_path / "figures").iterdir())
        assert len(figures) >= 5
        suffixes = {path.suffix for path in figures}
        assert {".png", ".gif"} <= suffixes <= {".png", ".gif", ".json"}
        report = (tmp_path / "report.html").read_text()
        assert report.count("<img") >= 5
    else:
        assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("information_dropout", "cifar10,occluded,double"),
        ("information_dropout", "vae,cluttered"),
        ("information_dropout", "vae,random_labels"),
        ("infogan", "mnist_5k,sprites"),
        ("n_vae", "digits,shared,latent2d"),
        ("n_vae", "digits,vae,conditional"),
        ("study", "sprites,dsprites,300"),
    ],
)
def test_words_that_exclude_each_other_are_refused(config, words):
    module = importlib.import_module(f"experiments.configs.{config}")
    with pytest.raises(ValueError, match="exclude each other; give one of them"):
        module.get_config(words)


def parameters_of(argument):
    config = get_config("joint_vae", argument)
    fields = _config.model_fields(config, noise_like(config))
    shapes = jax.eval_shape(
        _config.make_model(fields, noise_like(config)).init, jax.random.key(0)
    )
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


def test_the_networks_of_joint_vae_are_those_of_its_code():
    # Layer by layer from https://github.com/Schlumberger/joint-vae: convolutions, dense
    # layers and heads, then the decoder, whose 32-pixel form has 32 and 32 filters.
    conv = [16 * i * o + o for i, o in ((1, 32), (32, 64), (64, 64))]
    dense = [i * o + o for i, o in ((1024, 256), (256, 10 + 10 + 10))]
    back = [i * o + o for i, o in ((10 + 10, 256), (256, 1024))]
    deconv = [16 * i * o + o for i, o in ((64, 32), (32, 32), (32, 1))]
    expected = sum((*conv, *dense, *back, *deconv))
    assert expected == 687_359
    for data in ("mnist", "fashion_mnist", "mnist_5k"):
        assert parameters_of(data) == expected
    # 64 pixels: a convolution of 32 to 32 filters and a transposed one of 64 to 64
    # more, 6 latents and 3 categories.
    heads = 257 * (10 + 10 + 10 - (6 + 6 + 3)) + 256 * (20 - 9)
    more = 16 * 32 * 32 + 32 + 16 * 64 * 64 + 64
    assert parameters_of("dsprites") == expected - heads + more


def test_the_row_of_joint_vae_has_the_published_capacities():
    row, tuned = (
        get_config("joint_vae", f"sprites,{words}laptop") for words in ("", "tuned,")
    )
    full = get_config("joint_vae", "sprites")
    names = ("capacity", "category_capacity", "capacity_weight")
    values = [[config.weights[name] for name in names] for config in (full, row, tuned)]
    assert values == [[40.0, 1.1, 150.0], [40.0, 1.1, 150.0], [20.0, 1.1, 10.0]]
    for config in (full, row, tuned):
        assert config.schedules.capacity[2] == config.weights.capacity
        gap_weights = config.weights.capacity_weight
        assert config.weights.category_capacity_weight == gap_weights
    with pytest.raises(ValueError, match=r"tuned is of sprites, .* got mnist"):
        get_config("joint_vae", "mnist,tuned")
