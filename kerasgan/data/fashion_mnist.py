"""Fashion-MNIST out of Debian's package `dataset-fashion-mnist`, for machines that cannot reach TFDS's host.

The package's gzip files hold the same compressed bodies as the original ones, but their headers (time and
file name) were stripped, so that TFDS's checksums refuse them. With the header put back all four files have
exactly the sha256 that TFDS expects.
"""

import hashlib
import pathlib
import struct

from kerasgan.utils.atomic_files import written_whole

DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = pathlib.Path("/usr/share/datasets/fashion-mnist")

_TRAIN_TIME = 1504176606
_TEST_TIME = 1504176627
# file name without .gz: (time in the gzip header, sha256 of the original .gz)
_FILES = {
    "train-images-idx3-ubyte": (
        _TRAIN_TIME,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    "train-labels-idx1-ubyte": (
        _TRAIN_TIME,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    "t10k-images-idx3-ubyte": (
        _TEST_TIME,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    "t10k-labels-idx1-ubyte": (
        _TEST_TIME,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
}
_STRIPPED_HEADER = 10


def available(folder=DEBIAN_FOLDER):
    """Whether all four of the package's files are there."""
    return all((pathlib.Path(folder) / f"{name}.gz").is_file() for name in _FILES)


def restore(target, folder=DEBIAN_FOLDER):
    """Write the four original gzip files into the folder `target`, to be TFDS's `manual_dir`.

    Raises:
        ValueError: naming a file of `folder` that does not restore to the original.
    """
    for name, (time, sha256) in _FILES.items():
        packed = pathlib.Path(folder) / f"{name}.gz"
        header = b"\x1f\x8b\x08\x08" + struct.pack("<I", time) + b"\x00\x03" + name.encode() + b"\x00"
        original = header + packed.read_bytes()[_STRIPPED_HEADER:]
        if hashlib.sha256(original).hexdigest() != sha256:
            raise ValueError(f"{packed} is damaged: apt-get install --reinstall {DEBIAN_PACKAGE}")
        with written_whole(pathlib.Path(target) / f"{name}.gz") as beside:
            beside.write_bytes(original)
