"""Prepared images of a source in files, for runs to come.

The folder `PATH-DIGEST` holds what TensorFlow's `Dataset.cache` writes. Its digest is of the source's `cache_key` and
of how the images are prepared, so that others are never taken for these. A folder is written by one process, while
others wait for it, and appears when it is complete.
"""

import hashlib
import pathlib
import sys

import filelock

from kerasgan.data.source import Source
from kerasgan.utils import atomic_files
from kerasgan.utils.messages import quoted

_FORMAT = 2  # counts on when the same source would be prepared to other images
_NAME, _ROWS = "images", 64


def kept(examples, path, source: Source, settings):
    """Return a dataset's elements out of files, which are written first where they are not there.

    Args:
        examples: `tf.data.Dataset` of the prepared images and labels.
        path: what the folder's name begins with; the parent folder is made where missing.
        source: of which the examples are.
        settings: what they depend on beside the source, of which `repr` tells all.

    Returns:
        `tf.data.Dataset`.

    Raises:
        ValueError: if nothing tells the source from others, or its files change while they are read.
        OSError: if the files cannot be written.
    """
    if source.cache_key is None:
        raise ValueError(
            f"cache: expected True or False, as {source.name} has no cache_key that tells its images from others; "
            f"got {quoted(str(path))}"
        )
    key = source.cache_key()
    digest = hashlib.sha256(repr((_FORMAT, key, settings)).encode()).hexdigest()[:16]
    path = pathlib.Path(path).expanduser()
    folder = path.with_name(f"{path.name}-{digest}")
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if not folder.is_dir():  # another process may have written it
                _write(examples, folder, source, key)
    return examples.cache(str(folder / _NAME))


def _write(examples, folder, source, key):
    atomic_files.sweep(folder.parent)
    with atomic_files.written_whole(folder) as beside:
        beside.mkdir()
        for _ in examples.cache(str(beside / _NAME)).batch(_ROWS):  # a step of Python for each costs more than reading
            pass
        if source.cache_key() != key:
            raise ValueError(f"cache: the files of {source.name} changed while they were read; start again")


def _alone(folder):
    lock = filelock.FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        return lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"waiting for another process that writes the cache {folder}", file=sys.stderr)
        return lock.acquire()
