"""Pictures: grids of images, single images, lines of text, as PNG files. The client has this file too."""

import math
import numbers
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..utils import atomic_files

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_QUALITY: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
_SMALLEST_WIDTH = 512
_MOST_CLASSES = 16  # a column each
_LETTERS, _PITCH = 16, 22  # of lines of text, in pixels
_MOST_LINES = 24  # in one column


def grid(images: np.ndarray, columns: int | None = None) -> Image.Image:
    """Lay images out in rows on a white ground, small ones enlarged by whole pixels.

    Args:
        images: uint8 array [N, H, W, C], C one of 1, 3, 4.
        columns: images a row; the square root of N, rounded up, by default.

    Returns:
        `PIL.Image.Image`, at least 512 pixels wide.

    Raises:
        ValueError: if `images` is no such array.
    """
    images = _checked(images)
    count, height, width, channels = images.shape
    boxes, (sheet_width, sheet_height), scale = cells(count, height, width, columns)
    sheet = np.full((sheet_height, sheet_width, channels), 255, np.uint8)
    for image, (left, top, right, bottom) in zip(images, boxes):
        sheet[top:bottom, left:right] = image.repeat(scale, axis=0).repeat(scale, axis=1)
    return Image.fromarray(sheet[:, :, 0] if channels == 1 else sheet)


def _checked(images):
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images) or images.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"images: expected uint8 [N, H, W, C] with C one of 1, 3, 4; got {images.dtype} {images.shape}"
        )
    return images


def cells(count, height, width, columns=None):
    """Return where `grid` puts images: their boxes (left, top, right, bottom), the sheet's (width, height), the scale.

    Args:
        count: number of images.
        height: of an image, in its own pixels.
        width: of an image.
        columns: images a row; the square root of `count`, rounded up, by default.
    """
    if columns is None:
        columns = math.ceil(math.sqrt(count))
    elif not isinstance(columns, int) or columns < 1:
        raise ValueError(f"columns: expected an integer of at least 1; got {columns!r}")
    rows = math.ceil(count / columns)
    gap = max(1, width // 16)
    size = columns * (width + gap) + gap, rows * (height + gap) + gap
    scale = max(1, math.ceil(_SMALLEST_WIDTH / size[0]))
    corners = [(gap + i % columns * (width + gap), gap + i // columns * (height + gap)) for i in range(count)]
    boxes = [(scale * x, scale * y, scale * (x + width), scale * (y + height)) for x, y in corners]
    return boxes, (scale * size[0], scale * size[1]), scale


def tiles(images, columns):
    """Lay images out in rows, one white pixel apart.

    Args:
        images: uint8 array [N, H, W, 1].
        columns: images a row.

    Returns:
        uint8 array [rows * (H + 1) - 1, columns * (W + 1) - 1].
    """
    rows = -(-len(images) // columns)
    height, width = images.shape[1] + 1, images.shape[2] + 1
    sheet = np.full((rows * height - 1, columns * width - 1), 255, "uint8")
    for index, image in enumerate(images):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + height - 1, left : left + width - 1] = image[:, :, 0]
    return sheet


def class_columns(num_classes: int | None) -> int | None:
    """Return the columns of a grid of the classes in turn: one a class, or `None` without classes or with many."""
    return num_classes if num_classes and num_classes <= _MOST_CLASSES else None


def save_grid(path: str | os.PathLike[str], images: np.ndarray, columns: int | None = None) -> pathlib.Path:
    """Write `grid(images, columns)` as a picture of the kind that the file's ending says, whole or not at all.

    Args:
        path: a file ending in one of `FORMATS`: .png, .jpg, .jpeg, .webp; WebP is lossless here, JPEG is not and knows
            no transparency.
        images: see `grid`.
        columns: see `grid`.

    Returns:
        Its path.

    Raises:
        ValueError: if the file ends otherwise, or the images cannot be such a picture.
    """
    return save(path, grid(images, columns))


def save(path, picture):
    """Write a `PIL.Image.Image` as `save_grid` does; returns its path."""
    path = pathlib.Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"path: expected a file ending in {', '.join(FORMATS)}; got {path.name}")
    kind = FORMATS[path.suffix.lower()]
    if kind == "JPEG" and picture.mode == "RGBA":
        raise ValueError(f"path: expected .png or .webp, as JPEG knows no transparency; got {path.name}")
    with atomic_files.written_whole(path) as beside:
        picture.save(beside, format=kind, **_QUALITY.get(kind, {}))
    return path


def save_animation(path: str | os.PathLike[str], images: np.ndarray, frames_per_second: float = 12) -> pathlib.Path:
    """Write images as a GIF that goes through them without end, small ones enlarged; whole or not at all.

    A GIF has 256 colours a frame, and times of hundredths of a second: 12 frames a second are 12.5.

    Args:
        path: a file ending in .gif.
        images: uint8 array [N, H, W, C], C one of 1, 3, 4.
        frames_per_second: a number from 1 to 50.

    Returns:
        Its path.

    Raises:
        ValueError: if an argument is none of the above.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() != ".gif":
        raise ValueError(f"path: expected a file ending in .gif; got {path.name}")
    if not (isinstance(frames_per_second, numbers.Real) and 1 <= frames_per_second <= 50):
        raise ValueError(f"frames_per_second: expected a number from 1 to 50; got {frames_per_second!r}")
    frames = [grid(image[None], 1) for image in _checked(images)]
    with atomic_files.written_whole(path) as beside:
        each = 10 * round(100 / frames_per_second)
        frames[0].save(beside, format="GIF", save_all=True, append_images=frames[1:], duration=each, loop=0)
    return path


def lines(text: Sequence[str]) -> Image.Image:
    """Write lines on a white ground, in letters of one width; more than 24 of them in two columns.

    Args:
        text: list of strings.

    Returns:
        `PIL.Image.Image`, grey.
    """
    font = _of_one_width(_LETTERS)
    columns = 2 if len(text) > _MOST_LINES else 1
    rows = math.ceil(len(text) / columns)
    column = math.ceil(max((font.getlength(line) for line in text), default=0)) + 2 * _LETTERS
    sheet = Image.new("L", (max(_SMALLEST_WIDTH, columns * column), _PITCH * (rows + 1)), 255)
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(text):
        place = _LETTERS + number // max(rows, 1) * column, _PITCH * (number % max(rows, 1) + 0.5)
        pen.text(place, line, fill=0, font=font)
    return sheet


def _of_one_width(size):
    try:
        import matplotlib
    except ImportError:  # kerasgan-client alone, which writes no text
        return ImageFont.load_default(size)
    return ImageFont.truetype(os.path.join(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSansMono.ttf"), size)


def save_each(folder: str | os.PathLike[str], images: np.ndarray) -> list[pathlib.Path]:
    """Write each image of uint8 [N, H, W, C] to `folder/00000.png`, `00001.png`, ...; returns the paths.

    Raises:
        ValueError: if `images` is no such array.
        FileExistsError: if other pictures are there, which would be taken for some of these.
    """
    images = _checked(images)
    paths: list[pathlib.Path] = []
    names = {f"{index:05d}.png" for index in range(len(images))}
    others = sorted(path.name for path in pathlib.Path(folder).glob("*.png") if path.name not in names)
    if others:
        raise FileExistsError(
            f"{folder}: expected a folder without other pictures; {len(others)} are there, such as {others[0]}"
        )
    for index, image in enumerate(images):
        path = pathlib.Path(folder) / f"{index:05d}.png"
        with atomic_files.written_whole(path) as beside:
            Image.fromarray(image[:, :, 0] if image.shape[-1] == 1 else image).save(beside, format="PNG")
        paths.append(path)
    return paths
