"""Writing files and folders so that nothing half-written is ever left behind."""

import contextlib
import os
import pathlib
import shutil
import tempfile
import uuid


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def written_whole(target):
    """Write beside `target`, then rename: `target` appears complete or not at all.

    Args:
        target: path of the file or folder to make. Its parent folder is made where missing.

    Yields:
        A `pathlib.Path` in the same folder, with the same suffix, that does not exist yet. Write a file or make
        a folder there. When the block ends normally it is renamed to `target` (a file replaces an older
        file); when it raises, it is removed.

    Raises:
        OSError: naming the path, if the folder cannot be written or the disk is full.
    """
    target = pathlib.Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".tmp-{uuid.uuid4().hex[:8]}-{target.name}")
    try:
        yield beside
        os.replace(beside, target)
    except OSError as error:
        _remove(beside)
        raise OSError(error.errno, f"cannot write {target}: {error.strerror or error}") from error
    except BaseException:
        _remove(beside)
        raise


def check_writable(target):
    """Raise `OSError`, naming the path, if no file can be written there: before the work that it is to hold."""
    target = pathlib.Path(target)
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {target}: it is a folder")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise OSError(error.errno, f"cannot write {target}: {error.strerror or error}") from error


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
