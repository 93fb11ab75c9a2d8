"""Memory is given back after large requests."""

import pathlib
import platform
import subprocess
import sys

import numpy as np
import pytest

from kerasgan.server import memory, turns
from kerasgan.server.inference.engine import Engine

_PROGRAM = """
import importlib.util, pathlib, resource, sys, time
spec = importlib.util.spec_from_file_location("memory", sys.argv[1])
memory = importlib.util.module_from_spec(spec)
spec.loader.exec_module(memory)

def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

blocks = [b"x" * 100_000 for _ in range(2000)]
blocks = blocks[::50]  # which keep the rest from being given back by itself
before, until = resident(), time.monotonic() + 30
memory.give_back_soon()
memory.give_back_soon()
while resident() > before - 100e6 and time.monotonic() < until:
    time.sleep(0.1)
print(before, resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc_trim is glibc's")
def test_what_was_freed_is_given_back():
    path = pathlib.Path(memory.__file__)
    output = subprocess.run([sys.executable, "-c", _PROGRAM, path], capture_output=True, text=True, check=True).stdout
    before, after = map(float, output.split())
    assert before > 150e6  # else there was nothing to give back
    assert after < before - 100e6


def test_large_requests_ask_for_it_and_small_ones_do_not(folders, monkeypatch):
    asked = []
    monkeypatch.setattr(memory, "give_back_soon", lambda: asked.append(True))
    engine = Engine(folders["fussy"])
    engine.run("", {"x": np.arange(turns.SLICE_ROWS)})
    assert asked == []
    engine.run("", {"x": np.arange(turns.SLICE_ROWS + 1)})
    assert asked == [True]
    engine.close()
