"""Workers that hang or are killed: the others end with status 75, and the job that is started again goes on."""

import signal
import time

import numpy as np
import pytest

from tests.distribute import workers
from tests.distribute.workers import train, wait_for, weights

LOST = 60  # seconds until the others have ended: what docs/scaling.md says

pytestmark = pytest.mark.slow


def ended_with_75(job, process, within=LOST):
    """Wait for a process of a job to end because another one is lost; returns what it said."""
    begun = time.monotonic()
    try:
        said, _ = process.communicate(timeout=within)
    except Exception:
        for each in job:
            each.kill()
        raise
    assert process.returncode == 75, said[-3000:]
    assert time.monotonic() - begun < within
    return said


def test_a_stopped_worker_and_a_chief_killed_while_it_writes_cost_no_step(recipe, tmp_path):
    path = recipe(12)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for status, said in workers.ended(workers.start(2, lambda index: train(path, "--run", whole))):
        assert status == 0, said[-3000:]

    job = workers.start(2, lambda index: train(path, "--run", cut, "--steps", 4000))
    wait_for((cut / "checkpoints" / "step-00000004.keras").exists, job)
    job[1].send_signal(signal.SIGSTOP)
    assert f"start all workers again with --resume {cut}" in ended_with_75(job, job[0])
    job[1].kill()
    for newer in sorted((cut / "checkpoints").glob("step-*.keras"))[1:]:  # it was quicker than the signal
        newer.unlink()

    job = workers.start(2, lambda index: train(path, "--run", cut, "--steps", 12))
    written = cut / "checkpoints"
    old = set(written.glob(".tmp-*/*.keras"))
    wait_for(lambda: set(written.glob(".tmp-*/*.keras")) - old, job)
    job[0].kill()
    ended_with_75(job, job[1])
    job[0].communicate()
    assert list(written.glob(".tmp-*/*.keras")) and not (written / "step-00000012.keras").exists()

    for status, said in workers.ended(workers.start(2, lambda index: train(path, "--run", cut, "--steps", 12))):
        assert status == 0, said[-3000:]
    assert not list(written.glob(".tmp-*"))
    for one, two in zip(weights(whole), weights(cut), strict=True):
        np.testing.assert_array_equal(one, two)


HANGS = """
import sys, time
from kerasgan.training import interruption
from kerasgan.utils import standstill
standstill.PATIENCE = 40
ended = interruption.Interruption.on_train_batch_end
def hang(self, batch, logs=None):
    ended(self, batch, logs)
    if {hangs} and batch == 5:
        time.sleep(1000)
interruption.Interruption.on_train_batch_end = hang
sys.argv[0] = "kerasgan"
from kerasgan.cli import app
app.main()
"""


def test_a_worker_that_hangs_though_it_lives_ends_all(recipe, tmp_path):
    path = recipe(4000)
    job = workers.start(
        2, lambda index: ["-c", HANGS.format(hangs=index == 1), "train", path, "--run", tmp_path / "run"]
    )
    said = [text for _, text in workers.ended(job, 240)]
    assert [process.returncode for process in job] == [75, 75], said
    assert any("nothing has moved for 40 seconds" in text for text in said)
