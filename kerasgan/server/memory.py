"""Giving memory back to the system after large requests; the C library keeps what was freed for the next."""

import ctypes
import threading

_SECONDS = 2.0


def _trimming():
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # not glibc
        return None


_trim = _trimming()
_lock = threading.Lock()
_timer = None


def give_back_soon():
    """Do so in two seconds, when the answers are sent; once, however often this is called meanwhile."""
    global _timer
    with _lock:
        if _trim is not None and _timer is None:
            _timer = threading.Timer(_SECONDS, _give_back)
            _timer.daemon = True
            _timer.start()


def _give_back():
    global _timer
    with _lock:
        _timer = None
    _trim(0)
