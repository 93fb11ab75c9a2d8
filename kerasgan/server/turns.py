"""Large requests take turns, so that others find a thread and a core meanwhile."""

import contextlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from kerasgan.server.errors import cancelled, deadline_exceeded

SLICE_ROWS = 32  # a request of more rows is a large one; where rows are independent it is computed in slices of so many
LARGE_AT_ONCE = max(1, os.cpu_count() or 1)

_turns = threading.Semaphore(LARGE_AT_ONCE)


class _Caller(threading.local):
    """Who asks in this thread; transports say it before each request.

    Attributes:
        is_gone: function: whether the caller waits no longer.
        may_wait: whether the thread may wait for the turn of a large request; else that raises `NotYet`.
    """

    is_gone = staticmethod(lambda: False)
    may_wait = True


caller = _Caller()


def pools(name, threads):
    """Threads for requests, and those for large ones whose turn it was not.

    Returns:
        Two `ThreadPoolExecutor`s: what ends with `NotYet` in the first is to be run in the second.
    """
    first = ThreadPoolExecutor(threads, name, initializer=_never_wait)
    return first, ThreadPoolExecutor(LARGE_AT_ONCE, f"{name}-large")


def _never_wait():
    caller.may_wait = False


class NotYet(BaseException):
    """All turns are taken: the request is to be run again in a thread that may wait. No error, so nobody answers it."""


@contextlib.contextmanager
def turn(is_large, deadline):
    """Compute a request inside the `with` block; a large one when it is its turn.

    Raises:
        NotYet: if it is not, and this thread may not wait.
        ServingError: DEADLINE_EXCEEDED or CANCELLED, if nobody waits for the answer any more.
    """
    if not is_large:
        check_wanted(deadline)
        yield
        return
    if not caller.may_wait:
        if not _turns.acquire(blocking=False):
            raise NotYet
    else:
        while not _turns.acquire(timeout=0.2):
            check_wanted(deadline)
    try:
        check_wanted(deadline)
        yield
    finally:
        _turns.release()


def check_wanted(deadline):
    """Raise `ServingError` if the time is up, or the caller gone."""
    if deadline is not None and time.monotonic() >= deadline:
        raise deadline_exceeded("Deadline exceeded before the request was computed.")
    if caller.is_gone():
        raise cancelled("The caller is gone.")


def in_slices(compute, arrays, rows, size, deadline):
    """Compute rows in slices, as long as the answer is wanted.

    Args:
        compute: function of a list of arrays of some rows that returns such a list.
        arrays: of `rows` rows each.
        rows: their number.
        size: rows of a slice.
        deadline: as in `Engine.run`.

    Returns:
        A list of arrays of `rows` rows; None if an output turns out not to have one row a row of input.

    Raises:
        ServingError: what `compute` raises, or as `check_wanted`.
    """
    outputs = None
    for start in range(0, rows, size):
        check_wanted(deadline)
        stop = min(rows, start + size)
        values = compute([array[start:stop] for array in arrays])
        if any(value.ndim == 0 or len(value) != stop - start for value in values):
            return None
        if outputs is None:
            outputs = [np.empty((rows, *value.shape[1:]), value.dtype) for value in values]
        for whole, value in zip(outputs, values, strict=True):
            if whole.shape[1:] != value.shape[1:]:
                return None
            whole[start:stop] = value
    return outputs
