"""What tells the images of one source from those of another: a digest of their content, or of what changes with it."""

import hashlib
import os
import pathlib

import numpy as np


def of_files(folder, files, *settings) -> str:
    """Return a digest of files: their paths in a folder, sizes, and times of change, none of which needs reading them.

    A file that is rewritten has other times, even if its size is the same and its time of modification is put back.

    Args:
        folder: the folder that paths are relative to.
        files: paths.
        settings: what else makes other images of them, of which `repr` tells all.
    """
    digest = hashlib.sha256(repr(settings).encode())
    for file in files:
        status = os.stat(file)
        name = os.fsencode(pathlib.Path(file).relative_to(folder))
        digest.update(repr((name, status.st_size, status.st_mtime_ns, status.st_ctime_ns)).encode())
    return digest.hexdigest()


def of_arrays(*tensors) -> str:
    """Return a digest of the shapes, types and bytes of tensors."""
    digest = hashlib.sha256()
    for values in map(np.ascontiguousarray, tensors):
        digest.update(repr((values.shape, values.dtype.str)).encode())
        digest.update(values.data)
    return digest.hexdigest()
