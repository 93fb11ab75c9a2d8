"""Callbacks of other libraries, which expect a model with one optimizer."""

from typing import Literal

import keras
import wrapt

from kerasgan.models import callback_checks, optimizer_checks
from kerasgan.utils.annotations import Logs
from kerasgan.utils.messages import quoted

_PLAYERS = ("generator", "critic")
_OF_RATES = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


class Adapted(keras.callbacks.Callback):
    """Let a callback that expects one optimizer take part in `fit`, such as those of Weights & Biases and MLflow.

    The callback finds the optimizer of one player as `model.optimizer`, so that it can log or set its learning rate. Of
    numbers that are logged under two names it gets the plain one, `fd_garments` without `fd[garments]`: MLflow refuses
    logs with brackets. What the callback writes into the logs nobody else sees.

    Args:
        callback: `keras.callbacks.Callback`.
        player: whose optimizer it finds, "generator" or "critic".

    Raises:
        ValueError: if an argument is none of these; when training begins, if the callback sets a learning rate that is
            a schedule.

    Example:
        >>> halving = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
        >>> gan.fit(images, epochs=2, callbacks=[kerasgan.callbacks.Adapted(halving, "critic")])
    """

    def __init__(self, callback: keras.callbacks.Callback, player: Literal["generator", "critic"] = "generator"):
        super().__init__()
        if not isinstance(callback, keras.callbacks.Callback):
            raise ValueError(f"callback: expected an object of keras.callbacks.Callback; got {quoted(callback)}")
        if player not in _PLAYERS:
            raise ValueError(f"player: expected one of {', '.join(_PLAYERS)}; got {quoted(player)}")
        self.callback = callback
        self.player = player

    def set_params(self, params: dict) -> None:
        """Hand on what `fit` was asked for."""
        super().set_params(params)
        self.callback.set_params(params)

    def set_model(self, model: keras.Model) -> None:
        """Hand on the model, as one with one optimizer, whose rate can be set where the callback is there for that."""
        super().set_model(model)
        if isinstance(self.callback, _OF_RATES):
            optimizer_checks.rate_can_be_set(self.player, model, type(self.callback).__name__)
        self.callback.set_model(_WithOneOptimizer(model, getattr(model, f"{self.player}_optimizer")))

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Hand it on."""
        self.callback.on_train_begin(_plain(logs))

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Hand it on."""
        self.callback.on_epoch_begin(epoch, _plain(logs))

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Hand it on."""
        self.callback.on_train_batch_begin(batch, _plain(logs))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Hand it on."""
        self.callback.on_train_batch_end(batch, _plain(logs))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Hand it on."""
        self.callback.on_epoch_end(epoch, _plain(logs))

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Hand it on."""
        self.callback.on_train_end(_plain(logs))


class _WithOneOptimizer(wrapt.ObjectProxy):
    """The model itself in all but `optimizer`."""

    def __init__(self, model, optimizer):
        super().__init__(model)
        self._self_optimizer = optimizer

    @property
    def optimizer(self):
        return self._self_optimizer


def _plain(logs):
    logs = logs or {}
    twice = {name for name in logs if (plain := callback_checks.plain_name(name)) != name and plain in logs}
    return {name: value for name, value in logs.items() if name not in twice}
