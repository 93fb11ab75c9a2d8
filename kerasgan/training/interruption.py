"""Ctrl-C and SIGTERM while a model trains: they end it once, and cannot cut off what is saved then."""

import contextlib
import signal
import threading

import keras

from kerasgan.utils import workers

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption(keras.callbacks.Callback):
    """Raises `KeyboardInterrupt` at the first SIGINT or SIGTERM; later ones change nothing.

    As a callback it raises again after the next batch, should something have swallowed the first exception. Outside the
    main thread, which alone gets signals, `handled` leaves them alone. Where several workers train, all of them raise
    it after the same batch, whichever got the signal.
    """

    def __init__(self):
        super().__init__()
        self.came = False

    @contextlib.contextmanager
    def handled(self):
        """Take the signals that are not ignored, and give them back at the end of the block."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        taken = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
        for number in taken:
            signal.signal(number, self._come)
        try:
            yield
        finally:
            for number, handler in taken.items():
                signal.signal(number, handler)

    def _come(self, number, frame):
        if not self.came:
            self.came = True
            if not self._of_several:
                raise KeyboardInterrupt

    @property
    def _of_several(self):
        return self.model is not None and workers.are_several(self.model.distribute_strategy)

    def on_train_batch_end(self, batch, logs=None):
        """End the training that goes on although a signal came."""
        came = self.came
        if self._of_several:
            [came] = workers.total(self.model.distribute_strategy, [float(came)])
        if came:
            raise KeyboardInterrupt
