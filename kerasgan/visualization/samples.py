"""How what a model makes is shown: images as a grid, points as their places, lines of text as text."""

import pathlib

import numpy as np

from kerasgan.utils import atomic_files
from kerasgan.visualization import image_grid, plots


def are_images(model):
    """Whether a `Sampler` makes images, neither points nor lines of text."""
    return model.vocabulary is None and len(model.image_shape) > 1


def suffix(model):
    """Return how the name of a file of a model's samples ends: ".txt" of text, else ".png"."""
    return ".png" if model.vocabulary is None else ".txt"


def picture(model, samples, columns=None):
    """Return samples as a picture.

    Args:
        model: the `Sampler` that made them.
        samples: as `model.sample` gives them.
        columns: images a row; as for `image_grid.grid`.

    Returns:
        `PIL.Image.Image`.
    """
    if model.vocabulary is not None:
        return image_grid.lines(model.vocabulary.decode(samples))
    return image_grid.grid(samples, columns) if are_images(model) else plots.points(np.asarray(samples))


def save(path, model, samples, columns=None):
    """Write samples to a file, whole or not at all: lines as text in UTF-8, all else as `image_grid.save` does."""
    if model.vocabulary is None:
        image_grid.save(path, picture(model, samples, columns))
        return
    lines = model.vocabulary.decode(samples)
    with atomic_files.written_whole(path) as beside:
        pathlib.Path(beside).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
