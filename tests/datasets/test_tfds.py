"""Data prepared by tensorflow-datasets, read without TensorFlow and without network."""

import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from vsc_jax.datasets import (
    DatasetNotFoundError,
    load_dataset,
    load_mnist_corrupted,
    render_sprites,
)

# tensorflow_datasets calls a method that protobuf deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:label.. is deprecated")

RNG = np.random.default_rng(0)


def encode(array):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def prepare(data_dir, name, examples_by_split):
    """Writes what `download_and_prepare` would write, but without TensorFlow."""
    import tensorflow_datasets as tfds
    from array_record.python import array_record_module
    from tensorflow_datasets.core import example_serializer, splits

    builder = tfds.builder(name, data_dir=data_dir, file_format="array_record")
    name = builder.name  # without a config behind it
    folder = builder.data_path
    folder.mkdir(parents=True)
    serializer = example_serializer.ExampleSerializer(
        builder.info.features.get_serialized_info()
    )
    infos = []
    for split, examples in examples_by_split.items():
        path = folder / f"{name}-{split}.array_record-00000-of-00001"
        records = [serializer.serialize_example(example) for example in examples]
        writer = array_record_module.ArrayRecordWriter(os.fspath(path), "group_size:1")
        for record in records:
            writer.write(record)
        writer.close()
        infos.append(
            splits.SplitInfo(
                name=split,
                shard_lengths=[len(records)],
                num_bytes=sum(map(len, records)),
                filename_template=tfds.core.ShardedFileTemplate(
                    dataset_name=name,
                    data_dir=folder,
                    split=split,
                    filetype_suffix="array_record",
                ),
            )
        )
    builder.info.set_splits(splits.SplitDict(infos))
    builder.info.write_to_directory(folder)
    return folder


def mnist_examples(images, labels):
    return [
        {"image": encode(image), "label": label}
        for image, label in zip(images, labels, strict=True)
    ]


@pytest.fixture
def data_dir(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path / "tfds"


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_mnist_is_read_from_its_own_splits(data_dir, name):
    images = RNG.integers(0, 256, (9, 28, 28)).astype(np.uint8)
    labels = np.arange(9)
    examples = mnist_examples(images, labels)
    prepare(data_dir, name, {"train": examples[:6], "test": examples[6:]})
    # By the default folder, by path, and by the folder of the version itself.
    folder = next((data_dir / name).iterdir())
    for path in (None, data_dir, folder):
        dataset = load_dataset(name, path=path)
        np.testing.assert_array_equal(dataset.images[..., 0], images)
        np.testing.assert_array_equal(dataset.factors[:, 0], labels)
        np.testing.assert_array_equal(dataset.train_indices, np.arange(6))
        np.testing.assert_array_equal(dataset.test_indices, np.arange(6, 9))


def test_cifar10_is_read_from_its_own_splits(data_dir):
    images = RNG.integers(0, 256, (7, 32, 32, 3)).astype(np.uint8)
    examples = [
        {"id": f"picture_{i}", **example}
        for i, example in enumerate(mnist_examples(images, np.arange(7)))
    ]
    prepare(data_dir, "cifar10", {"train": examples[:5], "test": examples[5:]})
    dataset = load_dataset("cifar10", num_train=3)
    np.testing.assert_array_equal(dataset.images, images[[0, 1, 2, 5, 6]])
    assert dataset.labels.tolist() == [0, 1, 2, 5, 6]
    assert dataset.test_indices.tolist() == [3, 4]


def test_dsprites_with_factors(data_dir):
    factors = RNG.integers((3, 6, 40, 32, 32), size=(20, 5))
    keys = ("shape", "scale", "orientation", "x_position", "y_position")
    examples = []
    for image, row in zip(render_sprites(factors), factors, strict=True):
        example = {"image": encode(image)}
        for key, value in zip(keys, row, strict=True):
            example[f"label_{key}"] = value
            example[f"value_{key}"] = np.float32(value)
        examples.append(example)
    prepare(data_dir, "dsprites", {"train": examples})
    dataset = load_dataset("dsprites", num_train=9, num_test=1)
    assert dataset.format.packed
    np.testing.assert_array_equal(
        dataset.decode(np.arange(10))[..., 0], render_sprites(dataset.factors)
    )
    order = np.random.default_rng(0).permutation(20)
    np.testing.assert_array_equal(dataset.factors[:9], factors[order[:9]])


def test_shapes3d_with_factors(data_dir):
    names = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
    factors = RNG.integers((10, 10, 10, 8, 4, 15), size=(20, 6))
    images = RNG.integers(0, 256, (20, 64, 64, 3)).astype(np.uint8)
    examples = [
        {
            "image": encode(image),
            **{f"label_{name}": value for name, value in zip(names, row, strict=True)},
            **{f"value_{name}": np.float32(0.0) for name in names},
        }
        for image, row in zip(images, factors, strict=True)
    ]
    prepare(data_dir, "shapes3d", {"train": examples})
    dataset = load_dataset("shapes3d", num_train=9, num_test=1)
    order = np.random.default_rng(0).permutation(20)
    rows = np.r_[order[:9], order[18]]
    assert dataset.factor_names == names
    np.testing.assert_array_equal(dataset.images, images[rows])
    np.testing.assert_array_equal(dataset.factors, factors[rows])


def test_smallnorb_with_its_own_splits(data_dir):
    names = ("category", "elevation", "azimuth", "lighting")
    factors = RNG.integers((5, 9, 18, 6), size=(9, 4))
    images = RNG.integers(0, 256, (9, 96, 96)).astype(np.uint8)
    examples = [
        {
            "image": encode(image),
            "image2": encode(255 - image),
            "instance": 3,
            **{f"label_{name}": value for name, value in zip(names, row, strict=True)},
        }
        for image, row in zip(images, factors, strict=True)
    ]
    prepare(data_dir, "smallnorb", {"train": examples[:6], "test": examples[6:]})
    dataset = load_dataset("smallnorb", image_size=96, num_train=4)
    rows = np.r_[:4, 6:9]
    np.testing.assert_array_equal(dataset.images[..., 0], images[rows])
    np.testing.assert_array_equal(dataset.factors, factors[rows])
    np.testing.assert_array_equal(dataset.test_indices, [4, 5, 6])
    assert load_dataset("smallnorb").image_shape == (64, 64, 1)


def test_celeb_a_is_cropped_and_resized(data_dir):
    import tensorflow_datasets as tfds

    features = tfds.builder("celeb_a", data_dir=data_dir).info.features
    other = {
        key: {name: 0 for name in features[key]}
        for key in ("attributes", "landmarks", "identity")
        if key in features
    }
    examples = [
        {"image": encode(np.full((218, 178, 3), 20 * i, np.uint8)), **other}
        for i in range(6)
    ]
    flat = [
        {
            **{"image": example["image"]},
            **{f"{k}/{n}": v for k in other for n, v in example[k].items()},
        }
        for example in examples
    ]
    prepare(data_dir, "celeb_a", {"train": flat[:4], "test": flat[4:]})
    dataset = load_dataset("celeb_a", image_size=32, num_train=3)
    assert dataset.images.shape == (5, 32, 32, 3)
    np.testing.assert_array_equal(dataset.images[:, 5, 5, 1], [0, 20, 40, 80, 100])


def test_another_format_is_named(data_dir):
    folder = data_dir / "mnist" / "3.0.1"
    folder.mkdir(parents=True)
    info = {"name": "mnist", "fileFormat": "tfrecord"}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(
        DatasetNotFoundError, match=r"3\.0\.1 as tfrecord.*array_record"
    ):
        load_dataset("mnist")


def test_the_newest_readable_version_is_taken(data_dir):
    images = RNG.integers(0, 256, (4, 28, 28)).astype(np.uint8)
    examples = mnist_examples(images, range(4))
    folder = prepare(data_dir, "mnist", {"train": examples[:2], "test": examples[2:]})
    for version, kind in (("2.9.9", "array_record"), ("10.0.0", "tfrecord")):
        other = data_dir / "mnist" / version
        other.mkdir()
        info = {"name": "mnist", "version": version, "fileFormat": kind}
        (other / "dataset_info.json").write_text(json.dumps(info))
    assert folder.name == "3.0.1"
    np.testing.assert_array_equal(load_dataset("mnist").images[..., 0], images)


def test_mnist_corrupted(tmp_path, monkeypatch):
    pixels = RNG.integers(0, 256, (4, 28, 28, 1), np.uint8)
    examples = [
        {"image": encode(image[..., 0]), "label": label}
        for label, image in enumerate(pixels)
    ]
    for corruption in ("fog", "identity", "stripe"):
        prepare(tmp_path, f"mnist_corrupted/{corruption}", {"test": examples})
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    found = load_mnist_corrupted(num_images=2)
    assert list(found) == ["fog", "stripe"]
    images, labels = found["stripe"]
    np.testing.assert_array_equal(images, pixels[::2])
    np.testing.assert_array_equal(labels, [0, 2])
