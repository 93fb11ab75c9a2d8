"""Ending training when a loss is no longer a number."""

import math

import keras

from kerasgan.utils.annotations import Logs


class FiniteLosses(keras.callbacks.Callback):
    """Raise `FloatingPointError`, naming the loss and the step, as soon as a logged value is NaN or infinite."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the logs."""
        for name, value in (logs or {}).items():
            if not math.isfinite(value):
                raise FloatingPointError(f"{name} became {float(value)} at step {int(self.model.step.numpy())}")
