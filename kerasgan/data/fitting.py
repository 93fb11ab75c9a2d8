"""What size, channels and classes go with somebody's pictures: for recipes that take them from the pictures."""

import concurrent.futures
import dataclasses
import pathlib
import warnings

import numpy as np

from kerasgan.data import bucket, folder_source, npz_source, picture_file
from kerasgan.data.picture_file import shown

SIZES = (64, 32)  # that pictures are made
_LEAST = 16  # pixels of the shorter side: fewer would be blown up to more than twice as many
_GREY = ("1", "L", "LA", "I", "I;16")


@dataclasses.dataclass(frozen=True)
class Fitting:
    """What goes with pictures.

    Attributes:
        size: height and width that they are made.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA).
        classes: number of classes, or `None` for none.
        count: of pictures.
        shorter: the shortest and the longest of their shorter sides, pixels.
    """

    size: int
    channels: int
    classes: int | None
    count: int
    shorter: tuple[int, int]

    def __str__(self):
        kind = {1: "grey", 3: "in colour", 4: "in colour with transparency"}[self.channels]
        classes = "no classes" if self.classes is None else f"{self.classes} classes"
        low, high = self.shorter
        sides = f"{low}" if low == high else f"{low} to {high}"
        return (
            f"{self.count:,} pictures, {kind}, {classes}; shorter sides of {sides} pixels: made {self.size} x "
            f"{self.size}"
        )


def of(path):
    """Look at all pictures of a folder or an `.npz` file.

    The size is the largest of 64 and 32 that half of the shorter sides have, or 32. Pictures are grey if all are stored
    as grey; they have transparency if half of them have a pixel that is not opaque. Two or more subfolders, or labels
    of two or more classes, are classes.

    Args:
        path: see `kerasgan.data.folder` and `kerasgan.data.npz`.

    Returns:
        `Fitting`.

    Raises:
        FileNotFoundError: if there is nothing at the path.
        ValueError: as for a source of the path, or naming a picture with fewer than 16 pixels a side. Some transparent
            pictures among others only warn: they are shown on white.
    """
    path = pathlib.Path(bucket.local(path)).expanduser()
    if str(path).endswith(".npz"):
        return _of_arrays(npz_source.npz(path))
    source = folder_source.folder(path)  # which checks all files
    files, _, classes = folder_source.listed(path)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        sides, greys, transparent = zip(*pool.map(_looked_at, files))
    small = int(np.argmin(sides))
    _check_side(sides[small], shown(files[small]))
    clear = sum(transparent)
    if clear * 2 >= len(files):
        channels = 4
    else:
        channels = 1 if all(greys) else 3
        if clear:
            warnings.warn(
                f"path: {clear} of {len(files)} pictures of {shown(path)} have transparent pixels, which are shown on "
                "white; where half of them have, transparency is learned too",
                stacklevel=2,
            )
    return Fitting(_size(sides), channels, _classes(classes), source.count, (min(sides), max(sides)))


def _of_arrays(source):
    side = min(source.examples.element_spec[0].shape[:2])
    _check_side(side, f"images of {source.name}")
    return Fitting(_size([side]), source.channels, _classes(source.class_names), source.count, (side, side))


def _check_side(side, what):
    if side < _LEAST:
        raise ValueError(f"path: expected pictures of at least {_LEAST} pixels a side; {what} has {side}")


def _size(sides):
    return next((size for size in SIZES if np.median(sides) >= size), SIZES[-1])


def _classes(names):
    return len(names) if names is not None and len(names) > 1 else None


def _looked_at(file):
    """The shorter side, whether it is grey, and whether it has a pixel that is not opaque."""
    with picture_file.opened(file) as image:
        side, grey, alpha = min(image.size), image.mode in _GREY, image.has_transparency_data
    return side, grey, alpha and bool((picture_file.decoded(file, 4)[..., 3] < 255).any())
