"""Ending training at a given step."""

import keras

from kerasgan.utils import validation
from kerasgan.utils.annotations import Logs


class StopAt(keras.callbacks.Callback):
    """End `fit` when the model has taken `step` steps in all, those before a resumption included.

    Args:
        step: integer, the total of training steps.
    """

    def __init__(self, step: int):
        super().__init__()
        self.step = validation.integer("step", step, 1)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Stop where the total is reached."""
        if int(self.model.step.numpy()) >= self.step:
            self.model.stop_training = True
