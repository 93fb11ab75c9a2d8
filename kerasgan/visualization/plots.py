"""Pictures that matplotlib draws: loss curves, points of the plane."""

import io

import numpy as np
from PIL import Image

from kerasgan.utils import json_lines
from kerasgan.visualization import figures


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
    names = [name for name in rows[0] if name not in ("step", "seconds", "fit_from", "images_per_second")]
    figure, axes = figures.pyplot().subplots(figsize=(8, 4.5), layout="constrained")
    for name in names:
        axes.plot([row["step"] for row in rows], [row[name] for row in rows], label=name.replace("_", " "), lw=1.2)
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
    plt = figures.pyplot()
    figure, axis = plt.subplots(figsize=(5, 5), layout="constrained")
    axis.scatter(*np.transpose(places), s=4, c="#b3001b", alpha=0.5, linewidths=0)
    axis.set(xlim=(-side, side), ylim=(-side, side), aspect="equal")
    axis.spines[["top", "right"]].set_visible(False)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=110, format="png")
    plt.close(figure)
    return Image.open(drawn).convert("RGB")
