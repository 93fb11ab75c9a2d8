"""A run of several workers: one folder on storage that all of them see, written by the chief."""

import contextlib
import json
import pathlib
import time

import keras
import tensorflow as tf

from kerasgan.saving.keras_file import checkpoints, step_of
from kerasgan.training import run_folder
from kerasgan.utils import workers
from kerasgan.utils.version import __version__

_PATIENCE = 30  # seconds until what one machine has written must be seen by the others


def has_checkpoint(strategy, run):
    """Whether there is a run with a checkpoint, as the chief finds it."""
    found = run_folder.is_run(run) and bool(checkpoints(pathlib.Path(run) / "checkpoints"))
    [found] = workers.of_the_chief(strategy, [float(found)])
    return bool(found)


def create(strategy, out, name, run=None):
    """Make the next numbered run folder, or `run` where it is given, the same for all workers: `run_folder.create`.

    Raises:
        ValueError: on every worker, if one of them does not see the chief's folder.
    """
    number = [0.0]
    with workers.together(strategy):
        if workers.is_chief(strategy) and run is not None:
            run_folder.create_at(run)
        elif workers.is_chief(strategy):
            number = [float(run_folder.create(out, name).name.partition("-")[0])]
    [number] = workers.of_the_chief(strategy, number)
    run = pathlib.Path(out) / f"{int(number):05d}-{name}" if run is None else pathlib.Path(run)
    try:
        with workers.together(strategy):
            _wait_for(run)
    except Exception:
        if workers.is_chief(strategy):
            with contextlib.suppress(OSError):  # a run that was begun before has files in it, and stays
                run.rmdir()
        raise
    return run


def newest_checkpoint(strategy, run):
    """Return the newest checkpoint that the chief finds whole; see `run_folder.newest_checkpoint`."""
    step = [0.0]
    with workers.together(strategy):
        if workers.is_chief(strategy):
            step = [float(step_of(run_folder.newest_checkpoint(run)))]
    [step] = workers.of_the_chief(strategy, step)
    path = pathlib.Path(run) / "checkpoints" / f"step-{int(step):08d}.keras"
    with workers.together(strategy):
        _wait_for(path)
    return path


def check_alike(strategy, plan):
    """Raise `ValueError` on every worker where one has another recipe than the chief, or other packages."""
    versions = f"kerasgan {__version__}, keras {keras.__version__}, tensorflow {tf.__version__}"
    others = workers.others(strategy, json.dumps([plan.plain(), versions], sort_keys=True))
    if others:
        raise ValueError(
            f"{others} of {workers.count(strategy)} workers have another recipe or another version than the chief "
            f"(here {plan.name}, {versions}): start all of them with the same command and packages"
        )


def _wait_for(path):
    """Wait for what the chief has written; `ValueError` where it does not appear."""
    end = time.monotonic() + _PATIENCE
    while not path.exists():
        if time.monotonic() > end:
            raise ValueError(
                f"{path}: expected here what the chief has written there; after {_PATIENCE} seconds it is not seen: "
                "--out must be a folder that all workers share, such as a network volume"
            )
        time.sleep(0.2)
