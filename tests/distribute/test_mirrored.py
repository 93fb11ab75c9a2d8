"""Two replicas with half the batch take the same steps as one with all of it."""

import functools
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import kerasgan
from tests import points

# one of each kind; the others take minutes
QUICK = ("SGAN", "WGANGP", "RaSGAN+techniques", "TSGAN", "SGAN+augmentation")
OTHERS = [name for name in [*kerasgan.objectives.__all__, *points.VARIANTS] if name not in QUICK]
ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """Return a function that has objectives take three steps on one replica and on two, each in its own process."""

    @functools.cache
    def run(*objectives):
        made = []
        for replicas in (1, 2):
            out = tmp_path_factory.mktemp("steps") / f"{replicas}.npz"
            command = [sys.executable, "-m", "tests.distribute.three_steps", str(replicas), out, *objectives]
            subprocess.run(command, check=True, timeout=900, cwd=ROOT)
            made.append(np.load(out))
        return made

    return run


@pytest.mark.slow
@pytest.mark.parametrize("objective", QUICK)
def test_three_steps_on_two_replicas_equal_those_on_one(objective, steps):
    compare(objective, steps(*QUICK))


@pytest.mark.slow
@pytest.mark.parametrize("objective", OTHERS)
def test_three_steps_of_the_other_objectives(objective, steps):
    compare(objective, steps(*OTHERS))


@pytest.mark.slow
def test_a_roll_back_on_two_replicas_equals_that_on_one(tmp_path):
    runs = []
    for replicas in (1, 2):
        command = [sys.executable, "-m", "tests.distribute.roll_back", str(replicas), tmp_path / f"{replicas}.npz"]
        subprocess.run(command, check=True, timeout=900, cwd=ROOT)
        runs.append(dict(np.load(tmp_path / f"{replicas}.npz")))
    one, two = runs
    assert one["actions"].tolist() == two["actions"].tolist()
    assert [bool(action) for action in one.pop("actions")] == [False, False, True, False, False]
    two.pop("actions")
    assert one["rates"] == pytest.approx(0.01)
    for (name, wanted), got in zip(one.items(), two.values(), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5, rtol=1e-5, err_msg=name)


def compare(objective, runs):
    """Assert that both runs of the objective ended with the same weights and logs, far from where they began."""
    one, two = ({k: v for k, v in run.items() if k.startswith(f"{objective} ")} for run in runs)
    kinds = [name.split()[1] for name in one]
    assert {"weight", "moved", "log"} == set(kinds)
    # the counters of variables' names run on where a process makes more models, so compare by order
    for (name, wanted), got in zip(one.items(), two.values(), strict=True):
        if name.split()[1] == "weight":
            np.testing.assert_allclose(got, wanted, atol=1e-5, rtol=0, err_msg=name)
        elif name.split()[1] == "log":
            np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5, err_msg=name)
    moved = {name: value for name, value in one.items() if name.split()[1] == "moved"}
    # what is adapted before the steps, or is a reference, need not move, nor need a threshold
    may_stay = ("/reference", "/adapted", "/player_threshold")
    still = [name for name, value in moved.items() if value < 1e-4 and not name.endswith(may_stay)]
    assert not still, "the steps must move every weight for the comparison to mean anything"
