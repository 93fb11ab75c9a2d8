"""Doing something every so many training steps."""

from typing import ClassVar

import keras

from kerasgan.utils import validation, workers
from kerasgan.utils.annotations import Logs


class EverySteps(keras.callbacks.Callback):
    """Base of callbacks that act every `every` steps of the model's own count, and once when training ends.

    The count goes on where a resumed model left off. A subclass defines `act(step, logs)`. Where several workers train
    (`tf.distribute.MultiWorkerMirroredStrategy`), all act, or with `chief_only = True` the chief alone: so do the
    callbacks here that write files.

    Args:
        every: positive integer, training steps between two actions.

    Raises:
        ValueError: if `every` is not a positive integer.
    """

    chief_only: ClassVar[bool] = False

    def __init__(self, every: int):
        super().__init__()
        validation.integer("every", every, 1)
        self.every = every
        self.step = 0
        self._acted_at = 0
        self._epoch_start = 0

    @property
    def is_idle(self) -> bool:
        """Whether the chief acts in the place of this worker."""
        return self.chief_only and not workers.is_chief(self.model.distribute_strategy)

    def act(self, step: int, logs: Logs | None) -> None:
        """Act after `step` steps; `logs` maps names to means since the epoch began."""
        raise NotImplementedError("a subclass of EverySteps defines act(step, logs)")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start from the model's own count."""
        self.step = self._acted_at = int(self.model.step.numpy())

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note where the epoch begins."""
        self._epoch_start = int(self.model.step.numpy())

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Act if a multiple of `every` has been reached."""
        self.step = int(self.model.step.numpy())  # Keras's batch goes beyond an epoch's last where it takes several
        if self.step // self.every > self._acted_at // self.every:
            self._act(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Act once more if steps have gone by since the last time."""
        self.step = int(self.model.step.numpy())  # EarlyStopping may have put an earlier epoch's weights back
        if self.step > self._acted_at:
            self._act(logs)

    def _act(self, logs):
        self._acted_at = self.step
        if not self.is_idle:
            self.act(self.step, logs)
