"""`kerasgan train` on several workers: one run folder, lost workers, jobs that are started again."""

import json
import signal
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan.training import run_folder, runner
from kerasgan.utils import devices
from tests.distribute import workers
from tests.distribute.conftest import RECIPE
from tests.distribute.workers import train, weights


@pytest.mark.slow
def test_one_folder_whose_numbers_are_those_of_one_process_and_that_goes_on_after_a_kill(recipe, tmp_path):
    path = recipe(12)
    alone, whole, cut = (tmp_path / name for name in ("alone", "whole", "cut"))
    subprocess.run([sys.executable, *map(str, train(path, "--run", alone))], check=True, cwd=workers.ROOT, timeout=600)
    for status, said in workers.ended(workers.start(2, lambda index: train(path, "--run", whole))):
        assert status == 0, said[-3000:]
        assert f"run folder: {whole}" in said
    names = [sorted(each.name for each in run.rglob("*") if "tfevents" not in each.name) for run in (alone, whole)]
    assert names[0] == names[1]
    for one, two in zip(weights(alone), weights(whole), strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-5)

    job = workers.start(2, lambda index: train(path, "--run", cut))
    end = time.monotonic() + 300
    while not (cut / "checkpoints" / "step-00000004.keras").exists():
        assert time.monotonic() < end and all(process.poll() is None for process in job)
        time.sleep(0.05)
    job[1].kill()
    (status, said), (killed, _) = workers.ended(job, 200)
    assert killed == -signal.SIGKILL
    if status != 0:  # else it had ended before
        assert status == 75, said[-3000:]
        assert f"start all workers again with --resume {cut}" in said
        for status, said in workers.ended(workers.start(2, lambda index: train(path, "--run", cut))):
            assert status == 0, said[-3000:]
    for one, two in zip(weights(whole), weights(cut), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_all_stop_after_the_same_step_where_one_is_told_to(recipe, tmp_path):
    run = tmp_path / "run"
    job = workers.start(2, lambda index: train(recipe(4000), "--run", run))
    end = time.monotonic() + 300
    while not list(run.glob("checkpoints/*.keras")):
        assert time.monotonic() < end and all(process.poll() is None for process in job)
        time.sleep(0.1)
    job[1].send_signal(signal.SIGTERM)
    ends = workers.ended(job, 100)
    [said] = {text.splitlines()[-1] for _, text in ends}
    assert [status for status, _ in ends] == [130, 130]
    assert said.endswith(f"go on with: kerasgan train --resume {run}")
    newest = max(run.glob("checkpoints/*.keras"))
    assert int(newest.stem.partition("-")[2]) == int(said.partition("at step ")[2].partition(";")[0])


@pytest.mark.slow
def test_workers_with_other_recipes_or_storage_end_with_one_message_and_no_folder(recipe, tmp_path):
    one, other = recipe(12), recipe(12, "other.yaml", rate=0.002)
    job = workers.start(2, lambda index: train([one, other][index], "--out", tmp_path / "runs"))
    for status, said in workers.ended(job, 300):
        assert status == 1 and "1 of 2 workers have another recipe or another version than the chief" in said
    assert not (tmp_path / "runs").exists()
    patience = "import kerasgan.training.shared_run as s, sys; s._PATIENCE = 2; sys.argv[0] = 'kerasgan'; "
    command = "from kerasgan.cli import app; app.main()"
    job = workers.start(
        2, lambda index: ["-c", patience + command, "train", one, "--out", tmp_path / f"storage{index}"]
    )
    (status, said), (other_status, other_said) = workers.ended(job, 300)
    assert (status, other_status) == (1, 1)
    assert "1 of 2 workers cannot go on; their own messages say why" in said
    assert "--out must be a folder that all workers share" in other_said
    assert not list(tmp_path.glob("storage*/*"))


@pytest.mark.slow
def test_a_batch_of_fewer_rows_than_workers_ends_all_with_one_message_and_no_folder(recipe, tmp_path):
    job = workers.start(3, lambda index: train(recipe(12), "--run", tmp_path / "run", "--set", "data.batch_size=2"))
    for status, said in workers.ended(job, 300):
        assert status == 1 and "replicas times parts" in said.splitlines()[-1], said[-3000:]
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_port_that_is_taken_ends_that_worker_at_once(recipe, tmp_path):
    environment = workers.environments(2)[1]
    port = int(json.loads(environment["TF_CONFIG"])["cluster"]["worker"][1].rpartition(":")[2])
    line = [sys.executable, *map(str, train(recipe(12), "--run", tmp_path / "run"))]
    with socket.create_server(("", port)):
        done = subprocess.run(line, env=environment, cwd=workers.ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert f"port {port} of this worker cannot be listened on" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ("no JSON", "JSONDecodeError"),
        ({"cluster": {"worker": ["a:1", "b:1"]}}, "KeyError: 'task'"),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}, "IndexError"),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}, "KeyError: 'chief'"),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": -1}}, "got"),
        ({"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 0}}, "got"),
        ({"cluster": {"worker": ["a:1", "b:x"]}, "task": {"type": "worker", "index": 0}}, "got"),
        ({"cluster": {"worker": ["a:1", "b:70000"]}, "task": {"type": "worker", "index": 1}}, "got"),
        ({"cluster": {"worker": ["a:1", "b:"]}, "task": {"type": "worker", "index": 0}}, "got"),
        ({"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}, "each address once"),
        ({"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}, "chief and worker"),
    ],
    ids=str,
)
def test_a_wrong_tf_config_is_told_before_anything_waits(monkeypatch, config, what):
    monkeypatch.setenv("TF_CONFIG", config if isinstance(config, str) else json.dumps(config))
    with pytest.raises(ValueError, match="TF_CONFIG: expected JSON such as") as error:
        with devices.used():
            pass
    assert what in str(error.value)


def test_one_worker_is_no_cluster(monkeypatch):
    config = {"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    with devices.used() as strategy:
        assert strategy.num_replicas_in_sync == 1


def test_a_folder_of_something_else_is_no_run(recipe, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="mine: expected a run folder or nothing; something else is there"):
        kerasgan.training.train(recipe(2), run=tmp_path / "mine")
    (tmp_path / "mine" / "recipe.yaml").write_text("name: mine")
    with pytest.raises(FileExistsError, match="mine: expected a run folder or nothing; something else is there"):
        kerasgan.training.train(recipe(2), run=tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_folder_that_was_there_stays_when_training_fails(recipe, tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(runner, "_fit", fail)
    for there in (True, False):
        run = tmp_path / f"run{there}"
        if there:
            run.mkdir()
        with pytest.raises(OSError, match="disk full"):
            kerasgan.training.train(recipe(2), run=run)
        assert run.exists() == there


def test_a_run_that_is_there_goes_on(recipe, tmp_path):
    run = tmp_path / "run"
    kerasgan.training.train(recipe(4), run=run)
    kerasgan.training.train(recipe(4), run=run, steps=6)
    assert int(keras.saving.load_model(max(run.glob("checkpoints/*.keras"))).step) == 6
    with pytest.raises(ValueError, match="goes on as it began; .*; got another train"):
        kerasgan.training.train(recipe(4), run=run, changes=["train.seed=1"])


def test_a_recipe_that_was_edited_is_not_taken_for_what_trains(recipe, tmp_path):
    run = kerasgan.training.train(recipe(2), run=tmp_path / "run")
    began = (run / "recipe.yaml").read_text()
    for before, after, part in (
        ("learning_rate: 0.001", "learning_rate: 0.9", "generator_optimizer, critic_optimizer"),
        ("seed: 0", "seed: 1", "train.seed"),
        ("start_from: null", "start_from: garments", "train.start_from"),
    ):
        assert before in began
        (run / "recipe.yaml").write_text(began.replace(before, after))
        with pytest.raises(ValueError, match=f"recipe.yaml: expected {part} as the run began with, .*a new run"):
            kerasgan.training.resume(run, steps=3)
    (run / "recipe.yaml").write_text(began.replace("log_every: 2", "log_every: 1"))
    kerasgan.training.resume(run, steps=3)
    assert max(run.glob("checkpoints/*.keras")).name == "step-00000003.keras"


def test_a_run_that_goes_on_elsewhere_says_where_its_data_were(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", x=np.random.default_rng(0).integers(0, 256, (64, 32, 32, 1), "uint8"))
    (tmp_path / "tiny.yaml").write_text(RECIPE % ("data.npz", 1))
    run = kerasgan.training.train("tiny.yaml", run=tmp_path / "run")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="data.npz; .*recipe.yaml has that path as it was typed: go on in the"):
        kerasgan.training.resume(run, steps=2)


@pytest.mark.slow
def test_the_same_command_with_its_changes_goes_on(recipe, tmp_path):
    run, changes = tmp_path / "run", ["train.seed=1", "data.batch_size=4"]
    kerasgan.training.train(recipe(4), run=run, changes=changes)
    kerasgan.training.train(recipe(4), run=run, changes=changes, steps=6)
    assert max(run.glob("checkpoints/*.keras")).name == "step-00000006.keras"


def test_a_run_that_another_process_has_begun_stays(recipe, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.yaml").write_text("name: another's, before its first checkpoint")
    with run_folder.locked(run), pytest.raises(BlockingIOError, match="is being trained"):
        kerasgan.training.train(recipe(2), run=run)
    assert (run / "recipe.yaml").read_text().startswith("name: another's")
