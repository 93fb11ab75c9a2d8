"""The smoke that `make next` runs with nightly builds passes with what is installed here."""

import pathlib
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

from tests import next_releases

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.slow
def test_the_smoke_passes():
    done = subprocess.run([sys.executable, "-m", "tests.smoke"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("all passed\n"), done.stdout + done.stderr[-3000:]
    steps = [line.partition(":")[0] for line in done.stdout.splitlines()[1:-1]]
    assert steps == ["fit", "save", "preset", "export_and_serve", "runtimes"]


def test_what_is_needed_is_named_by_its_distribution():
    needed = next_releases.needed()
    assert {name: Requirement(line).name for name, line in needed.items()} == {name: name for name in needed}
    assert {"tensorflow", "keras", "tf2onnx", *next_releases.BY_RELEASED_NAME} <= needed.keys()
