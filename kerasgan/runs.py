"""Run folders: `runs/00003-wgan_gp_fashion_mnist/` and what is found in them."""

import contextlib
import json
import os
import pathlib
import re
import socket
import sys
import zipfile

import filelock

from kerasgan import files
from kerasgan.callbacks.checkpoint import checkpoints

LOCK, HOLDER = ".train.lock", ".trainer.json"
_PARTS = {"config.json", "metadata.json", "model.weights.h5"}  # of a `.keras` file


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
    out.mkdir(parents=True, exist_ok=True)
    numbers = [int(found[1]) for path in out.iterdir() if (found := re.match(r"(\d{5,})-", path.name))]
    number = max(numbers, default=-1) + 1
    while True:  # another process may take the number first
        run = out / f"{number:05d}-{name}"
        try:
            run.mkdir()
            return run
        except FileExistsError:
            number += 1


def is_run(folder):
    """Whether a folder is a run folder."""
    return (pathlib.Path(folder) / "recipe.yaml").is_file()


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
    except (OSError, NotImplementedError) as error:
        if not os.access(run, os.W_OK):
            raise
        print(f"{run} cannot be locked here ({error}): see that no other process trains it", file=sys.stderr)
    facts = {"pid": os.getpid(), "host": socket.gethostname()}
    try:
        with files.written_whole(run / HOLDER) as beside:
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
        raise FileNotFoundError(f"{run}: expected a run folder, with a recipe.yaml in it")
    if not checkpoints(pathlib.Path(run) / "checkpoints"):
        raise FileNotFoundError(f"{run}: no checkpoint in {pathlib.Path(run) / 'checkpoints'}")


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


def damage(path):
    """Return what is wrong with a `.keras` file as its own checksums tell, or `None`.

    A file that is whole, but of which a class is missing or does not fit, is not damaged.
    """
    if not path.stat().st_size:
        return "it is empty"
    try:
        with zipfile.ZipFile(path) as packed:
            bad = packed.testzip()
            missing = _PARTS - set(packed.namelist())
    except Exception as error:  # zipfile and zlib each raise their own
        return str(error)[:200] or type(error).__name__
    return f"its part {bad} has another checksum" if bad else f"it has no {min(missing)}" if missing else None


def put_aside(run, checkpoint):
    """Rename the damaged checkpoints, those after the one that a run goes on with, which would be its newest again."""
    for path in checkpoints(pathlib.Path(run) / "checkpoints"):
        if path.name > checkpoint.name:
            path.rename(path.with_name(f"damaged-{path.name}"))


def load_model(source):
    """Load the model of a run folder (its newest checkpoint), of a preset, or of a `.keras` file.

    Args:
        source: path of a run folder, of a preset's folder or of a `.keras` file; else a preset's name or address, see
            `kerasgan.from_preset`.

    Raises:
        FileNotFoundError: if there is none of them.
        ValueError: if the file, or every checkpoint of the run, is damaged, or there is no preset of that name.
    """
    import kerasgan
    from kerasgan import presets
    from kerasgan.zoo import sources

    path = pathlib.Path(source)
    is_name = not path.exists() and path.name == str(source) and path.suffix != ".keras"
    if sources.is_address(source) or is_name or presets.is_preset(path):
        return presets.from_preset(source)
    return kerasgan.load(newest_checkpoint(path) if path.is_dir() else path)
