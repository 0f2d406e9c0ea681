"""Whether data are still those of a run: cheap, and of any number of files."""

import pathlib

import numpy as np

from vsc_jax.datasets import _fingerprint
from vsc_jax.datasets._fingerprint import (
    fingerprint_arrays,
    fingerprint_files,
    fingerprint_source,
)

RNG = np.random.default_rng(0)


def test_files_are_known_by_name_size_and_content(tmp_path, monkeypatch):
    names = [pathlib.Path(f"{i}.png") for i in range(10)]
    for name in names:
        (tmp_path / name).write_bytes(b"abc")
    first = fingerprint_files(tmp_path, names)
    assert fingerprint_files(tmp_path, names) == first
    (tmp_path / "3.png").write_bytes(b"abd")
    second = fingerprint_files(tmp_path, names)
    assert second["contents"] != first["contents"]
    # Of many files the size is looked at, and the content of some.
    monkeypatch.setattr(_fingerprint, "_MAX_FILES", 5)
    some = fingerprint_files(tmp_path, names)
    (tmp_path / "3.png").write_bytes(b"abc")
    assert fingerprint_files(tmp_path, names) == some
    (tmp_path / "4.png").write_bytes(b"abd")
    assert fingerprint_files(tmp_path, names)["contents"] != some["contents"]
    (tmp_path / "4.png").write_bytes(b"abc")
    (tmp_path / "3.png").write_bytes(b"abcd")
    assert fingerprint_files(tmp_path, names)["contents"] != some["contents"]


def test_files_that_are_gone_are_others(tmp_path):
    names = [pathlib.Path("a.png"), pathlib.Path("b\udce9.png")]
    (tmp_path / "a.png").write_bytes(b"abc")
    first = fingerprint_files(tmp_path, names)
    (tmp_path / "a.png").unlink()
    second = fingerprint_files(tmp_path, names)
    assert second["names"] == first["names"]
    assert second["contents"] != first["contents"]


def test_arrays_are_known_by_shape_and_values(monkeypatch):
    images = RNG.integers(0, 256, (10, 4, 4, 1)).astype(np.uint8)
    first = fingerprint_arrays(images, None)
    assert sorted(first) == ["images", "number"]
    assert fingerprint_arrays(np.asfortranarray(images), None) == first
    reshaped = images.reshape(10, 2, 8, 1)
    assert fingerprint_arrays(reshaped, None)["images"] != first["images"]
    factors = np.arange(10)[:, None]
    with_factors = fingerprint_arrays(images, factors)
    assert with_factors == {**first, "factors": with_factors["factors"]}
    assert fingerprint_arrays(images, factors.astype(np.uint8)) == with_factors
    monkeypatch.setattr(_fingerprint, "_MAX_ARRAY_BYTES", 80)  # every second image
    part = fingerprint_arrays(images, None)
    images[3] += 1
    assert fingerprint_arrays(images, None) == part
    images[4] += 1
    assert fingerprint_arrays(images, None) != part


def test_a_source_is_known_by_its_images_and_labels_not_by_its_number():
    images = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)
    labels = np.arange(10)[:, None]
    first = fingerprint_source(images, labels)
    assert first.keys() == {"source images", "source labels"}
    assert fingerprint_source(images, labels.astype(np.uint8)) == first
    part = fingerprint_source(images[:9], labels[:9])
    assert not set(part.values()) & set(first.values())
