"""What the pictures that matplotlib draws share."""

import pathlib
import threading

from kerasgan.utils import atomic_files

_DRAWING = threading.Lock()  # matplotlib is not made for threads


def new(size):
    """Return an empty `matplotlib.figure.Figure`, its width and height in inches.

    It is none of pyplot's, whose figures and whose way to show them, as in a notebook, are the user's.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def plain(axes):
    """Take a panel's frame away above and on the right, and lay a pale grid under its curves."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def save(figure, path) -> pathlib.Path:
    """Write a figure as a PNG file, whole or not at all; returns the path."""
    with atomic_files.written_whole(path) as beside:
        write(figure, beside, 120)
    return pathlib.Path(path)


def write(figure, file, dots):
    """Write a figure as PNG into a file, a path or an open one, with so many dots an inch."""
    with _DRAWING:
        figure.savefig(file, dpi=dots, format="png")
