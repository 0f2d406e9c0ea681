"""Picture files of any kind to bytes, with a word where there was a choice."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vsc_jax.datasets._pictures import read_pictures

RNG = np.random.default_rng(0)


def save(path, array, **kwargs):
    Image.fromarray(array).save(path, **kwargs)


def noise(*shape):
    return RNG.integers(0, 256, shape).astype(np.uint8)


def read(folder, *, image_size=None, channels=None):
    paths = sorted(folder.rglob("*.*"))
    return read_pictures(paths, image_size=image_size, channels=channels)


def test_names_in_notes_are_those_below_the_common_folder(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        save(tmp_path / name / "0.png", noise(3, 3, 4))
    _, (note,) = read(tmp_path)
    assert note.endswith("(cat/0.png, dog/0.png).")


@pytest.mark.parametrize(
    ("values", "white", "said"),
    [
        (np.float32([0.0, 0.25, 1.0, 0.5]), 1.0, "floats, up to 1, taken as 0..1"),
        (np.float32([0.0, 51.0, 255.0, 1.0]), 255, "up to 255, taken as 0..255"),
        (np.int32([0, 51, 255, 102]), 255, "up to 255, taken as bytes, 0..255"),
        (np.uint16([0, 51, 255, 102]), 255, "wider than a byte, up to 255, taken"),
        (np.uint16([0, 819, 4095, 1638]), 4095, "taken as 12 bits, 0..4095"),
        (np.uint16([0, 13107, 65535, 4]), 65535, "taken as 16 bits, 0..65535"),
        (np.int32([0, 13107, 65535, 4]), 65535, "taken as 16 bits, 0..65535"),
    ],
)
def test_pictures_wider_than_a_byte_are_scaled_by_their_range(
    tmp_path, values, white, said
):
    save(tmp_path / "a.tif", values.reshape(2, 2))
    # A dark one is scaled like the others.
    save(tmp_path / "b.tif", (values * 0).reshape(2, 2))
    save(tmp_path / "c.png", np.full((2, 2), 7, np.uint8))
    images, (note,) = read(tmp_path)
    np.testing.assert_allclose(images[0].ravel(), values / white * 255.0, atol=1.0)
    np.testing.assert_array_equal(images[1], 0)
    np.testing.assert_array_equal(images[2], 7)
    assert note.startswith("2 of 3 pictures: ")
    assert note.endswith("(a.tif, b.tif).")
    assert said in note


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.float32([-1.0, 1.0]), r"0\.\.1 or 0\.\.255, got -1 to 1, in .*bad\.tif"),
        (np.float32([0.0, 300.0]), r"got 0 to 300, in .*bad\.tif; save them as bytes"),
        (np.float32([0.0, np.nan]), r"bad\.tif \(it has values that are not finite\)"),
        (np.int32([-1, 3]), r"in 0\.\.65535, got -1 to 3, in .*bad\.tif"),
        (np.int32([0, 70_000]), r"in 0\.\.65535, got 0 to 70000, in .*bad\.tif"),
    ],
)
def test_values_of_no_known_range_are_refused_with_the_file(tmp_path, values, message):
    save(tmp_path / "good.png", np.zeros((1, 2), np.uint8))
    save(tmp_path / "bad.tif", values.reshape(1, 2))
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


def raw_png(depth, color, rows, *, clear=()):
    """A PNG that Pillow reads but does not write.

    Args:
      depth: bits per colour.
      color: 0 for grey, 2 for RGB.
      rows: packed `uint8 [height, bytes]`.
      clear: the transparent colour.
    """
    width = 8 * rows.shape[1] // (depth * (1 if color == 0 else 3))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, len(rows), depth, color, 0, 0, 0)),
        *((b"tRNS", np.asarray(clear, ">u2").tobytes()) for _ in clear[:1]),
        (b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body
        + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )  # fmt: skip


def deep_png(values, *, clear=()):
    """A PNG with 16 bits per grey, `[h, w]`, or per colour, `[h, w, 3]`."""
    rows = values.astype(">u2").reshape(len(values), -1).view(np.uint8)
    return raw_png(16, 2 if values.ndim == 3 else 0, rows, clear=clear)


def test_colours_of_16_bits_that_use_12_are_refused(tmp_path):
    values = RNG.integers(0, 4096, (4, 4, 3))
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(deep_png(values))
    with pytest.raises(ValueError, match=r"2 pictures have 16 bits .* 12 .*a\.png"):
        read(tmp_path)
    (tmp_path / "b.png").write_bytes(deep_png(16 * values + 15))
    images, notes = read(tmp_path)
    np.testing.assert_allclose(images[1], values / 16.0, atol=1.0)
    assert notes == (
        "1 of 2 pictures: 16 bits per colour, of which at most 12 are used, dark "
        "beside the others; save them as bytes if they should not be (a.png).",
    )


def test_colours_of_14_of_16_bits_are_noted(tmp_path):
    for name in ("a.png", "b.png"):
        values = RNG.integers(0, 1 << 14, (8, 8, 3))
        (tmp_path / name).write_bytes(deep_png(values))
    _, (note,) = read(tmp_path)
    assert "2 of 2 pictures: 16 bits per colour, of which at most 14 are used" in note
    assert "the brightest is 63 of 255" in note


def test_float_pictures_of_two_ranges_are_refused(tmp_path):
    for i in range(3):
        save(tmp_path / f"{i}.tif", RNG.random((4, 4), dtype=np.float32))
    save(tmp_path / "black.tif", np.zeros((4, 4), np.float32))
    save(tmp_path / "z.tif", 255 * RNG.random((4, 4), dtype=np.float32))
    with pytest.raises(
        ValueError, match=r"3 of 5 float pictures are in 0\.\.1.*0\.tif.*255.*z\.tif"
    ):
        read(tmp_path)
    (tmp_path / "z.tif").unlink()
    assert read(tmp_path)[0].max() > 200


@pytest.mark.parametrize(("high", "bits"), [(4095, 12), (65535, 16)])
def test_wide_pictures_that_hold_bytes_beside_others_are_named(tmp_path, high, bits):
    for i in range(2):
        save(tmp_path / f"{i}.png", np.uint16([[0, 200 + i]]))
        save(tmp_path / f"wide{i}.png", np.uint16([[0, high]]))
    save(tmp_path / "black.png", np.uint16([[0, 0]]))
    images, (_, note) = read(tmp_path)
    assert images[:2].max() <= 12
    assert note == (
        f"2 of 5 pictures: up to 201 only, dark in {bits} bits, 0..{high}; save them "
        "as bytes if they should not be (0.png, 1.png)."
    )


def test_damaged_exif_data_are_noted_with_the_file(tmp_path, capfd):
    for name in ("a.jpg", "b.jpg"):
        exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0" if name == "a.jpg" else b""
        save(tmp_path / name, noise(4, 4, 3), exif=exif)
    _, (note,) = read(tmp_path)
    assert note.startswith("1 of 2 pictures: Pillow says: Corrupt EXIF data.")
    assert note.endswith("(a.jpg).")
    assert capfd.readouterr().err == ""


def test_transparent_pictures_are_laid_on_white(tmp_path):
    alpha = np.uint8([[0, 255], [51, 255]])
    drawing = np.zeros((2, 2, 4), np.uint8)
    drawing[..., 3] = alpha
    save(tmp_path / "a.png", drawing)
    save(tmp_path / "b.png", drawing[..., 2:])  # grey with opacity
    palette = Image.new("P", (2, 2))
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.putdata([0, 1, 0, 1])
    palette.save(tmp_path / "c.png", transparency=0)
    images, (note,) = read(tmp_path)
    for image in images[:2]:
        np.testing.assert_array_equal(
            image, np.repeat(255 - alpha[..., None], 3, axis=2)
        )
    np.testing.assert_array_equal(images[2][:, 0], 255)
    np.testing.assert_array_equal(images[2][:, 1], [[10, 20, 30]] * 2)
    assert "3 of 3 pictures: an alpha channel, laid on white" in note


@pytest.mark.parametrize("exif", [b"garbage, not a header", b"Exif\0\0II"])
@pytest.mark.parametrize("ending", ["png", "webp"])
def test_pictures_whose_exif_data_cannot_be_read_are_taken(tmp_path, exif, ending):
    picture = np.full((4, 4, 3), 9, np.uint8)
    save(tmp_path / f"a.{ending}", picture, exif=exif)
    save(tmp_path / f"b.{ending}", picture)
    images, notes = read(tmp_path)
    assert abs(images.astype(int) - 9).max() <= 1
    assert notes == (
        "1 of 2 pictures: damaged Exif data, so that it is not known how to turn them "
        f"upright (a.{ending}).",
    )


@pytest.mark.parametrize(
    ("content", "second"),
    [
        (raw_png(2, 0, np.uint8([[0b01_10_00_00]]), clear=(1,)), 170),
        (raw_png(4, 0, np.uint8([[0x12]]), clear=(1,)), 34),
        (raw_png(8, 0, np.uint8([[1, 2]]), clear=(1,)), 2),
        (deep_png(np.array([[300, 25_700]]), clear=(300,)), 100),
        (
            deep_png(
                np.array([[[300, 900, 20_000], [25_700] * 3]]), clear=(300, 900, 20_000)
            ),
            100,
        ),
    ],
    ids=["2 bits", "4 bits", "8 bits", "16 bits", "16 bits per colour"],
)
def test_a_transparent_colour_is_white_in_any_depth(tmp_path, content, second):
    (tmp_path / "a.png").write_bytes(content)
    images, notes = read(tmp_path, channels=1)
    np.testing.assert_array_equal(images[0, 0, :2, 0], [255, second])
    assert "an alpha channel, laid on white" in " ".join(notes)


@pytest.mark.parametrize("name", ["pages.tif", "frames.gif"])
def test_of_several_pages_the_first_is_taken_with_a_word(tmp_path, name):
    pages = [Image.fromarray(np.full((4, 4), 50 * i, np.uint8)) for i in range(3)]
    pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
    save(tmp_path / "one.png", np.zeros((4, 4), np.uint8))
    images, (note,) = read(tmp_path, channels=1)
    assert images.max() == 0
    assert note == (
        f"1 of 2 pictures: several pages, of which the first is taken ({name})."
    )


def test_files_that_cannot_be_read_are_named_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    save(tmp_path / "bomb.png", noise(10, 10))
    save(tmp_path / "good.png", noise(4, 4))
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match="3 of 4 picture files") as error:
        read(tmp_path, image_size=4)
    for part in (
        "bomb.png (more than 40 pixels)",
        "empty.png (it is empty)",
        "text.png (it is no picture)",
    ):
        assert part in str(error.value)
