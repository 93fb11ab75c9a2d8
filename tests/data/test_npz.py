"""Images of an .npz file."""

import pathlib

import numpy as np
import pytest

from kerasgan import data

GARMENTS = pathlib.Path(__file__).parent / "clothing64_first.npz"


def examples(source):
    return [(image.numpy(), int(label)) for image, label in source.examples]


def test_images_labels_and_names(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)
    np.savez(tmp_path / "plain.npz", x=images)
    np.savez(tmp_path / "numbers.npz", x=images, y=np.array([1, 0, 1, 0, 1]), classes=np.array(["a", "b"]))
    np.savez_compressed(tmp_path / "names.npz", x=images, y=np.array(["cat", "ape", "cat", "dog", "ape"]))
    plain, numbers, names = (data.npz(tmp_path / f"{name}.npz") for name in ("plain", "numbers", "names"))
    assert (plain.class_names, plain.count, plain.name, plain.channels) == (None, 5, "plain", 3)
    assert numbers.class_names == ("a", "b") and [label for _, label in examples(numbers)] == [1, 0, 1, 0, 1]
    assert names.class_names == ("ape", "cat", "dog") and [label for _, label in examples(names)] == [1, 0, 1, 2, 0]
    for source in (plain, numbers, names):
        np.testing.assert_array_equal([image for image, _ in examples(source)], images)


def test_bad_files_are_named(tmp_path):
    np.savez(tmp_path / "other.npz", z=np.zeros(3))
    np.savez(tmp_path / "objects.npz", x=np.array([{}, None], dtype=object))
    (tmp_path / "text.npz").write_text("no arrays")
    np.save(tmp_path / "single.npy", np.zeros(3))
    (tmp_path / "single.npz").write_bytes((tmp_path / "single.npy").read_bytes())
    for name, said in (
        ("other", "has no array x of images; it has 'z'"),
        ("objects", "no readable .npz"),
        ("text", "no readable .npz"),
        ("single", "no readable .npz"),
    ):
        with pytest.raises(ValueError, match=f"{name}.npz.*{said}|{name}.npz is {said}"):
            data.npz(tmp_path / f"{name}.npz")
    with pytest.raises(FileNotFoundError, match="no file at"):
        data.npz(tmp_path / "absent.npz")


def test_photographs_of_garments_are_read():
    source = data.npz(GARMENTS)
    assert (source.count, source.channels, len(source.class_names)) == (17, 3, 17)
    assert source.class_names[:3] == ("Blazer", "Blouse", "Body") and source.class_names[-1] == "Undershirt"
    images, labels = zip(*examples(source))
    assert labels == tuple(range(17))
    np.testing.assert_array_equal(images, np.load(GARMENTS)["x"])


def test_names_as_bytes_are_names(tmp_path):
    """As `numpy.savez` writes them of programs that do not know Unicode strings."""
    images = np.random.default_rng(0).integers(0, 256, (4, 4, 4, 1), dtype=np.uint8)
    names = [name.encode() for name in ("boots", "m\u00fctzen")]
    np.savez(tmp_path / "numbers.npz", x=images, y=[0, 1, 0, 1], classes=names)
    np.savez(tmp_path / "names.npz", x=images, y=[names[1], names[0], names[1], names[0]])
    for name, labels in (("numbers", [0, 1, 0, 1]), ("names", [1, 0, 1, 0])):
        source = data.npz(tmp_path / f"{name}.npz")
        assert source.class_names == ("boots", "m\u00fctzen")
        assert [label for _, label in examples(source)] == labels


def test_names_twice_are_refused(tmp_path):
    images = np.zeros((2, 4, 4, 1), np.uint8)
    np.savez(tmp_path / "both.npz", x=images, y=["a", "b"], classes=["a", "b", "c"])
    with pytest.raises(ValueError, match="both.npz: expected y of names, or numbers and classes"):
        data.npz(tmp_path / "both.npz")
