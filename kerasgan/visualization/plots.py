"""Pictures that matplotlib draws: loss curves, points of the plane."""

import io

import numpy as np
from PIL import Image

from kerasgan.utils import json_lines
from kerasgan.visualization import figures


def plot_losses(metrics_file, path):
    """Draw every number of a run's `metrics.jsonl` over the training steps.

    Args:
        metrics_file: JSON lines, each an object with `step` and numbers by name, of which a line may lack some.
        path: PNG file to write.

    Returns:
        The path, or `None` if there are fewer than two lines.
    """
    rows = json_lines.read(metrics_file)
    if len(rows) < 2:
        return None
    names = dict.fromkeys(name for row in rows for name in row)  # a line lacks what was not computed since the last
    figure = figures.new((8, 4.5))
    axes = figure.subplots()
    for name in names:
        if name not in ("step", "seconds", "fit_from", "images_per_second"):
            places = [(row["step"], row[name]) for row in rows if name in row]
            axes.plot(*zip(*places), label=name.replace("_", " "), lw=1.2)
    axes.set(xlabel="generator steps", ylabel="loss", title="losses")
    figures.plain(axes)
    axes.legend(frameon=False)
    return figures.save(figure, path)


def points(places, side=2.1):
    """Draw points of the plane.

    Args:
        places: array [N, 2].
        side: the picture shows [-side, side] in both directions.

    Returns:
        `PIL.Image.Image`.
    """
    figure = figures.new((5, 5))
    axis = figure.subplots()
    axis.scatter(*np.transpose(places), s=4, c="#b3001b", alpha=0.5, linewidths=0)
    axis.set(xlim=(-side, side), ylim=(-side, side), aspect="equal")
    axis.spines[["top", "right"]].set_visible(False)
    drawn = io.BytesIO()
    figures.write(figure, drawn, 110)
    return Image.open(drawn).convert("RGB")
