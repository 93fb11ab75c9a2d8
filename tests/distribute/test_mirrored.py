"""Two replicas with half the batch take the same steps as one with all of it."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest


@pytest.mark.parametrize("objective", ["SGAN", "WGANGP"])
def test_three_steps_on_two_replicas_equal_those_on_one(objective, tmp_path):
    script = pathlib.Path(__file__).with_name("three_steps.py")
    runs = []
    for replicas in (1, 2):
        out = tmp_path / f"{replicas}.npz"
        subprocess.run([sys.executable, script, objective, str(replicas), out], check=True, timeout=300)
        runs.append(np.load(out))
    one, two = runs
    assert one.files == two.files
    for name in one.files:
        if name.startswith("weight"):
            np.testing.assert_allclose(two[name], one[name], atol=1e-5, rtol=0, err_msg=name)
        elif name.startswith("log"):
            np.testing.assert_allclose(two[name], one[name], rtol=1e-5, err_msg=name)
        else:
            assert one[name] > 1e-4, f"{name}: the steps must move every weight for the comparison to mean anything"
