"""Writing and drawing the largest singular values of all kernels while a model trains."""

import math
import pathlib
from typing import Any

import numpy as np

from kerasgan.callbacks.board import Board
from kerasgan.callbacks.every import EverySteps
from kerasgan.layers import kernels
from kerasgan.utils import json_lines
from kerasgan.utils.annotations import Logs, Path
from kerasgan.visualization import figures

_REDRAW = 10  # measurements between two drawings
_NAMED = 2  # kernels a player whose names are in the picture


class SingularValues(EverySteps):
    """Follow the top three singular values of every kernel of generator and critic.

    They are the paper's monitor of BigGAN's training (Brock, Donahue and Simonyan 2019, arXiv:1809.11096, section 4
    and appendix F): before collapse the first values of some of the generator's kernels explode, while the critic's
    spectra are noisy. The kernels are those before spectral normalization: `kerasgan.layers.kernels.TopSingularValues`.

    `FOLDER/singular_values.jsonl` gets a line a measurement: `step`, and for `generator` and `critic` the values by
    kernel, `{name: [sigma0, sigma1, sigma2]}`, fewer where the kernel has fewer and null where it is not finite.
    `FOLDER/singular_values.png` is drawn from it now and then and when training ends; see `plot_singular_values`.

    Args:
        folder: where the files go; made where missing. Lines of a resumed run are appended, after lines beyond its
            step are dropped.
        every: training steps between two measurements; the first is made before training.
        tensorboard: folder for TensorBoard's event files, or `None`.
    """

    chief_only = True

    def __init__(self, folder: Path, every: int = 500, tensorboard: Path | None = None):
        super().__init__(every)
        self.path = pathlib.Path(folder) / "singular_values.jsonl"
        self.picture = self.path.with_suffix(".png")
        self._board = Board(tensorboard)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Find the kernels, open the files, and measure if this step has not been."""
        super().on_train_begin(logs)
        if self.is_idle:
            return
        networks = {"generator": self.model.generator, "critic": self.model.critic}
        self._top = {player: kernels.TopSingularValues(kernels.kernels(net)) for player, net in networks.items()}
        kept = json_lines.keep_until(self.path, self.step)
        self._lines = len(kept)
        if not kept or kept[-1]["step"] < self.step:
            self.act(self.step, logs)

    def act(self, step: int, logs: Logs | None) -> None:
        """Measure, and write a line."""
        line: dict[str, Any] = {"step": step}
        for player, top in self._top.items():
            line[player] = {
                kernel.name: [_number(value) for value in values[: min(kernel.shape)]]
                for kernel, values in zip(top.kernels, top())
            }
        json_lines.append(self.path, line)
        self._board.scalars(step, dict(self._named(line)))
        self._lines += 1
        if self._lines % _REDRAW == 0:
            plot_singular_values(self.path, self.picture)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Measure once more if steps have gone by, and draw."""
        super().on_train_end(logs)
        if not self.is_idle:
            plot_singular_values(self.path, self.picture)

    def _named(self, line):
        for player in self._top:
            for name, values in line[player].items():
                for index, value in enumerate(values):
                    if value is not None:
                        yield f"{player}/{name}/sigma{index}", value


def plot_singular_values(lines, path):
    """Draw the first singular value of every kernel over the training steps, and its ratio to the second.

    Generator left and critic right, one line a kernel, coloured by its place from the first layer to the last; log
    axes. Above stand the two kernels of either player whose first value has grown most, and by how much.

    Args:
        lines: the file `singular_values.jsonl` that `SingularValues` writes.
        path: PNG file to write.

    Returns:
        The path, or `None` if there are fewer than two measurements.
    """
    rows = json_lines.read(lines)
    if len(rows) < 2:
        return None
    from matplotlib import cm, colormaps
    from matplotlib.ticker import LogFormatter

    steps = [row["step"] for row in rows]
    figure = figures.new((12, 7))
    axes = figure.subplots(2, 2, height_ratios=(3, 2), sharex=True, sharey="row")
    colours = colormaps["turbo"]
    for column, player in enumerate(("generator", "critic")):
        names = list(rows[-1][player])
        first = np.array([[_value(row[player], name, 0) for name in names] for row in rows])
        second = np.array([[_value(row[player], name, 1) for name in names] for row in rows])
        places = np.linspace(0.04, 0.96, len(names))
        for index, place in enumerate(places):
            style = {"color": colours(place), "lw": 1.4, "alpha": 0.9}
            axes[0, column].plot(steps, first[:, index], **style)
            axes[1, column].plot(steps, first[:, index] / second[:, index], **style)
        _name_the_most_grown(axes[0, column], first, names, [colours(place) for place in places])
        axes[0, column].set_title(f"{player}: {len(names)} kernels", pad=24)
        axes[1, column].set_xlabel("generator steps")
    axes[0, 0].set_ylabel("largest singular value $\\sigma_0$")
    axes[1, 0].set_ylabel("$\\sigma_0$ / $\\sigma_1$")
    for ax in axes.flat:
        ax.set_yscale("log")
        ax.margins(x=0.01)
        figures.plain(ax)
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
        ax.tick_params(axis="y", which="minor", labelsize=8)
    bar = figure.colorbar(cm.ScalarMappable(cmap=colours), ax=axes, aspect=40, pad=0.01)
    bar.set_ticks([0.04, 0.96], labels=["first\nlayer", "last\nlayer"])
    bar.outline.set_visible(False)
    return figures.save(figure, path)


def _number(value):
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _value(values, name, index):
    """A kernel's singular value, NaN where it has none."""
    series = values.get(name, [])
    value = series[index] if index < len(series) else None
    return math.nan if value is None or value == 0 else value


def _name_the_most_grown(ax, first, names, colours):
    growth = first[-1] / first[0]
    grown = sorted(np.flatnonzero(np.isfinite(growth)), key=lambda index: -growth[index])[:_NAMED]
    for index in grown:
        ax.plot([], [], color=colours[index], lw=3, label=f"{names[index]} \u00d7 {growth[index]:.2g}")
    if grown:
        ax.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=_NAMED, borderpad=0)
