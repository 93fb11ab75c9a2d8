"""A line that says how far training is."""

import functools
import sys
from typing import TextIO

import keras

from kerasgan.utils import validation, workers
from kerasgan.utils.annotations import Logs
from kerasgan.utils.progress import Bar


class Progress(keras.callbacks.Callback):
    """Show steps, steps/s, real images/s, time to go and losses; use with `fit(verbose=0)`.

    On a terminal there is a bar that is renewed each half second; elsewhere a new line comes every `seconds`. Speed is
    measured from the end of the first step, which builds the graph. Of several workers the chief alone shows it.

    Args:
        total_steps: training steps in all, those before a resumption included.
        images_per_step: real images that a training step consumes.
        seconds: time between two lines where the output is no terminal.
        stream: text stream, standard output by default.
        what: the plural of what the examples are.
    """

    def __init__(
        self,
        total_steps: int,
        images_per_step: int,
        seconds: float = 10.0,
        stream: TextIO | None = None,
        what: str = "images",
    ):
        super().__init__()
        self.total_steps = validation.integer("total_steps", total_steps, 1)
        self.images_per_step = validation.integer("images_per_step", images_per_step, 1)
        self.seconds = seconds
        self.stream = stream or sys.stdout
        self.what = what
        self._bar: Bar | None = None
        self._told = True

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Say what takes so long at first."""
        self._bar = None
        self._told = workers.is_chief(self.model.distribute_strategy)
        if self._told:
            print("first step: building the graph", file=self.stream, flush=True)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Say how far it is where it is time."""
        if not self._told:
            return
        step = int(self.model.step.numpy())
        if self._bar is None:
            self._bar = Bar("step", self.total_steps, "steps", step, self.seconds, self.stream)
            return
        self._bar.show(step, functools.partial(self._note, logs or {}))

    def on_train_end(self, logs: Logs | None = None) -> None:
        """End the line."""
        if self._bar is not None:
            self._bar.finish(functools.partial(self._note, logs or {}))

    def _note(self, logs, rate):
        losses = "  ".join(f"{name} {float(value):.3f}" for name, value in logs.items())
        return f"{rate * self.images_per_step:.0f} {self.what}/s  {losses}"
