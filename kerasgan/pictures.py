"""Pictures: grids of images, single images and loss curves, as PNG files."""

import math
import pathlib

import numpy as np
from PIL import Image

from . import figures, files, json_lines

_SMALLEST_WIDTH = 512


def grid(images, columns=None):
    """Lay images out in rows on a white ground, small ones enlarged by whole pixels.

    Args:
        images: uint8 array [N, H, W, C], C one of 1, 3, 4.
        columns: images a row; the square root of N, rounded up, by default.

    Returns:
        `PIL.Image.Image`, at least 512 pixels wide.

    Raises:
        ValueError: if `images` is no such array.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images) or images.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"images: expected uint8 [N, H, W, C] with C one of 1, 3, 4; got {images.dtype} {images.shape}"
        )
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    gap = max(1, width // 16)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), 255, np.uint8)
    for index, image in enumerate(images):
        top = gap + (index // columns) * (height + gap)
        left = gap + (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = image
    scale = max(1, math.ceil(_SMALLEST_WIDTH / sheet.shape[1]))
    sheet = sheet.repeat(scale, axis=0).repeat(scale, axis=1)
    return Image.fromarray(sheet[:, :, 0] if channels == 1 else sheet)


def save_grid(path, images, columns=None):
    """Write `grid(images, columns)` as a PNG file, whole or not at all; returns its path."""
    picture = grid(images, columns)
    with files.written_whole(path) as beside:
        picture.save(beside, format="PNG")
    return pathlib.Path(path)


def save_each(folder, images):
    """Write each image of uint8 [N, H, W, C] to `folder/00000.png`, `00001.png`, ...; returns the paths."""
    paths = []
    for index, image in enumerate(images):
        path = pathlib.Path(folder) / f"{index:05d}.png"
        with files.written_whole(path) as beside:
            Image.fromarray(image[:, :, 0] if image.shape[-1] == 1 else image).save(beside, format="PNG")
        paths.append(path)
    return paths


def plot_losses(metrics_file, path):
    """Draw every number of a run's `metrics.jsonl` over the training steps.

    Args:
        metrics_file: JSON lines, each an object with `step` and numbers by name.
        path: PNG file to write.

    Returns:
        The path, or `None` if there are fewer than two lines.
    """
    rows = json_lines.read(metrics_file)
    if len(rows) < 2:
        return None
    names = [name for name in rows[0] if name not in ("step", "seconds", "images_per_second")]
    figure, axes = figures.pyplot().subplots(figsize=(8, 4.5), layout="constrained")
    for name in names:
        axes.plot([row["step"] for row in rows], [row[name] for row in rows], label=name.replace("_", " "), lw=1.2)
    axes.set(xlabel="generator steps", ylabel="loss", title="losses")
    figures.plain(axes)
    axes.legend(frameon=False)
    return figures.save(figure, path)
