"""Where downloaded presets are kept. A preset's folder is named after the checksums of its files, so that two versions
never mix, and a file appears in it whole and checked or not at all."""

import contextlib
import hashlib
import json
import sys

import filelock

from kerasgan.saving import download, manifest
from kerasgan.utils import atomic_files as writing
from kerasgan.utils.cache_root import check_online, offline, root
from kerasgan.utils.progress import Bar


def place(label, files):
    """Return the folder of a preset in the cache.

    Args:
        label: string of letters, digits, `_`, `-` and `.`.
        files: dict of names to `manifest.File`.
    """
    content = json.dumps({name: files[name].sha256 for name in sorted(files)})
    return root() / "presets" / f"{label}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def fetch(label, files, names, base):
    """Make sure that files of a preset are in the cache.

    Args:
        label: see `place`.
        files: dict of names to `manifest.File`, all that the preset has.
        names: those that are needed.
        base: address of the preset's folder, or `None` where there is none.

    Returns:
        `pathlib.Path` of its folder in the cache.

    Raises:
        ConnectionError: if `$KERASGAN_OFFLINE` is set and a file is not there yet; or as `download.fetch`.
        FileNotFoundError, PermissionError, ValueError, OSError: as `download.fetch`.
    """
    folder = place(label, files)
    missing = _missing(folder, files, names)
    if not missing:
        return folder
    check_online(f"{label}: {', '.join(missing)} not in the cache {folder}")
    if base is None:
        raise FileNotFoundError(
            f"{label}: its files are neither in this installation nor in the cache, and the registry has no address "
            "for them; set KERASGAN_ZOO_URL to a mirror"
        )
    with _named():
        folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder):
        for name in _missing(folder, files, names):  # another process may have fetched them
            bar = Bar(f"{label}/{name}", files[name].size, "B", stream=sys.stderr, quick_is_silent=True)
            download.fetch(base, name, folder / name, files[name], bar.show)
            bar.finish()
    return folder


def metadata(base):
    """Return the bytes of the `metadata.json` at an address; what came last, where `$KERASGAN_OFFLINE` is set.

    Raises:
        ConnectionError, FileNotFoundError, PermissionError, ValueError: as `download.read`.
        OSError: if the cache cannot be written.
    """
    kept = root() / "addresses" / f"{hashlib.sha256(base.encode()).hexdigest()[:32]}.json"
    if offline():
        if not kept.is_file():
            check_online(f"{base}: not in the cache {root()}")
        return kept.read_bytes()
    content = download.read(base, manifest.METADATA)
    manifest.read_metadata(content, base)
    keep(kept, content)
    return content


def keep(path, content):
    """Write bytes to a file of the cache, unless they are there.

    Raises:
        OSError: if the cache cannot be written.
    """
    if path.is_file() and path.read_bytes() == content:
        return
    with _named(), writing.written_whole(path) as beside:
        beside.write_bytes(content)


def _missing(folder, files, names):
    return [name for name in names if manifest.problem(folder / name, files[name])]


@contextlib.contextmanager
def _named():
    """Lets an `OSError` of the block say which cache cannot be written."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno, f"cannot write the cache {root()}: {error.strerror or error}; KERASGAN_CACHE names another"
        ) from error


@contextlib.contextmanager
def _lock(folder):
    lock = filelock.FileLock(folder.with_name(f"{folder.name}.lock"))
    with _named():
        try:
            lock.acquire(timeout=1)
        except filelock.Timeout:
            print(f"waiting for another process that downloads {folder.name}", file=sys.stderr)
            lock.acquire()
    try:
        yield
    finally:
        lock.release()
