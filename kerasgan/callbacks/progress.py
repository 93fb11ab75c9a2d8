"""A line that says how far training is."""

import sys
import time

import keras


class Progress(keras.callbacks.Callback):
    """Print steps, steps/s, real images/s, time to go and losses; use with `fit(verbose=0)`.

    On a terminal the line is renewed in place each half second; elsewhere a new line comes every `seconds`.

    Args:
        total_steps: training steps in all, those before a resumption included.
        images_per_step: real images that a training step consumes.
        seconds: time between two lines where the output is no terminal.
        stream: text stream, standard output by default.
        what: the plural of what the examples are.
    """

    def __init__(self, total_steps, images_per_step, seconds=10.0, stream=None, what="images"):
        super().__init__()
        self.total_steps = total_steps
        self.images_per_step = images_per_step
        self.what = what
        self.stream = stream or sys.stdout
        self._live = self.stream.isatty()
        self._seconds = 0.5 if self._live else seconds

    def on_train_begin(self, logs=None):
        """Start the clock."""
        self._step = self._first = int(self.model.step.numpy())
        self._began = None
        self._printed = time.perf_counter()
        if not self._live:
            print("first step: building the graph", file=self.stream, flush=True)

    def on_train_batch_end(self, batch, logs=None):
        """Print a line where it is time; speed is measured from the end of the first step, which builds the graph."""
        self._step = int(self.model.step.numpy())
        now = time.perf_counter()
        if self._began is None:
            self._began, self._first = now, self._step
        elif now - self._printed >= self._seconds:
            self._printed = now
            self._print(now, logs or {}, end="")

    def on_train_end(self, logs=None):
        """Print the last line."""
        if self._began is not None:
            self._print(time.perf_counter(), logs or {}, end="\n" if self._live else "")

    def _print(self, now, logs, end):
        rate = (self._step - self._first) / max(now - self._began, 1e-9)
        left = (self.total_steps - self._step) / rate if rate else 0.0
        minutes, seconds = divmod(round(left), 60)
        losses = "  ".join(f"{name} {float(value):.3f}" for name, value in logs.items())
        examples = rate * self.images_per_step
        line = (
            f"step {self._step}/{self.total_steps}  {rate:.1f} steps/s  {examples:.0f} {self.what}/s  "
            f"ETA {minutes}:{seconds:02d}  {losses}"
        )
        print(
            f"\r\x1b[K{line}{end}" if self._live else line, end="" if self._live else "\n", file=self.stream, flush=True
        )
