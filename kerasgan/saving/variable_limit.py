"""Building what a stranger's config asks for, but no more of it than its weights file fills."""

import contextlib
import math
import threading
import unittest.mock

import keras
import numpy as np

from kerasgan.saving.refused import Refused

_PATCHING = threading.RLock()  # of Keras's class, which is the whole process's
_EXTRA = 2**20  # numbers: counters, seeds and the like, which no file need hold


class TooLarge(Refused):
    """A config that asks for more variables than its weights file has numbers for."""


@contextlib.contextmanager
def variables_within(numbers, multiple=2):
    """Refuse Keras variables made inside the block, before they take memory, once they hold far more than a file does.

    Those that other threads make meanwhile do not count.

    Args:
        numbers: how many numbers the weights file holds.
        multiple: of them that may be made, as what is built on the way, such as a copy, counts too; and a million more.

    Raises:
        TooLarge: naming the variable. Keras wraps in others what is raised while it builds; this one comes out.
    """
    left = multiple * numbers + _EXTRA
    here = threading.get_ident()
    refused = []
    with _PATCHING:
        make = keras.Variable.__init__

        def checked(self, initializer, shape=None, *arguments, **options):
            nonlocal left
            if threading.get_ident() == here:
                given = tuple(np.shape(initializer) if shape is None else shape)
                left -= abs(math.prod(given))
                if left < 0:
                    refused.append(
                        f"its config asks for more variables than its weights, {numbers:,} numbers, can fill: one of "
                        f"shape {given} is too much; nothing was loaded"
                    )
                    raise TooLarge(refused[-1])
            make(self, initializer, shape, *arguments, **options)

        with unittest.mock.patch.object(keras.Variable, "__init__", checked):
            try:
                yield
            except Exception:
                if refused:
                    raise TooLarge(refused[0]) from None
                raise
