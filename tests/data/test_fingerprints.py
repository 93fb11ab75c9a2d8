"""Fingerprints of sources: the same for a copy, another one for other data."""

import shutil

import numpy as np
import pytest
from PIL import Image

from kerasgan.data import arrays, fingerprints, folder, npz


@pytest.fixture
def pictures(tmp_path, noise):
    """A folder of 2 classes of 6 pictures."""
    for index, image in enumerate(noise(12)):
        place = tmp_path / "pictures" / "ab"[index % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{index}.bmp")  # all files of one size
    return tmp_path / "pictures"


def _swap(pictures):
    (pictures / "a" / "0.bmp").rename(pictures / "x")
    (pictures / "a" / "2.bmp").rename(pictures / "a" / "0.bmp")
    (pictures / "x").rename(pictures / "a" / "2.bmp")


def _byte(pictures):
    content = bytearray((pictures / "b" / "3.bmp").read_bytes())
    content[-1] ^= 1
    (pictures / "b" / "3.bmp").write_bytes(content)


def _class(pictures):
    (pictures / "a" / "0.bmp").rename(pictures / "b" / "0.bmp")


def _fewer(pictures):
    (pictures / "a" / "0.bmp").unlink()


@pytest.mark.parametrize("change", [_swap, _byte, _class, _fewer])
def test_a_copy_of_a_folder_has_the_same_and_a_changed_one_another(pictures, tmp_path, change):
    copy = shutil.copytree(pictures, tmp_path / "a" / "copy", copy_function=shutil.copyfile)  # with times of its own
    assert folder(copy).fingerprint() == folder(pictures).fingerprint() != folder(pictures, 1).fingerprint()
    change(copy)
    assert folder(copy).fingerprint() != folder(pictures).fingerprint()


def test_arrays_have_that_of_all_their_numbers(noise, tmp_path):
    images, labels = noise(5), np.arange(5)
    one = arrays(images, labels).fingerprint()
    np.savez(tmp_path / "a.npz", x=images, y=labels)
    assert one == arrays(images.copy(), labels.astype(np.uint8)).fingerprint() == npz(tmp_path / "a.npz").fingerprint()
    changed = images.copy()
    changed[3, 2, 1, 0] ^= 1
    others = [
        arrays(changed, labels),
        arrays(images, labels[::-1].copy()),
        arrays(images),
        arrays(images[:4], labels[:4]),
    ]
    assert len({one, *(source.fingerprint() for source in others)}) == 5


def test_of_large_and_many_files_parts_are_read(tmp_path, monkeypatch):
    read = []

    class Counted:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            self.file.close()

        def seek(self, place):
            self.file.seek(place)

        def read(self, size):
            read.append(len(found := self.file.read(size)))
            return found

    files = [tmp_path / f"{index:03d}" for index in range(300)]
    for file in files:
        file.write_bytes(file.name.encode() * 10_000)
    monkeypatch.setattr(fingerprints, "open", lambda file, mode: Counted(open(file, mode)), raising=False)
    one = fingerprints.of_files(tmp_path, files)
    assert len(read) == 4 * 256 and set(read) == {4096}
    files[0].write_bytes(b"x" * 30_001)  # of another size: seen even if it is not read
    assert fingerprints.of_files(tmp_path, files) != one
