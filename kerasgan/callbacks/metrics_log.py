"""Writing losses and speed to files while a model trains."""

import pathlib
import time

from kerasgan.callbacks.board import Board
from kerasgan.callbacks.every import EverySteps
from kerasgan.utils import json_lines
from kerasgan.utils.annotations import Logs, Path


class MetricsLog(EverySteps):
    """Append means over the last steps to a JSON-lines file and to TensorBoard.

    A line holds `step`, `seconds` (since this `fit` began), `fit_from` (the step it began at), `images_per_second`
    (real images) and every value that the model logs. Keras's logs are means since the epoch began; the lines hold the
    means since the line before. A value of which there was none since then, as of a penalty with `every=16`, is left
    out.

    Args:
        path: JSON-lines file; lines of a resumed run are appended, after lines beyond its step are dropped.
        images_per_step: real images that a training step consumes.
        tensorboard: folder for TensorBoard's event files, or `None`.
        every: training steps between two lines.
    """

    chief_only = True

    def __init__(self, path: Path, images_per_step: int, tensorboard: Path | None = None, every: int = 50):
        super().__init__(every)
        self.path = pathlib.Path(path)
        self.images_per_step = images_per_step
        self._board = Board(tensorboard)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the files."""
        super().on_train_begin(logs)
        self._sums: dict[str, tuple[float, float]] = {}  # of the epochs that have ended, and their counts
        if self.is_idle:
            return
        json_lines.keep_until(self.path, self.step)
        self._began = self._line_time = time.perf_counter()
        self._line_step = self._fit_from = self.step
        self._line_sums = self._sums

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note that Keras's means begin anew."""
        super().on_epoch_begin(epoch, logs)
        self._in_epoch = True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the sums of the epoch, whose means Keras now forgets."""
        self._sums = self._sums_now(logs)
        self._in_epoch = False

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Write the last line, of steps that were taken whatever weights EarlyStopping has put back."""
        if self.step > self._acted_at:
            self._act(logs)

    def act(self, step: int, logs: Logs | None) -> None:
        """Write a line."""
        now = time.perf_counter()
        sums = self._sums_now(logs)
        steps = step - self._line_step
        line = {
            "step": step,
            "seconds": round(now - self._began, 3),
            "fit_from": self._fit_from,
            "images_per_second": round(steps * self.images_per_step / (now - self._line_time), 1),
        }
        line.update(self._means_since_the_line(sums))
        self._line_step, self._line_time, self._line_sums = step, now, sums
        json_lines.append(self.path, line)
        self._board.scalars(step, {name: line[name] for name in line if name not in ("step", "seconds", "fit_from")})

    def _sums_now(self, logs):
        """Names to the sums of what was logged since `fit` began, and how many numbers they are of."""
        if not self._in_epoch:
            return self._sums
        counts = {name: self._count(tracker) for name, tracker in self.model.trackers.items()}
        before = {name: self._sums.get(name, (0.0, 0.0)) for name in counts}
        return {
            name: (before[name][0] + float(logs[name]) * count, before[name][1] + count)
            for name, count in counts.items()
            if name in logs
        }

    def _count(self, tracker):
        """How many numbers a mean is of, on this replica: to ask the others would need all of them to ask."""
        [mine, *_] = self.model.distribute_strategy.experimental_local_results(tracker.count.value)
        return float(mine.numpy())

    def _means_since_the_line(self, sums):
        means = {}
        for name, (total, count) in sums.items():
            before, counted = self._line_sums.get(name, (0.0, 0.0))
            if count > counted:
                means[name] = (total - before) / (count - counted)
        return means
