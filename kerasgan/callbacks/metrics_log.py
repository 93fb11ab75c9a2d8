"""Writing losses and speed to files while a model trains."""

import math
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
        # by name a sum and how many numbers it is of: since the last line in epochs that have ended, and in this epoch
        # up to the last line
        self._ended: dict[str, tuple[float, float]] = {}
        self._at_line: dict[str, tuple[float, float]] = {}
        if self.is_idle:
            return
        json_lines.keep_until(self.path, self.step)
        self._began = self._line_time = time.perf_counter()
        self._line_step = self._fit_from = self.step

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note that Keras's means begin anew."""
        super().on_epoch_begin(epoch, logs)
        self._in_epoch = True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the sums of the epoch, whose means Keras now forgets."""
        self._ended, self._at_line = self._since_the_line(logs), {}
        self._in_epoch = False

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Write the last line, of steps that were taken whatever weights EarlyStopping has put back."""
        if self.step > self._acted_at:
            self._act(logs)

    def act(self, step: int, logs: Logs | None) -> None:
        """Write a line."""
        now = time.perf_counter()
        sums = self._since_the_line(logs)
        steps = step - self._line_step
        line = {
            "step": step,
            "seconds": round(now - self._began, 3),
            "fit_from": self._fit_from,
            "images_per_second": round(steps * self.images_per_step / (now - self._line_time), 1),
        }
        line.update({name: total / count for name, (total, count) in sums.items()})
        self._line_step, self._line_time = step, now
        self._ended, self._at_line = {}, self._of_the_epoch(self._put_back(logs or {}))
        json_lines.append(self.path, line)
        self._board.scalars(step, {name: line[name] for name in line if name not in ("step", "seconds", "fit_from")})

    def _since_the_line(self, logs):
        """Sums and counts of what was logged since the last line."""
        sums = dict(self._ended)
        for name, (total, count) in self._of_the_epoch(logs).items():
            before, counted = self._at_line.get(name, (0.0, 0.0))
            if count > counted:
                ended, ended_count = self._ended.get(name, (0.0, 0.0))
                sums[name] = ended + total - before, ended_count + count - counted
        return sums

    def _of_the_epoch(self, logs):
        """Sums and counts of what was logged since the epoch began; nothing between epochs."""
        if not self._in_epoch:
            return {}
        counts = {name: self._count(tracker) for name, tracker in self.model.trackers.items() if name in logs}
        return {name: (float(logs[name]) * count, count) for name, count in counts.items()}

    def _put_back(self, logs):
        """Logs, those that are not finite as the model has them by now: `RollBack` makes them finite."""
        trackers = self.model.trackers
        broken = [name for name, value in logs.items() if name in trackers and not math.isfinite(value)]
        return {**logs, **{name: trackers[name].result() for name in broken}}

    def _count(self, tracker):
        """How many numbers a mean is of, on this replica: to ask the others would need all of them to ask."""
        [mine, *_] = self.model.distribute_strategy.experimental_local_results(tracker.count.value)
        return float(mine.numpy())
