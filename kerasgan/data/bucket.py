"""Pictures in a bucket, s3:// or gs://: copied to this machine once, and read there."""

import contextlib
import hashlib
import json
import os
import pathlib
import urllib.parse

from kerasgan.utils import atomic_files, bucket_file_system, cache_root
from kerasgan.utils.annotations import Path
from kerasgan.utils.messages import quoted, shortened

_CHANGE_WITH_CONTENT = ("ETag", "md5Hash", "crc32c", "etag")  # what buckets tell of a file


def is_address(path: Path) -> bool:
    """Whether a path is the address of something in a bucket."""
    return str(path).startswith(tuple(f"{scheme}://" for scheme in bucket_file_system.PACKAGES))


def local(path: Path) -> Path:
    """Return a path on this machine: `path` itself, or where a copy of what lies at the address in a bucket is.

    The copy is in `cache_root.root()`, in a folder named by address and content: what changes in the bucket is copied
    anew. It is there whole or not at all, also when several processes ask at once; files are written to disk as they
    come. Who may read the bucket is said as s3fs and gcsfs have it, by environment variables and files.

    Args:
        path: a path, which is returned as it is; or `s3://BUCKET/FOLDER`, `gs://BUCKET/FILE.npz`.

    Raises:
        FileNotFoundError, PermissionError: if nothing is at the address, or the bucket does not give it.
        ImportError: if s3fs or gcsfs is not installed.
        ConnectionError: if the bucket cannot be read, or `$KERASGAN_OFFLINE` is set.
        ValueError: if names in the bucket lead out of the folder.
        OSError: if the copy cannot be written.
    """
    if not is_address(path):
        return path
    address = str(path).rstrip("/")
    cache_root.check_online(f"{address} is in a bucket")
    system, listed = _listed(address)
    known = [(name, facts["size"], *(str(facts.get(key)) for key in _CHANGE_WITH_CONTENT)) for name, facts in listed]
    digest = hashlib.sha256(json.dumps([address, known]).encode()).hexdigest()[:16]
    target = cache_root.root() / "data" / digest / address.rpartition("/")[2]
    if target.exists():
        return target
    try:
        with atomic_files.written_whole(target) as beside:
            for name, facts in listed:
                file = beside / name if name else beside
                file.parent.mkdir(parents=True, exist_ok=True)
                with _told(address):
                    system.get_file(facts["name"], os.fspath(file))
    except OSError:
        if not target.exists():  # else another process was quicker
            raise
    return target


@contextlib.contextmanager
def _told(address):
    """Name the address in what s3fs and gcsfs raise, each errors of its own."""
    try:
        yield
    except (FileNotFoundError, PermissionError) as error:
        raise type(error)(f"{address}: the bucket does not have or give it ({shortened(error)})") from error
    except Exception as error:
        raise ConnectionError(f"{address}: cannot be read ({shortened(error)})") from error


def _listed(address):
    """The file system of an address, and pairs of relative name and facts of the files there; "" of the file itself."""
    parts = urllib.parse.urlsplit(address)
    kind = bucket_file_system.of(address)
    with _told(address):
        system = kind()
    base = f"{parts.netloc}{parts.path}"
    with _told(address):
        system.invalidate_cache()
        found = system.find(base, detail=True)
    files = [(name[len(base) :].lstrip("/"), facts) for name, facts in sorted(found.items()) if not name.endswith("/")]
    if not files:
        raise FileNotFoundError(f"{address}: nothing is there")
    for name, _ in files:
        inside = pathlib.PurePosixPath(name)
        if ".." in inside.parts or inside.is_absolute():
            raise ValueError(f"{address}: expected names that stay in the folder; got {quoted(name)}")
    return system, files
