"""What the pictures that matplotlib draws share."""

import pathlib
import threading

from kerasgan.utils import atomic_files

_DRAWING = threading.Lock()  # matplotlib is not made for threads


def pyplot():
    """Return matplotlib's pyplot, set to draw without a screen."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def plain(axes):
    """Take a panel's frame away above and on the right, and lay a pale grid under its curves."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)


def save(figure, path) -> pathlib.Path:
    """Write a figure as a PNG file, whole or not at all, and close it; returns the path."""
    with _DRAWING:
        with atomic_files.written_whole(path) as beside:
            figure.savefig(beside, dpi=120, format="png")
        pyplot().close(figure)
    return pathlib.Path(path)
