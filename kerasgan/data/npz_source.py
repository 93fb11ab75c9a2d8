"""Images of a NumPy file."""

import dataclasses
import pathlib
import zipfile

import numpy as np

from kerasgan.data import bucket
from kerasgan.data.array_source import arrays
from kerasgan.data.source import Source
from kerasgan.utils import classes
from kerasgan.utils.annotations import Path
from kerasgan.utils.messages import shortened


def npz(path: Path) -> Source:
    """Images, and perhaps labels, of an `.npz` file: `x`, the images, `y`, a class each, and `classes`, their names.

    Args:
        path: the file, or its address in a bucket, see `kerasgan.data.bucket.local`. `x` is as `images` of `arrays`;
            `y`, where there is one, holds integers, or names, which are numbered in sorted order; `classes`, where
            there is one, names the integers.

    Returns:
        A `Source`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is none of arrays, has no `x`, or holds pickled objects; or as `arrays`.
    """
    path = pathlib.Path(bucket.local(path)).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"path: no file at {path}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"path: {path} is no readable .npz file: expected the ZIP archive that numpy.savez writes")
    try:
        with np.load(path, allow_pickle=False) as file:
            there = list(file)
            known = {name: file[name] for name in ("x", "y", "classes") if name in file}
    except (ValueError, TypeError, OSError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise ValueError(f"path: {path} is no readable .npz file: {shortened(error)}") from error
    if "x" not in known:
        raise ValueError(f"path: {path} has no array x of images; it has {classes.listed(there)}")
    labels, names = (
        np.char.decode(array, "utf-8") if array is not None and array.dtype.kind == "S" else array
        for array in (known.get("y"), known.get("classes"))
    )
    if labels is not None and labels.dtype.kind == "U":
        if names is not None:
            raise ValueError(f"{path}: expected y of names, or numbers and classes; got names and classes")
        names, labels = np.unique(labels, return_inverse=True)
    try:
        source = arrays(known["x"], labels, None if names is None else [str(name) for name in names])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return dataclasses.replace(source, name=path.stem)
