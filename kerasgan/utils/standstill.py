"""An end for a process that would wait for others for ever."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

PATIENCE = 1800.0  # seconds in which something must move: building a large first step takes minutes
STATUS = 75  # EX_TEMPFAIL of sysexits.h: worth trying again

_last = time.monotonic()


def moved() -> None:
    """Say that the work goes on: a step was taken, a batch was measured, the workers have agreed on something."""
    global _last
    _last = time.monotonic()


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """End the process by SIGALRM (status 142 of a shell) where the block takes longer than `PATIENCE` seconds.

    For what waits in C++ with Python's lock held, which neither a thread nor a handler of Python's gets through: the
    kernel ends it. Outside the main thread, which alone may set signals, the block is not bounded.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def ended(what: str) -> Iterator[None]:
    """End the process with status 75 once nothing has called `moved` for `PATIENCE` seconds while the block runs.

    The process may wait where Python cannot interrupt it, in a sum over workers one of which hangs; so it ends without
    any clean-up. What is written whole or not at all stays so.

    Args:
        what: the beginning of the message: who stands still.
    """
    over = threading.Event()
    moved()

    def watch():
        while not over.wait(min(1.0, PATIENCE / 10)):
            if time.monotonic() - _last > PATIENCE:
                print(f"error: {what}: nothing has moved for {PATIENCE:.0f} seconds", file=sys.stderr, flush=True)
                os._exit(STATUS)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
