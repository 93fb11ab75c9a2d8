"""Writing files and folders so that nothing half-written is ever left behind."""

import contextlib
import errno
import os
import pathlib
import shutil
import tempfile
import uuid

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_TEMPORARY = ".tmp-"
_LOCK = "lock"
_FLAGS = os.O_RDWR | os.O_CREAT


def make_folder(folder):
    """Make a folder, and those above it, where missing; `OSError` names what is in the way."""
    folder = pathlib.Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        file = next(path for path in (folder, *folder.parents) if path.exists())
        raise NotADirectoryError(errno.ENOTDIR, f"Not a directory, but a file: {file}") from None


@contextlib.contextmanager
def written_whole(target):
    """Write beside `target`, then rename: `target` appears complete or not at all.

    Args:
        target: path of the file or folder to make. Its parent folder is made where missing.

    Yields:
        A `pathlib.Path` of the same name, in a hidden folder beside it, that does not exist yet. Write a file or make
        a folder there. When the block ends normally it is renamed to `target` (a file replaces an older
        file); when it raises, it is removed. What a killed process leaves, `sweep` removes.

    Raises:
        OSError: naming the path, if the folder cannot be written or the disk is full.
    """
    target = pathlib.Path(target)
    try:
        make_folder(target.parent)
        with _temporary_folder(target.parent) as folder:
            beside = folder / target.name
            yield beside
            os.replace(beside, target)
    except OSError as error:
        if error.errno is None:  # of a network, say, and not of this disk
            raise
        raise OSError(error.errno, f"cannot write {target}: {error.strerror or error}") from error


def sweep(*folders):
    """Remove what killed processes left in folders where they wrote with `written_whole`.

    What another process is writing stays: its lock, which the operating system drops when it ends, cannot be had.
    Nothing is removed on a file system without locks.
    """
    for path in (path for folder in folders for path in pathlib.Path(folder).glob(f"{_TEMPORARY}*")):
        with contextlib.suppress(OSError):
            _sweep(path)


def _sweep(path):
    if not path.is_dir():  # of kerasgan before it had locks
        path.unlink()
        return
    lock = os.open(path / _LOCK, _FLAGS, 0o600)
    try:
        _take(lock)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(lock)


@contextlib.contextmanager
def _temporary_folder(parent):
    folder, lock = _new_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _new_folder(parent):
    """A new temporary folder, and its open lock."""
    while True:
        folder = parent / f"{_TEMPORARY}{uuid.uuid4().hex[:12]}"
        folder.mkdir()
        try:
            lock = os.open(folder / _LOCK, _FLAGS, 0o600)
        except FileNotFoundError:  # `sweep` took the folder
            continue
        except OSError:  # a full disk
            folder.rmdir()
            raise
        try:
            _take(lock)
            mine = folder.is_dir()
        except BlockingIOError:  # `sweep` has it, and removes the folder
            mine = False
        except OSError:  # a file system without locks
            mine = True
        if mine:
            return folder, lock
        os.close(lock)


def _take(lock):
    """Take the lock of an open file until it is closed; `OSError` if another process has it, or there are no locks."""
    if fcntl is None:
        raise OSError(errno.ENOSYS, "no file locks")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def check_writable(target):
    """Raise `OSError`, naming the path, if no file can be written there: before the work that it is to hold."""
    target = pathlib.Path(target)
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {target}: it is a folder")
    try:
        make_folder(target.parent)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise OSError(error.errno, f"cannot write {target}: {error.strerror or error}") from error


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def replace_folder(target):
    """Like `written_whole`, for a folder that may replace an older folder of that name.

    The old folder is moved aside, the new one renamed into place, and the old one removed; if the new one cannot take
    the place, the old one goes back to it.
    """
    target = pathlib.Path(target)
    old = target.with_name(f".old-{uuid.uuid4().hex[:8]}-{target.name}")
    try:
        with written_whole(target) as beside:
            yield beside
            if target.exists():
                os.rename(target, old)
    except BaseException:
        if old.exists() and not target.exists():
            os.rename(old, target)
        else:
            _remove(old)
        raise
    _remove(old)


@contextlib.contextmanager
def restored(path):
    """Put a file back as it was if the block raises; one that was not there is removed."""
    path = pathlib.Path(path)
    before = path.read_bytes() if path.exists() else None
    try:
        yield
    except BaseException:
        if before is None:
            path.unlink(missing_ok=True)
        elif path.read_bytes() != before:
            with written_whole(path) as beside:
                beside.write_bytes(before)
        raise
