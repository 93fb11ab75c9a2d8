"""Picture files of every kind that people have: depth, transparency, formats in disguise, and what is no picture."""

import io
import os
import socket
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan.data import folder, load, picture_file, to_uint8


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(rows, bits, colour, *chunks, channels=1):
    """Return a PNG file, written from the specification: each row is a list of samples."""
    packed = b""
    for row in rows:
        text = "".join(format(sample, f"0{bits}b") for sample in row)
        text += "0" * (-len(text) % 8)
        packed += b"\0" + bytes(int(text[place : place + 8], 2) for place in range(0, len(text), 8))
    header = struct.pack(">IIBBBBB", len(rows[0]) // channels, len(rows), bits, colour, 0, 0, 0)
    body = b"".join(chunks) + chunk(b"IDAT", zlib.compress(packed))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def trns(*samples):
    return chunk(b"tRNS", struct.pack(f">{len(samples)}H", *samples))


PALETTE = chunk(b"PLTE", bytes([10, 20, 30, 40, 50, 60, 70, 80, 90]))
GREY, RGB, INDEXED, LA, RGBA = 0, 2, 3, 4, 6
# what it is: the file, and its pixels by the specification, 16 bits rounded to 8
PNGS = {
    "grey of 16 bits": (png([[0, 127, 129, 25700, 65535]], 16, GREY), [[(v, v, v, 255) for v in (0, 0, 1, 100, 255)]]),
    "grey of 16 bits and a clear level": (
        png([[0, 4660, 4661, 65535]], 16, GREY, trns(4660)),
        [[(0, 0, 0, 255), (18, 18, 18, 0), (18, 18, 18, 255), (255, 255, 255, 255)]],
    ),
    "RGB of 16 bits and a clear colour": (
        png([[4660, 22136, 39612, 4661, 22136, 39612]], 16, RGB, trns(4660, 22136, 39612), channels=3),
        [[(18, 86, 154, 0), (18, 86, 154, 255)]],
    ),
    "RGB of 16 bits": (png([[254, 383, 65279]], 16, RGB, channels=3), [[(1, 1, 254, 255)]]),
    "grey and alpha of 16 bits": (
        png([[4660, 65408, 65535, 128, 0, 129]], 16, LA, channels=2),
        [[(18, 18, 18, 255), (255, 255, 255, 0), (0, 0, 0, 1)]],
    ),
    "RGBA of 16 bits": (
        png([[4660, 33023, 127, 65535, 1, 2, 3, 32767]], 16, RGBA, channels=4),
        [[(18, 128, 0, 255), (0, 0, 0, 127)]],
    ),
    "grey and a clear level": (png([[7, 200]], 8, GREY, trns(7)), [[(7, 7, 7, 0), (200, 200, 200, 255)]]),
    "grey of 4 bits and a clear level": (
        png([[7, 15]], 4, GREY, trns(15)),
        [[(119, 119, 119, 255), (255, 255, 255, 0)]],
    ),
    "grey of 2 bits and a clear level": (
        png([[0, 1, 2, 3]], 2, GREY, trns(2)),
        [[(0, 0, 0, 255), (85, 85, 85, 255), (170, 170, 170, 0), (255, 255, 255, 255)]],
    ),
    "grey of 1 bit and a clear level": (png([[0, 1]], 1, GREY, trns(1)), [[(0, 0, 0, 255), (255, 255, 255, 0)]]),
    "RGB and a clear colour": (
        png([[1, 2, 3, 4, 5, 6]], 8, RGB, trns(1, 2, 3), channels=3),
        [[(1, 2, 3, 0), (4, 5, 6, 255)]],
    ),
    "a palette and alpha": (
        png([[0, 1, 2]], 4, INDEXED, PALETTE, chunk(b"tRNS", bytes([0, 128]))),
        [[(10, 20, 30, 0), (40, 50, 60, 128), (70, 80, 90, 255)]],
    ),
    "a palette": (png([[2, 1, 0]], 2, INDEXED, PALETTE), [[(70, 80, 90, 255), (40, 50, 60, 255), (10, 20, 30, 255)]]),
}


@pytest.mark.parametrize("name", PNGS)
def test_depth_and_transparency_of_png_files(tmp_path, name):
    content, pixels = PNGS[name]
    (tmp_path / "x.png").write_bytes(content)
    pixels = np.array(pixels, float)
    np.testing.assert_array_equal(picture_file.decoded(tmp_path / "x.png", 4), pixels)
    alpha = pixels[..., 3:] / 255
    on_white = pixels[..., :3] * alpha + 255 * (1 - alpha)
    assert np.abs(picture_file.decoded(tmp_path / "x.png", 3) - on_white).max() <= 1
    luma = on_white @ (0.299, 0.587, 0.114)
    assert np.abs(picture_file.decoded(tmp_path / "x.png", 1)[..., 0] - luma).max() <= 1.5


def test_sixteen_bits_are_turned_upright_too(tmp_path):
    image = Image.fromarray(np.array([[0], [65535]], np.uint16).repeat(3, 1))
    exif = image.getexif()
    exif[0x0112] = 3
    image.save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(picture_file.decoded(tmp_path / "x.png", 1)[:, 0, 0], [255, 0])


def encoded(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


RED = Image.new("RGB", (6, 4), (250, 10, 20))
FRAMES = [Image.new("RGB", (6, 4), colour) for colour in ("#fa0a14", "blue")]
PICTURES = {
    "CMYK": encoded(RED.convert("CMYK"), "JPEG", quality=95),
    "a palette": encoded(RED.convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
    "an animation": encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]),
    "an animated WebP": encoded(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:], lossless=True),
    "an animated PNG": encoded(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]),
    "two pictures in a JPEG": encoded(FRAMES[0], "MPO", save_all=True, append_images=FRAMES[1:]),
    "progressive": encoded(RED, "JPEG", progressive=True, quality=95),
    "interlaced": png([[250, 10, 20] * 6] * 4, 8, RGB, channels=3),
    "32 bits": encoded(RED.convert("RGBA"), "BMP"),
    "EXIF data that cannot be read": encoded(RED, "JPEG", quality=95, exif=b"Exif\0\0MM\0*\0\0\xff\xff no more"),
    "EXIF data of nothing": encoded(RED, "PNG", exif=b"rubbish"),
    "a colour profile that cannot be read": encoded(RED, "PNG", icc_profile=b"rubbish"),
}


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif"])  # the name need not tell the format
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_other_kinds(tmp_path, name, suffix):
    (tmp_path / f"x.{suffix}").write_bytes(PICTURES[name])
    ((image, _),) = folder(tmp_path).examples
    assert image.shape == (4, 6, 3)
    np.testing.assert_allclose(image, np.broadcast_to((250, 10, 20), (4, 6, 3)), atol=6)
    (grey,) = (image for image, _ in folder(tmp_path, channels=1).examples)
    np.testing.assert_allclose(grey, 83, atol=4)
    (rgba,) = (image for image, _ in folder(tmp_path, channels=4).examples)
    assert (rgba[..., 3].numpy() == 255).all()


def test_a_file_that_would_start_another_program_is_refused(tmp_path, monkeypatch):
    started = tmp_path / "started"
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "gs").write_text(f"#!/bin/sh\ntouch {started}\n")
    (programs / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    (tmp_path / "x").mkdir()
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "x" / "x.png").write_bytes(postscript)
    with pytest.raises(ValueError, match="x.png cannot be read as an image: it is none of PNG, JPEG, WEBP, BMP, GIF"):
        folder(tmp_path / "x")
    with pytest.raises(ValueError, match="x.png cannot be decoded: it is none of PNG"):
        picture_file.decoded(tmp_path / "x" / "x.png", 3)
    assert not started.exists()


@pytest.mark.parametrize("format", ["TIFF", "PPM", "ICO", "PCX", "TGA", "JPEG2000", "PDF"])
def test_other_formats_are_refused_whatever_their_name(tmp_path, format):
    image = Image.fromarray(np.full((8, 8), 0.5, np.float32)) if format == "TIFF" else RED
    try:
        (tmp_path / "x.png").write_bytes(encoded(image, format))
    except (OSError, KeyError):
        pytest.skip(f"Pillow here writes no {format}")
    with pytest.raises(ValueError, match="x.png cannot be read as an image: it is none of PNG"):
        folder(tmp_path)


def a_pipe(path):
    os.mkfifo(path)


def a_socket(path):
    here = os.getcwd()
    os.chdir(path.parent)  # the names of sockets are short
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def a_device(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [a_pipe, a_socket, a_device])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path, make):
    RED.save(tmp_path / "a.png")
    make(tmp_path / "b.png")
    with pytest.raises(ValueError, match="b.png cannot be read as an image: it is no regular file"):
        folder(tmp_path)


def test_a_file_that_becomes_a_pipe_does_not_hang(tmp_path):
    RED.save(tmp_path / "a.png")
    batches = load(folder(tmp_path), 4, batch_size=1, cache=False)
    (tmp_path / "a.png").unlink()
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(tf.errors.OpError, match="a.png cannot be decoded: it is no regular file"):
        next(iter(batches))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path, side):
    header = struct.pack(">IIBBBBB", side, side, 8, GREY, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100))
    (tmp_path / "large.png").write_bytes(content + chunk(b"IEND", b""))
    message = "large.png cannot be read as an image: it has more than 89,478,485 pixels; make it smaller, or raise PIL"
    with pytest.raises(ValueError, match=message):
        folder(tmp_path)


def test_the_limit_of_pixels_can_be_raised(tmp_path, monkeypatch):
    RED.save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 23)
    with pytest.raises(ValueError, match="a.png cannot be read as an image: it has more than 23 pixels"):
        folder(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 24)
    assert folder(tmp_path).count == 1
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert folder(tmp_path).count == 1


def test_links_are_followed_and_circles_of_links_named(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    RED.save(elsewhere / "1.png")
    RED.save(elsewhere / "2.png")
    cats = tmp_path / "data" / "cats"
    cats.mkdir(parents=True)
    (cats / "more").symlink_to(elsewhere)
    (tmp_path / "data" / "dogs").symlink_to(elsewhere)
    source = folder(tmp_path / "data")
    assert [int(label) for _, label in source.examples] == [0, 0, 1, 1]
    (cats / "again").symlink_to(tmp_path / "data")
    with pytest.raises(ValueError, match="the link .*again/cats leads back to .*cats, which it is in"):
        folder(tmp_path / "data")
    (cats / "again").unlink()
    (cats / "self.png").symlink_to("self.png")
    with pytest.raises(ValueError, match="self.png cannot be read as an image: Too many levels of symbolic links"):
        folder(tmp_path / "data")
    (cats / "self.png").unlink()
    (cats / "gone.png").symlink_to("nowhere.png")
    with pytest.raises(ValueError, match="gone.png cannot be read as an image: No such file"):
        folder(tmp_path / "data")


@pytest.mark.parametrize("name", ["two\nlines.png", "\udcff.png", "\x1b[31mred.png"])
def test_odd_names_are_read_and_named_in_one_line(tmp_path, name):
    RED.save(tmp_path / "x.png")
    (tmp_path / "x.png").rename(tmp_path / name)
    assert len(list(folder(tmp_path).examples)) == 1
    (tmp_path / name).write_bytes(b"rubbish")
    with pytest.raises(ValueError, match="cannot be read as an image") as caught:
        folder(tmp_path)
    assert str(caught.value).isprintable()


def test_an_unreadable_picture_of_an_odd_name_is_named_by_the_step_that_reads_it(tmp_path):
    RED.save(tmp_path / "x.png")
    (tmp_path / "x.png").rename(tmp_path / "\udcff\n.png")
    batches = load(folder(tmp_path), 4, batch_size=1, cache=False)
    (tmp_path / "\udcff\n.png").write_bytes(b"rubbish")
    with pytest.raises(tf.errors.OpError, match=r"\\udcff\\n.png' cannot be decoded"):
        next(iter(batches))


def test_grey_and_alpha_is_resized_as_pillow_resizes_it(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (24, 24, 2), dtype=np.uint8)
    pixels[..., 1] = rng.choice([0, 255], (6, 6)).repeat(4, 0).repeat(4, 1)
    image = Image.fromarray(pixels, "LA")
    image.save(tmp_path / "x.png")
    theirs = np.asarray(image.convert("La").resize((9, 9), Image.BILINEAR).convert("LA")).astype(float)
    ours = np.asarray(to_uint8(next(iter(load(folder(tmp_path, channels=4), 9, batch_size=1)))))[0].astype(float)
    assert np.abs(ours[..., 3] - theirs[..., 1]).max() <= 1
    assert (np.abs(ours[..., 0] - theirs[..., 0]) * theirs[..., 1] / 255).max() <= 2
    np.testing.assert_array_equal(ours[..., 0], ours[..., 2])


def test_a_picture_that_is_cut_off_is_named_with_a_reason(tmp_path):
    content = encoded(Image.effect_noise((64, 64), 50), "GIF")
    (tmp_path / "x.gif").write_bytes(content[:60])
    with pytest.raises(ValueError, match=r"x.gif cannot be decoded: \w+"):
        picture_file.decoded(tmp_path / "x.gif", 1)
