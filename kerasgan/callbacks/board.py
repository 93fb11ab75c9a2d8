"""TensorBoard's event files, to which several callbacks write."""

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from kerasgan.utils.annotations import Path

_WRITERS: weakref.WeakValueDictionary[str, tf.summary.SummaryWriter] = weakref.WeakValueDictionary()


class Board:
    """Writes numbers, pictures and text to a folder of TensorBoard's, each at once.

    All boards of a folder write to one file: a TensorBoard that watches the folder may follow its newest file alone.

    Args:
        folder: where the event files go, made with the first value; or `None`, to write nothing.
    """

    def __init__(self, folder: Path | None):
        self._folder = None if folder is None else str(folder)
        self._writer: Any = None

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write numbers by their names."""
        self._write(step, lambda: [tf.summary.scalar(name, value) for name, value in values.items()])

    def picture(self, step: int, name: str, picture: Image.Image) -> None:
        """Write a picture, pixel for pixel."""
        pixels = np.asarray(picture)
        pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
        self._write(step, lambda: tf.summary.image(name, pixels[None]))

    def lines(self, step: int, name: str, lines: Sequence[str]) -> None:
        """Write lines of text, as they are."""
        self._write(step, lambda: tf.summary.text(name, "\n".join(f"    {line}" for line in lines)))  # Markdown's code

    def _write(self, step, write):
        if self._folder is None:
            return
        self._writer = self._writer or _writer(self._folder)
        with self._writer.as_default(step=step):
            write()
        self._writer.flush()


def _writer(folder: str) -> Any:
    found = _WRITERS.get(folder)
    if found is None:
        found = _WRITERS[folder] = tf.summary.create_file_writer(folder)
    return found
