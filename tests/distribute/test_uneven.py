"""Replicas that share a batch unevenly take the steps of one replica."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tests.distribute.uneven import CASES

pytestmark = pytest.mark.slow  # ten cases on one, two and three replicas: minutes
ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What one, two and three replicas end with, each in a process of its own."""
    found = {}
    for replicas in (1, 2, 3):
        out = tmp_path_factory.mktemp("uneven") / "found.npz"
        command = [sys.executable, "-m", "tests.distribute.uneven", str(replicas), out]
        subprocess.run(command, check=True, timeout=900, cwd=ROOT)
        found[replicas] = dict(np.load(out))
    return found


@pytest.mark.parametrize("replicas", [2, 3])
@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_of_one_replica(case, replicas, runs):
    wanted = {name: value for name, value in runs[1].items() if name.startswith(f"{case}: ")}
    moved = [value for name, value in wanted.items() if "moved" in name]
    assert min(moved) > 4e-6, "the steps must move every weight for the comparison to mean anything"
    for name, value in wanted.items():
        np.testing.assert_allclose(runs[replicas][name], value, rtol=1e-4, atol=2e-6, err_msg=name)
