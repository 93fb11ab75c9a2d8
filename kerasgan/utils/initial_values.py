"""Building a network whose initial values do not matter."""

import contextlib
import threading
import unittest.mock

import keras

_PATCHING = threading.RLock()  # of Keras's class, which is the whole process's


@contextlib.contextmanager
def skipped():
    """Orthogonal kernels made inside the block are zeros: for networks whose weights are loaded next, or only counted.

    Those that other threads make meanwhile are not.

    Their QR decompositions take minutes for BigGAN at 128 pixels. The layers' configs stay as they are.
    """
    here = threading.get_ident()
    with _PATCHING:
        make = keras.initializers.Orthogonal.__call__

        def zeros(self, shape, dtype=None):
            mine = threading.get_ident() == here
            return keras.ops.zeros(shape, dtype) if mine else make(self, shape, dtype)

        with unittest.mock.patch.object(keras.initializers.Orthogonal, "__call__", zeros):
            yield
