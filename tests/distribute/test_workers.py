"""Several workers, each a process, take the steps of one with the whole batch."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import kerasgan
from tests.distribute import workers
from tests.distribute.test_mirrored import compare

pytestmark = pytest.mark.slow

QUICK = ("SGAN", "WGANGP", "RaSGAN+techniques")
OTHERS = [name for name in kerasgan.objectives.__all__ if name not in QUICK]


def three_steps(tmp_path, names):
    """Return the weights after three steps of one process and of the chief of two workers."""
    one = tmp_path / "one.npz"
    subprocess.run(
        [sys.executable, "-m", "tests.distribute.three_steps", "1", one, *names],
        check=True,
        timeout=900,
        cwd=workers.ROOT,
    )
    processes = workers.start(
        2, lambda index: ["-m", "tests.distribute.three_steps", "1", tmp_path / f"worker{index}.npz", *names]
    )
    for status, said in workers.ended(processes, 900):
        assert status == 0, said[-3000:]
    return [np.load(path) for path in (one, tmp_path / "worker0.npz")]


def test_three_steps_of_two_workers_equal_those_of_one_process(tmp_path):
    found = three_steps(tmp_path, QUICK)
    for name in QUICK:
        compare(name, found)


def test_three_steps_of_the_other_objectives(tmp_path):
    found = three_steps(tmp_path, OTHERS)
    for name in OTHERS:
        compare(name, found)


@pytest.mark.parametrize(("count", "batch"), [(2, 12), (3, 11)], ids=["two", "three, uneven"])
def test_fit_with_all_callbacks_goes_over_an_epochs_end_as_one_process_does(tmp_path, count, batch):
    module = "tests.distribute.two_epochs"
    more = {"BATCH": str(batch)}
    for name in ("one", "shared"):
        (tmp_path / name).mkdir()
    subprocess.run(
        [sys.executable, "-m", module, tmp_path / "one.npz", tmp_path / "one"],
        check=True,
        timeout=900,
        cwd=workers.ROOT,
        env={**os.environ, **more},
    )
    processes = workers.start(
        count, lambda index: ["-m", module, tmp_path / f"worker{index}.npz", tmp_path / "shared"], **more
    )
    for status, said in workers.ended(processes, 900):
        assert status == 0, said[-3000:]
    one, *others = [dict(np.load(tmp_path / f"{name}.npz")) for name in ("one", *(f"worker{i}" for i in range(count)))]
    assert one["step"] == 10 and one["moved"] > 1e-3
    assert [bool(other["chief"]) for other in others] == [True, *[False] * (count - 1)]
    for other in others:
        for name in one:
            if name.startswith("weight"):
                np.testing.assert_allclose(other[name], one[name], rtol=1e-4, atol=1e-5, err_msg=name)
            if name.startswith("log"):
                np.testing.assert_allclose(other[name], one[name], rtol=1e-4, err_msg=name)
                np.testing.assert_array_equal(other[name], others[0][name])
    written = [
        sorted(str(path.relative_to(tmp_path / folder)) for path in (tmp_path / folder).rglob("*") if path.is_file())
        for folder in ("one", "shared")
    ]
    events = [[name for name in names if "tfevents" not in name] for names in written]
    assert events[0] == events[1] and len(events[0]) > 10
    for name in ("metrics.jsonl", "measured/evaluation.jsonl"):
        rows = [[json.loads(line) for line in (tmp_path / folder / name).open()] for folder in ("one", "shared")]
        assert [row["step"] for row in rows[0]] == [row["step"] for row in rows[1]]
