"""Trainings that are interrupted, damaged, locked, killed, or run in threads."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan import callbacks
from kerasgan.models import training_data
from kerasgan.models.sampler import Sampler
from kerasgan.training import evaluation, run_folder, runner
from kerasgan.utils import atomic_files, precision

RECIPE = """\
name: t
data: {{arrays: {folder}/x.npz, image_size: 32, batch_size: 8}}
latent: {{Normal: {{dim: 8}}}}
generator: {{dcgan.generator: {{filters: 4}}}}
critic: {{dcgan.critic: {{filters: 4}}}}
objective: {{SGAN: {{ema_decay: 0.9}}}}
train: {{steps: {steps}, log_every: 1, sample_every: 2, sample_count: 4, checkpoint_every: 2, seed: {seed}{more}}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    np.savez(folder / "x.npz", x=np.random.default_rng(0).integers(0, 256, (24, 32, 32, 1), np.uint8))
    return folder


@pytest.fixture
def recipe(data, tmp_path):
    """Return a function that writes a recipe and returns its path."""

    def write(steps=6, seed=0, more=""):
        path = tmp_path / f"{steps}-{seed}.yaml"
        path.write_text(RECIPE.format(folder=data, steps=steps, seed=seed, more=more))
        return path

    return write


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """Return the folder of a run of 6 steps that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "r.yaml").write_text(RECIPE.format(folder=data, steps=6, seed=0, more=""))
    return runner.train(folder / "r.yaml", folder / "runs")


@pytest.fixture
def run(whole, tmp_path):
    """Return a copy of that run."""
    return shutil.copytree(whole, tmp_path / "runs" / whole.name)


def checkpoint(run, step):
    return run / "checkpoints" / f"step-{step:08d}.keras"


def assert_same(run, other, step=6):
    one, two = (kerasgan.load(checkpoint(folder, step)) for folder in (run, other))
    assert int(one.step) == int(two.step) == step
    for a, b in zip(one.variables, two.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


# Signals


def send(*numbers):
    for number in numbers:
        os.kill(os.getpid(), number)


@pytest.fixture
def handlers():
    """Handlers as a shell in the foreground gives them; returns what they were, which they must be again."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    for number, handler in before.items():
        signal.signal(number, handler)


PAIRS = [(first, second) for first in (signal.SIGINT, signal.SIGTERM) for second in (signal.SIGINT, signal.SIGTERM)]


@pytest.mark.parametrize(
    ("first", "second"), [PAIRS[0], *(pytest.param(*pair, marks=pytest.mark.slow) for pair in PAIRS[1:])]
)
def test_a_second_signal_does_not_cut_off_the_checkpoint(first, second, recipe, whole, tmp_path, monkeypatch, handlers):
    save, shown = Sampler.save, callbacks.SampleGrid.act

    def interrupted_save(self, path, *arguments, **options):
        send(second, first)
        save(self, path, *arguments, **options)
        send(second)

    def interrupt(self, step, logs=None):
        if step == 4:
            monkeypatch.setattr(Sampler, "save", interrupted_save)
            send(first)
        shown(self, step, logs)

    monkeypatch.setattr(callbacks.SampleGrid, "act", interrupt)
    with pytest.raises(runner.Interrupted, match="interrupted at step 4; go on with: kerasgan train --resume"):
        runner.train(recipe(), tmp_path / "runs")
    assert {number: signal.getsignal(number) for number in handlers} == handlers
    monkeypatch.undo()
    found = tmp_path / "runs" / "00000-t"
    assert int(kerasgan.load(checkpoint(found, 4)).step) == 4 and list(found.rglob(".tmp-*")) == []
    if first != second:
        assert_same(runner.resume(found), whole)


def test_a_signal_before_the_first_step_leaves_a_run_that_goes_on(recipe, whole, tmp_path, monkeypatch, handlers):
    look = training_data.checked

    def interrupted(*arguments):
        send(signal.SIGINT)
        return look(*arguments)

    monkeypatch.setattr(training_data, "checked", interrupted)
    with pytest.raises(runner.Interrupted, match="interrupted at step 0; go on with: kerasgan train --resume"):
        runner.train(recipe(), tmp_path / "runs")
    monkeypatch.undo()
    assert_same(runner.resume(tmp_path / "runs" / "00000-t"), whole)


def test_two_signals_at_once_interrupt_once(recipe, tmp_path, monkeypatch, handlers):
    def interrupt(self, step, logs=None):
        try:
            send(signal.SIGTERM)
        finally:
            send(signal.SIGTERM, signal.SIGINT)

    monkeypatch.setattr(callbacks.SampleGrid, "act", interrupt)
    with pytest.raises(runner.Interrupted, match="interrupted at step 2"):
        runner.train(recipe(), tmp_path / "runs")
    assert int(kerasgan.load(checkpoint(tmp_path / "runs" / "00000-t", 2)).step) == 2


def test_a_signal_whose_exception_is_swallowed_still_ends_the_training(recipe, tmp_path, monkeypatch, handlers):
    def swallow(self, step, logs=None):
        with contextlib.suppress(KeyboardInterrupt):  # as a finalizer or a C library does
            send(signal.SIGINT)

    monkeypatch.setattr(callbacks.SampleGrid, "act", swallow)
    with pytest.raises(runner.Interrupted, match="interrupted at step 2"):
        runner.train(recipe(), tmp_path / "runs")


def test_an_ignored_signal_stays_ignored(recipe, whole, tmp_path, monkeypatch, handlers):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as nohup and shells do for what runs in the background
    monkeypatch.setattr(callbacks.SampleGrid, "act", lambda self, step, logs=None: send(signal.SIGINT))
    assert_same(runner.train(recipe(), tmp_path / "runs"), whole)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


# Threads


def in_threads(*calls):
    """Call functions at the same time, each in a thread; returns what they return."""
    found, failed = {}, []

    def work(index, call):
        try:
            found[index] = call()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
    return [found[index] for index in range(len(calls))]


@pytest.mark.slow
def test_training_and_resuming_outside_the_main_thread(recipe, whole, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    [half] = in_threads(lambda: runner.train(recipe(), tmp_path / "runs", steps=3))
    [resumed] = in_threads(lambda: runner.resume(half, steps=6))
    assert_same(resumed, whole)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.slow
def test_trainings_in_threads_do_not_mix(recipe, whole, tmp_path):
    more = ", precision: bfloat16"
    alone = runner.train(recipe(seed=5, more=more), tmp_path / "alone")
    paths = [recipe(), recipe(seed=5, more=more)]
    together = in_threads(*(lambda path=path: runner.train(path, tmp_path / "runs") for path in paths))
    for run, other in zip(together, (whole, alone)):
        assert_same(run, other)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["00000-t", "00001-t"]
    assert keras.mixed_precision.dtype_policy().name == "float32"


# Precision


@pytest.mark.slow
def test_a_run_keeps_the_precision_that_auto_took_and_goes_on_bit_for_bit(recipe, tmp_path, capsys):
    whole, part = (runner.train(recipe(steps, more=", precision: auto"), tmp_path / "runs") for steps in (6, 4))
    taken = precision.chosen("auto")
    assert f"precision: {taken}" in capsys.readouterr().err
    assert f"precision: {taken}" in (part / "recipe.yaml").read_text()
    assert_same(runner.resume(part, steps=6), whole)
    assert runner.train(recipe(6, more=", precision: auto"), steps=8, run=part) == part
    with pytest.raises(ValueError, match="expected the recipe, data and changes of its beginning; got another train"):
        runner.train(recipe(6, more=", precision: float16"), steps=9, run=part)


# Damaged checkpoints


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "cut off": cut,
    "garbage": lambda path: path.write_bytes(os.urandom(1000)),
    "empty": lambda path: path.write_bytes(b""),
    "one bit": flip,
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(name, run, capsys):
    DAMAGES[name](checkpoint(run, 6))
    loaded = run_folder.load_model(run)
    assert int(loaded.step) == 4
    err = capsys.readouterr().err
    assert f"{checkpoint(run, 6)} is damaged (" in err and "taking the one before, step-00000004.keras" in err


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one(run, whole, capsys):
    cut(checkpoint(run, 6))
    assert runner.resume(run) == run
    assert "taking the one before, step-00000004.keras" in capsys.readouterr().err
    assert_same(run, whole)
    names = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert names == ["damaged-step-00000006.keras", "step-00000004.keras", "step-00000006.keras"]


@pytest.mark.slow
def test_an_evaluation_names_the_checkpoint_that_it_measures(run, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    cut(checkpoint(run, 6))
    [found] = evaluation.evaluate([str(run)], n=8)
    assert found.protocol.model == str(checkpoint(run, 4))
    assert capsys.readouterr().err.count("is damaged") == 1


def test_where_all_checkpoints_are_damaged_each_is_named(run):
    for step in (4, 6):
        cut(checkpoint(run, step))
    for call in (runner.resume, run_folder.load_model):
        with pytest.raises(ValueError, match="no checkpoint that is whole: .*0006.keras is damaged .*0004.keras is"):
            call(run)
    assert checkpoint(run, 4).exists() and checkpoint(run, 6).exists()


def test_a_checkpoint_that_is_whole_but_cannot_be_built_is_not_passed_over(run, monkeypatch):
    def fail(*arguments, **options):
        raise TypeError("no such class")

    monkeypatch.setattr(keras.saving, "load_model", fail)
    with pytest.raises(ValueError, match="step-00000006.keras: .*no such class"):
        run_folder.load_model(run)


# One trainer at a time


def test_a_run_that_is_being_trained_is_refused_to_others(run):
    with run_folder.locked(run):
        with pytest.raises(BlockingIOError, match=f"{run} is being trained by process {os.getpid()} on .*; wait until"):
            runner.resume(run, steps=8)
    assert [path.name for path in run.iterdir() if path.name == run_folder.HOLDER] == []
    with run_folder.locked(run):
        pass


LOCKS = """\
import sys
from kerasgan.training import run_folder
from kerasgan.utils import atomic_files, precision
target = sys.argv[1] + "/checkpoints/step-00000008.keras"
with run_folder.locked(sys.argv[1]), atomic_files.written_whole(target) as beside:
    beside.write_bytes(b"half")
    print("ready", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def trainer(run):
    """Another process that has the run's lock and is writing a checkpoint."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", LOCKS, str(run)], **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_a_killed_trainer_leaves_no_lock_and_its_files_go_away(run, whole):
    old = run / "checkpoints" / ".tmp-0a1b2c3d-step-00000005.keras"  # of kerasgan before it had locks
    old.write_bytes(b"half")
    cut(checkpoint(run, 6))
    with trainer(run) as process:
        with pytest.raises(BlockingIOError, match=f"is being trained by process {process.pid} on "):
            runner.resume(run)
        assert json.loads((run / run_folder.HOLDER).read_text())["pid"] == process.pid
        atomic_files.sweep(run / "checkpoints")
        [half] = (run / "checkpoints").glob(".tmp-*")
        assert (half / "step-00000008.keras").read_bytes() == b"half" and not old.exists()
    assert_same(runner.resume(run), whole)
    assert list(run.rglob(".tmp-*")) == [] and not (run / run_folder.HOLDER).exists()


def test_what_is_being_written_is_not_swept(tmp_path):
    with atomic_files.written_whole(tmp_path / "a") as beside:
        beside.write_text("1")
        atomic_files.sweep(tmp_path)
        assert beside.read_text() == "1"
    assert (tmp_path / "a").read_text() == "1" and [path.name for path in tmp_path.iterdir()] == ["a"]


def test_sweeping_while_others_write_loses_nothing(tmp_path):
    stop = threading.Event()

    def sweep():
        while not stop.is_set():
            atomic_files.sweep(tmp_path)

    def write(name):
        for number in range(200):
            with atomic_files.written_whole(tmp_path / name) as beside:
                beside.write_text(str(number))
            assert (tmp_path / name).read_text() == str(number)

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        in_threads(lambda: write("a"), lambda: write("b"))
    finally:
        stop.set()
        sweeper.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.slow
def test_many_kills_in_the_middle_of_saves_resume_bit_for_bit(data, tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE.format(folder=data, steps=100, seed=0, more="").replace("_every: 2", "_every: 1"))
    straight = runner.train(path, tmp_path / "straight")
    line = [sys.executable, "-m", "kerasgan", "train"]
    arguments = [str(path), "--out", str(tmp_path / "killed")]
    run, rng, kills = tmp_path / "killed" / "00000-t", np.random.default_rng(0), 0
    while kills < 12:  # some 3 steps each: the run is not over before
        with subprocess.Popen([*line, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            stale = set(run.glob("checkpoints/.tmp-*"))  # of the last kill, which the next trainer sweeps away
            while process.poll() is None and not set(run.glob("checkpoints/.tmp-*")) - stale:
                time.sleep(0.001)  # until a save begins
            time.sleep(rng.uniform(0, 0.3))
            process.kill()
        kills += 1
        if not run.exists() or not list(run.glob("checkpoints/step-*")):
            shutil.rmtree(run, ignore_errors=True)
        else:
            arguments = ["--resume", str(run)]
    runner.resume(run)
    assert_same(run, straight, step=100)
    assert list(run.rglob(".tmp-*")) == []


def test_a_run_does_not_go_on_without_what_it_began_with(recipe, tmp_path):
    began = ["techniques={InstanceNoise: {}}", "generator_optimizer={Adam: {learning_rate: 0.01}}"]
    path = recipe(steps=2)
    runner.train(path, changes=began, run=tmp_path / "run")
    with pytest.raises(ValueError, match="goes on as it began; .*; got another generator_optimizer, techniques"):
        runner.train(path, run=tmp_path / "run", steps=4)
    assert runner.train(path, changes=began, run=tmp_path / "run", steps=4) == tmp_path / "run"
