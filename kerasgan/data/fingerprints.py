"""Fingerprints of a source's content, by which a resumed run knows its data again, also from a copy elsewhere."""

import hashlib
import os
import pathlib

import numpy as np

_FILES = 256  # that are looked into
_BLOCKS, _BLOCK = 4, 4096  # places in each, and bytes there


def of_files(folder, files, *settings) -> str:
    """Return a digest of files: their paths in a folder and sizes, and parts of the content of some.

    Which files and parts is decided by hashes of the paths, so it takes a moment however many there are. Times of
    change do not count: a copy has the same fingerprint.

    Args:
        folder: the folder that paths are relative to.
        files: paths.
        settings: what else makes other data of them, of which `repr` tells all.
    """
    digest = hashlib.sha256(repr(settings).encode())
    keyed = []
    for file in files:
        size = os.stat(file).st_size
        key = hashlib.sha256(os.fsencode(pathlib.Path(file).relative_to(folder)) + b"\0%d" % size).digest()
        digest.update(key)
        keyed.append((key, os.fspath(file), size))
    for key, file, size in sorted(keyed)[:_FILES]:
        with open(file, "rb") as opened:
            for start in np.frombuffer(key, np.uint64)[:_BLOCKS] % np.uint64(max(1, size - _BLOCK + 1)):
                opened.seek(int(start))
                digest.update(opened.read(_BLOCK))
    return digest.hexdigest()[:16]


def of_times(folder, files, *settings) -> str:
    """Return a digest of files that is another one whenever one of them was written: their paths, sizes and times.

    The files are not read. A file whose time of modification is put back is seen all the same, as the time at which its
    inode changed is not. A copy has another digest.

    Args:
        folder: the folder that paths are relative to.
        files: paths.
        settings: as for `of_files`.
    """
    digest = hashlib.sha256(repr(settings).encode())
    for file in files:
        status = os.stat(file)
        name = os.fsencode(pathlib.Path(file).relative_to(folder))
        digest.update(repr((name, status.st_size, status.st_mtime_ns, status.st_ctime_ns)).encode())
    return digest.hexdigest()


def of_arrays(*arrays) -> str:
    """Return the first 16 digits of the SHA-256 of arrays, their types and shapes."""
    digest = hashlib.sha256()
    for array in map(np.asarray, arrays):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]
