import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan.data import folder, load


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.squeeze(array)).save(path, **options)


def images_of(source):
    return [image for image, _ in source.examples.as_numpy_iterator()]


def test_flat_folder_of_several_sizes_in_sorted_order(tmp_path, noise):
    big, small = noise(1, 9)[0], noise(2, 5)[0]
    save(tmp_path / "b.PNG", small)
    save(tmp_path / "a.bmp", big)
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    source = folder(tmp_path)
    first, second = images_of(source)
    np.testing.assert_array_equal(first, big)
    np.testing.assert_array_equal(second, small)
    assert [int(label) for _, label in source.examples] == [-1, -1]
    assert (source.count, source.class_names, source.name) == (2, None, tmp_path.name)
    assert source.examples.element_spec[0].shape.as_list() == [None, None, 3]


def test_the_folder_that_one_is_in_has_its_name(tmp_path, monkeypatch):
    save(tmp_path / "garments" / "a.png", np.zeros((2, 2), np.uint8))
    monkeypatch.chdir(tmp_path / "garments")
    assert folder(".").name == "garments"


def test_one_folder_a_class_at_any_depth(tmp_path, numbered):
    images = numbered(4)
    save(tmp_path / "Zebra" / "deep" / "er" / "0.png", images[0])
    save(tmp_path / "ape" / "2.png", images[2])
    save(tmp_path / "ape" / "1.png", images[1])
    save(tmp_path / "Zebra" / "3.png", images[3])
    (tmp_path / ".git").mkdir()
    source = folder(tmp_path, channels=1)
    assert source.class_names == ("Zebra", "ape")
    got = [(int(image[0, 0, 0]), int(label)) for image, label in source.examples]
    assert got == [(3, 0), (0, 0), (1, 1), (2, 1)]


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "webp", "bmp", "gif"])
def test_every_format(tmp_path, suffix):
    grey = np.full((6, 5), 119, np.uint8)
    save(tmp_path / f"x.{suffix}", grey)
    (image,) = images_of(folder(tmp_path))
    assert image.shape == (6, 5, 3)
    np.testing.assert_allclose(image, 119, atol=2)


def test_transparency_is_shown_on_white(tmp_path):
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0] = [[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 51]]
    Image.fromarray(pixels).save(tmp_path / "x.png")
    (rgb,) = images_of(folder(tmp_path))
    np.testing.assert_array_equal(rgb[0], [[200, 100, 0], [255, 255, 255], [244, 224, 204]])
    (rgba,) = images_of(folder(tmp_path, channels=4))
    np.testing.assert_array_equal(rgba, pixels)
    (grey,) = images_of(folder(tmp_path, channels=1))
    np.testing.assert_array_equal(grey[0, :, 0], [118, 255, 228])


def test_sixteen_bit_grey_is_scaled(tmp_path):
    levels = np.array([[0, 257, 257 * 128, 65335, 65535]], np.uint16)
    Image.fromarray(levels).save(tmp_path / "x.png")
    (image,) = images_of(folder(tmp_path, channels=1))
    np.testing.assert_array_equal(image[0, :, 0], [0, 1, 128, 254, 255])


def test_photographs_are_turned_upright(tmp_path):
    image = Image.fromarray(np.repeat(np.array([[0], [255]], np.uint8), 3, axis=1))
    exif = image.getexif()
    exif[0x0112] = 3  # upside down
    image.save(tmp_path / "x.png", exif=exif)
    (upright,) = images_of(folder(tmp_path, channels=1))
    np.testing.assert_array_equal(upright[:, 0, 0], [255, 0])


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=f"no images in {tmp_path}"):
        folder(tmp_path)
    save(tmp_path / "cats" / "a.png", np.zeros((2, 2), np.uint8))
    (tmp_path / "dogs").mkdir()
    with pytest.raises(ValueError, match=f"no images in {tmp_path / 'dogs'}; expected .* there, or no such folder"):
        folder(tmp_path)


def test_what_macos_puts_into_archives_is_no_class(tmp_path):
    save(tmp_path / "cats" / "a.png", np.zeros((2, 2), np.uint8))
    (tmp_path / "__MACOSX").mkdir()
    assert folder(tmp_path).class_names == ("cats",)


def test_files_beside_class_folders(tmp_path):
    save(tmp_path / "cats" / "a.png", np.zeros((2, 2), np.uint8))
    save(tmp_path / "b.png", np.zeros((2, 2), np.uint8))
    with pytest.raises(ValueError, match=r"both class folders and files \(cats/ and b.png\)"):
        folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("notes.txt", b"hello", "notes.txt is not an image"),
        ("fake.png", b"hello", "fake.png cannot be read as an image"),
        ("empty.jpg", b"", "empty.jpg cannot be read as an image: it is empty"),
    ],
)
def test_a_file_that_is_no_image_is_named(tmp_path, name, content, message):
    save(tmp_path / "good.png", np.zeros((2, 2), np.uint8))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        folder(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_file_is_named_when_it_is_read(tmp_path, noise, suffix):
    for name in ("a", "b", "c"):
        save(tmp_path / f"{name}.{suffix}", noise(1, 64)[0])
    broken = tmp_path / f"b.{suffix}"
    broken.write_bytes(broken.read_bytes()[:-2000])
    batches = load(folder(tmp_path), image_size=16, batch_size=3)
    with pytest.raises(tf.errors.OpError, match=f"b.{suffix} cannot be decoded"):
        next(iter(batches))


def test_a_file_removed_later_is_named(tmp_path, noise):
    save(tmp_path / "gone.png", noise(1)[0])
    batches = load(folder(tmp_path), image_size=8, batch_size=1)
    (tmp_path / "gone.png").unlink()
    with pytest.raises(tf.errors.OpError, match="gone.png"):
        next(iter(batches))


def test_a_file_name_that_is_not_utf8(tmp_path, noise):
    image = noise(1)[0]
    save(tmp_path / "x.png", image)
    (tmp_path / "x.png").rename(tmp_path / "\udcff\udcfe é.png")
    (got,) = images_of(folder(tmp_path))
    np.testing.assert_array_equal(got, image)


@pytest.mark.parametrize("channels", [2, 0, True, "3", None])
def test_channels(tmp_path, channels):
    with pytest.raises(ValueError, match="^channels: expected one of 1, 3, 4"):
        folder(tmp_path, channels)
