"""Memory while images are read does not grow with their number, unless they are to be kept in memory."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
FEW, MANY = 1_000, 12_000
IMAGE = 64 * 64 * 3  # bytes


def peak(count, cache):
    command = [sys.executable, "-m", "tests.data.peak_memory", str(count), str(cache)]
    said = subprocess.run(command, check=True, timeout=600, cwd=ROOT, capture_output=True, text=True).stdout
    return int(said.splitlines()[-1])


@pytest.mark.slow
def test_memory_is_flat_with_the_datas_size(tmp_path):
    data = (MANY - FEW) * IMAGE
    unread, kept = (peak(MANY, cache) - peak(FEW, cache) for cache in (False, True))
    on_disk = peak(MANY, tmp_path / "many") - peak(FEW, tmp_path / "few")
    assert kept > 0.8 * data, "the measure sees what is kept in memory"
    assert unread < 0.3 * data and on_disk < 0.3 * data
