"""An end for what waits with Python's lock held."""

import signal
import subprocess
import sys
import time

from kerasgan.utils import standstill

HELD = """
import ctypes, sys
from kerasgan.utils import standstill
standstill.PATIENCE = float(sys.argv[1])
with standstill.bounded():
    ctypes.PyDLL(None).usleep(int(sys.argv[2]))  # with the lock held: no thread and no handler of Python runs
ctypes.PyDLL(None).usleep(1_500_000)
print("over")
"""


def test_a_wait_with_the_lock_held_ends():
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", HELD, "0.5", "30000000"], timeout=60)
    assert done.returncode == -signal.SIGALRM and time.monotonic() - began < 20


def test_what_ends_in_time_goes_on_and_later_waits_are_free():
    done = subprocess.run([sys.executable, "-c", HELD, "1", "1000"], timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "over\n")


def test_the_handler_from_before_is_there_again():
    before = signal.signal(signal.SIGALRM, handler := lambda *_: None)
    try:
        with standstill.bounded():
            assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGALRM) is handler
    finally:
        signal.signal(signal.SIGALRM, before)
