"""`fit` with arrays on two replicas takes the steps of one."""

import pathlib
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).parents[2]


def test_two_replicas_train_on_arrays_as_one_does(tmp_path):
    runs = []
    for replicas in (1, 2):
        command = [sys.executable, "-m", "tests.distribute.fit_arrays", str(replicas), tmp_path / f"{replicas}.npz"]
        subprocess.run(command, check=True, timeout=300, cwd=ROOT)
        runs.append(np.load(tmp_path / f"{replicas}.npz"))
    one, two = runs
    assert one["step"] == two["step"] == 2 * 4
    for name in one.files:
        np.testing.assert_allclose(two[name], one[name], atol=2e-6, err_msg=name)
