"""Measuring the generator while it learns, and keeping the best one."""

import dataclasses
import math
import pathlib
import textwrap
import time
import warnings
from collections.abc import Sequence

import keras
import numpy as np

from kerasgan.callbacks.board import Board
from kerasgan.callbacks.every import EverySteps
from kerasgan.callbacks.sample_grid import SampleGrid
from kerasgan.metrics.evaluation import evaluator, measures, result
from kerasgan.models import callback_checks
from kerasgan.utils import json_lines, validation, workers
from kerasgan.utils.annotations import Logs, Path
from kerasgan.visualization import figures

LOG, PICTURE, BEST = "evaluation.jsonl", "evaluation.png", "best.keras"


class EvaluateGAN(EverySteps):
    """Measure images of the generator that samples, always of the same latents, and keep the best model.

    `FOLDER/evaluation.jsonl` gets a line a measurement: `step`, `seconds` that it took, `best`, and `results`, each
    number with its protocol. `FOLDER/evaluation.png` draws them over the steps, `FOLDER/samples/step-00000500.png` is a
    grid of the same latents each time. Where the first metric is at its best so far, the whole model is saved as
    `FOLDER/best.keras`. The numbers are also put into Keras's logs at the end of each epoch, under names such as
    `fd[garments]`, for `History` and callbacks that come later in the list; and once more as `fd_garments`, which may
    stand in a file name of `ModelCheckpoint`.

    Lines of a resumed run are appended, after lines beyond its step are dropped; those of another protocol, such as
    another `n`, do not count for the best.

    Args:
        reference: as for `kerasgan.metrics.evaluate`: real images, and the feature network.
        folder: where the files go; made where missing.
        metrics: names of `kerasgan.metrics.measures.MEASURES`, in a sequence or in a text with commas; the first
            decides which model is best.
        every: training steps between two measurements.
        n: images of each. Numbers of different n are not comparable; 50,000 is the usual one for a final number.
        seed: image i has seed `seed + i`.
        truncation: bound on |z|, or `None`.
        batch_size: images generated at a time.
        grid: images in a grid, see `SampleGrid`; 0 for no grids.
        verbose: whether to print the numbers and their protocol.
        tensorboard: folder for TensorBoard's event files, where numbers and grids are shown too; or `None`.

    Raises:
        ValueError: if an argument is wrong; when training begins, if the reference has no images that can be judged, or
            the model makes others.

    Example:
        >>> network = kerasgan.metrics.features.load("garments")
        >>> reference = kerasgan.metrics.Reference.of_arrays(images, network, name="my garments")
        >>> measuring = kerasgan.callbacks.EvaluateGAN(reference, "measured", metrics="fid", every=1000, n=5000)
        >>> gan.fit(images, callbacks=[measuring])
    """

    def __init__(
        self,
        reference: evaluator.AnyReference,
        folder: Path,
        metrics: str | Sequence[str] = "fid",
        every: int = 1000,
        n: int = 5000,
        seed: int = 0,
        truncation: float | None = None,
        batch_size: int = 100,
        grid: int = 64,
        verbose: bool = True,
        tensorboard: Path | None = None,
    ):
        super().__init__(every)
        self.reference = reference
        self.folder = pathlib.Path(folder)
        self.metrics = list(measures.chosen(metrics))
        self.n = validation.integer("n", n, 2)
        self.seed = validation.integer_within("seed", seed, np.uint32)
        self.truncation = truncation
        self.batch_size = validation.integer("batch_size", batch_size, 1)
        self.grid = validation.integer("grid", grid, 0)
        self.verbose = verbose
        self._latest: dict[str, float] = {}
        self._board = Board(tensorboard)
        self._grids = SampleGrid(
            self.folder / "samples",
            every,
            grid,
            seed,
            truncation=truncation,
            tensorboard=tensorboard,
            name="measured samples",
        )

    def set_model(self, model: keras.Model) -> None:
        """Take the model that is trained."""
        super().set_model(model)
        self._grids.set_model(model)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check that model and reference fit, and read the lines of a resumed run."""
        super().on_train_begin(logs)
        evaluator.check(self.model, self.reference, self.metrics, self.n, self.seed, self.truncation)
        _ = self.reference.data  # real images that are none are told before hours of training
        chief = workers.is_chief(self.model.distribute_strategy)
        self._lines = json_lines.keep_until(self.folder / LOG, self.step) if chief else []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Put the newest numbers into Keras's logs."""
        if logs is not None:
            logs.update(self._latest)
            logs.update({callback_checks.plain_name(name): value for name, value in self._latest.items()})

    def act(self, step: int, logs: Logs | None) -> None:
        """Measure, save the model where it is the best, write a line, and draw."""
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # caveats are in the results
            results = evaluator.evaluate(
                self.model,
                self.reference,
                self.metrics,
                self.n,
                self.seed,
                self.truncation,
                batch_size=self.batch_size,
                name=f"step {step}",
            )
        results = _of_the_chief(self.model.distribute_strategy, results)
        self._latest = {result.name: result.value for result in results}
        records = [one.to_dict() for one in results]
        [better, *_] = [measure.better for measure in measures.chosen(self.metrics).values()]
        earlier = [line["results"][0] for line in self._lines]
        is_best = all(better * (records[0]["value"] - one["value"]) > 0 for one in earlier if _alike(one, records[0]))
        seconds = round(time.perf_counter() - began, 3)
        self._lines.append({"step": step, "seconds": seconds, "best": is_best, "results": records})
        if not workers.is_chief(self.model.distribute_strategy):
            return
        if is_best:
            self.model.save(self.folder / BEST)
        json_lines.append(self.folder / LOG, self._lines[-1])
        self._board.scalars(step, self._latest)
        plot_evaluation(self.folder / LOG, self.folder / PICTURE)
        if self.grid:
            self._grids.act(step, logs)
        if self.verbose:
            print(result.table(results), flush=True)


def _of_the_chief(strategy, results):
    """Results with the chief's numbers, so that what depends on them, such as `EarlyStopping`, ends on all workers."""
    if not workers.are_several(strategy):
        return results
    values = workers.of_the_chief(strategy, [one.value for one in results])
    return [dataclasses.replace(one, value=value) for one, value in zip(results, values)]


def plot_evaluation(lines, path):
    """Draw every number over the training steps, the best of the first one marked, their protocol beneath.

    Args:
        lines: the file `evaluation.jsonl` that `EvaluateGAN` writes.
        path: PNG file to write.

    Returns:
        The path, or `None` if there are fewer than two measurements.
    """
    rows = json_lines.read(lines)
    if len(rows) < 2:
        return None
    steps = [row["step"] for row in rows]
    names = [result["name"] for result in rows[-1]["results"]]
    columns = min(len(names), 3)
    height = math.ceil(len(names) / columns)
    figure = figures.new((max(6.4, 4.2 * columns), 3.2 * height + 0.9))
    axes = figure.subplots(height, columns, squeeze=False)
    for place, name in enumerate(names):
        axis = axes.flat[place]
        by_row = [{one["name"]: one for one in row["results"]}.get(name) for row in rows]
        values = [math.nan if one is None else one["value"] for one in by_row]
        axis.plot(steps, values, color="#2a7f9e", lw=1.6, marker="o", ms=4)
        spreads = [math.nan if one is None or one["std"] is None else one["std"] for one in by_row]
        if not all(map(math.isnan, spreads)):
            low, high = zip(*((value - std, value + std) for value, std in zip(values, spreads)))
            axis.fill_between(steps, low, high, color="#2a7f9e", alpha=0.15, lw=0)
        if place == 0:
            best = max(index for index, row in enumerate(rows) if row["best"])
            axis.plot(steps[best], values[best], color="#d1603d", marker="*", ms=14, lw=0)
            name = f"{name}: best {values[best]:.4g} at step {steps[best]:,}"
        axis.set_title(name)
        axis.set_xlabel("generator steps")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.margins(y=0.2)
        figures.plain(axis)
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    protocols = [result["protocol"] for result in rows[-1]["results"]]
    compared = next((protocol for protocol in protocols if protocol["reference"]), protocols[0])
    figure.supxlabel("\n".join(textwrap.wrap(_told(compared), 34 * columns)), fontsize=9)
    return figures.save(figure, path)


def _alike(one, other):
    """Whether two results may be compared: of one name, measured in the same way.

    What a measure says of itself, in notes and splits, may depend on what was generated: `mis` counts the classes seen.
    """
    parts = set(one["protocol"]) - {"model", "command", "versions", "notes", "splits"}
    same = all(one["protocol"][part] == other["protocol"].get(part) for part in parts)
    return one["name"] == other["name"] and same and _truncation(one) == _truncation(other)


def _truncation(measured):
    return [note for note in measured["protocol"]["notes"] if "truncation" in note]


def _told(protocol):
    """The facts of a protocol, without the step that it is of and how its measure alone was made."""
    facts = {**protocol, "model": "", "splits": 1, "notes": tuple(protocol["notes"])}
    return str(result.Protocol(**facts))
