"""Run folders: `runs/00003-wgan_gp_fashion_mnist/` and what is found in them."""

import contextlib
import errno
import json
import os
import pathlib
import re
import socket
import sys

import filelock
import yaml

from kerasgan.callbacks.checkpoint import damage
from kerasgan.saving.keras_file import checkpoints, step_of
from kerasgan.utils import atomic_files, classes, outside
from kerasgan.utils.messages import did_you_mean

RECIPE = "recipe.yaml"
LOCK, HOLDER = ".train.lock", ".trainer.json"


def create(out, name):
    """Make the next numbered run folder.

    Args:
        out: folder of all runs; made where missing.
        name: what comes after the number.

    Returns:
        `pathlib.Path` of the new, empty folder.

    Raises:
        OSError: naming the folder, if it cannot be made.
    """
    out = pathlib.Path(out)
    atomic_files.make_folder(out)
    numbers = [int(found[1]) for path in out.iterdir() if (found := re.match(r"(\d{5,})-", path.name))]
    number = max(numbers, default=-1) + 1
    while True:  # another process may take the number first
        run = out / f"{number:05d}-{name}"
        try:
            run.mkdir()
            return run
        except FileExistsError:
            number += 1


def create_at(run):
    """Make a run folder of a given path; one that was begun and has no checkpoint is begun anew.

    Raises:
        FileExistsError: if something else is there.
    """
    run = pathlib.Path(run)
    # not a recipe of a user's; killed early, a run has its lock alone
    begun = (run / LOCK).is_file() or (is_run(run) and (run / "run.json").is_file())
    if run.exists() and not begun and (not run.is_dir() or any(run.iterdir())):
        raise FileExistsError(f"{run}: expected a run folder or nothing; something else is there")
    atomic_files.make_folder(run)
    for log in (*run.glob("*.jsonl"), *run.glob("*/*.jsonl")):  # of steps that no checkpoint holds
        log.unlink()


def is_run(folder):
    """Whether a folder is a run folder."""
    return (pathlib.Path(folder) / RECIPE).is_file()


@contextlib.contextmanager
def locked(run):
    """Keep every other process and thread from training a run during the block.

    The lock is the operating system's: it ends with the process that has it, however that ends. Between machines that
    share the folder it holds where their file system has such locks (NFS with its lock service, but not every other);
    where it has none, that is said on standard error.

    Args:
        run: path of its folder.

    Raises:
        BlockingIOError: if the run is being trained; it names the process and the machine.
    """
    run = pathlib.Path(run)
    lock = filelock.FileLock(run / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise BlockingIOError(f"{run} is being trained by {_holder(run)}; wait until it ends, or stop it") from None
    except (OSError, NotImplementedError) as error:  # NotImplementedError is an older filelock's
        if getattr(error, "errno", None) not in (None, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        print(f"{run} cannot be locked here ({error}): see that no other process trains it", file=sys.stderr)
    facts = {"pid": os.getpid(), "host": socket.gethostname()}
    try:
        with atomic_files.written_whole(run / HOLDER) as beside:
            beside.write_text(json.dumps(facts) + "\n")
        yield
    finally:
        with contextlib.suppress(OSError):
            (run / HOLDER).unlink()
        lock.release()


def _holder(run):
    try:
        facts = json.loads((run / HOLDER).read_text())
        return f"process {facts['pid']} on {facts['host']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has not written it yet
        return "another process"


def check(run):
    """Raise `FileNotFoundError` unless a folder is a run with a checkpoint."""
    if not is_run(run):
        near = _run_near(pathlib.Path(run))
        raise FileNotFoundError(f"run: expected a run folder, with a recipe.yaml in it; got {run}{near}")
    if not checkpoints(pathlib.Path(run) / "checkpoints"):
        raise FileNotFoundError(f"run: expected one with a checkpoint; got none in {pathlib.Path(run) / 'checkpoints'}")


def _run_near(path):
    """Which run a path may have been meant for: the one that it is a part of, one in it, or one named much alike."""
    within = next((parent for parent in path.parents if is_run(parent)), None) if path.exists() else None
    if within is not None:
        return f"; it is a part of the run {within}: give that folder"
    runs = sorted(str(recipe.parent) for recipe in path.glob(f"*/{RECIPE}")) if path.is_dir() else []
    if runs:
        return f"; it holds {len(runs)} of them: give one, such as {runs[-1]}"
    near = [] if path.exists() else [str(recipe.parent) for recipe in path.parent.glob(f"*/{RECIPE}")]
    hint = did_you_mean(path, near)
    return f"; {hint}" if hint else ""


def newest_checkpoint(run):
    """Return the path of a run's newest checkpoint that is whole; damaged ones are named on standard error.

    Raises:
        FileNotFoundError: if the folder is no run or has no checkpoint.
        ValueError: if all checkpoints are damaged.
    """
    check(run)
    problems = {}
    for path in reversed(checkpoints(pathlib.Path(run) / "checkpoints")):
        problem = damage(path)
        if problem is None:
            if problems:
                print(f"{_told(problems)}; taking the one before, {path.name}", file=sys.stderr)
            return path
        problems[path] = problem
    raise ValueError(f"{run}: no checkpoint that is whole: {_told(problems)}")


def _told(problems):
    return "; ".join(f"{path} is damaged ({problem})" for path, problem in problems.items())


def put_aside(run, checkpoint):
    """Rename the damaged checkpoints, those after the one that a run goes on with, which would be its newest again."""
    for path in checkpoints(pathlib.Path(run) / "checkpoints"):
        if step_of(path) > step_of(checkpoint):
            path.rename(path.with_name(f"damaged-{path.name}"))


def facts(run):
    """Return what the `run.json` of a run folder says, a dict; {} without a readable one."""
    try:
        facts = json.loads((pathlib.Path(run) / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def write_facts(run, facts):
    """Write the `run.json` of a run folder, whole or not at all."""
    with atomic_files.written_whole(pathlib.Path(run) / "run.json") as beside:
        beside.write_text(json.dumps(facts, indent=2) + "\n")


def named(model, run):
    """Return a run's model, where it is of a kerasgan before class names with those that `run.json` tells."""
    data = facts(run).get("data")
    if model.num_classes is not None and model.class_names is None and isinstance(data, dict):
        model.class_names = classes.known(data.get("classes"), model.num_classes)
    return model


def load_model(source):
    """Load the model of a run folder (its newest checkpoint), of a preset, or of a `.keras` file.

    Args:
        source: path of a run folder, of a preset's folder or of a `.keras` file; else a preset's name or address, see
            `kerasgan.from_preset`.

    Raises:
        FileNotFoundError: if there is none of them.
        ValueError: if the file, or every checkpoint of the run, is damaged, or there is no preset of that name.
    """
    from kerasgan.saving import keras_file, manifest, presets, sources

    path = pathlib.Path(source)
    is_name = not path.exists() and path.name == str(path) and path.suffix != ".keras"
    if sources.is_address(source) or is_name or manifest.is_preset(path):
        return presets.from_preset(source)
    if path.suffix != ".keras" and not path.is_dir():
        what = "it is a file" if path.exists() else "nothing is there"
        raise FileNotFoundError(f"{path}: expected a run folder, a .keras file or a preset; {what}{_run_near(path)}")
    if path.is_dir() and not is_run(path):
        raise FileNotFoundError(
            f"{path}: expected a run folder, with a {RECIPE} in it, or a preset's, with a {manifest.METADATA}"
            f"{_run_near(path)}"
        )
    checkpoint = newest_checkpoint(path) if path.is_dir() else path
    run = of_checkpoint(checkpoint)
    use_imports(run)
    return named(keras_file.load(checkpoint), run)


def of_checkpoint(path):
    """Return the run folder that a `.keras` file is of: in its `checkpoints`, or beside its recipe as `best.keras`."""
    return path.parent if is_run(path.parent) else path.parent.parent


def use_imports(run):
    """Import the modules that a run's recipe names in `imports`, whose classes its checkpoints may be of."""
    if (run / RECIPE).is_file():
        outside.use((yaml.safe_load((run / RECIPE).read_text()) or {}).get("imports", ()))
