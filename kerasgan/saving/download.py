"""Downloading a file: gone on with where it broke off, checked, and put in its place whole."""

import contextlib
import os
import re
import time
import urllib.parse

from kerasgan.saving import manifest
from kerasgan.utils import bucket_file_system
from kerasgan.utils.loopback import is_loopback
from kerasgan.utils.messages import quoted, shortened

_TRIES = 4
_PAUSE = 0.5  # seconds before the second try, doubled for each further one
_TIMEOUT = (10, 60)  # seconds to connect, and between two pieces
_PIECE = 2**14  # bytes; of a piece that breaks off nothing is kept
_BUCKET_PIECE = 2**22  # bytes; gcsfs takes a request for each
_HTTP = ("https", "http")
SCHEMES = ("https", "hf", *bucket_file_system.PACKAGES)


class _Broken(Exception):
    """A connection that failed, and may not fail again."""


def check_url(url):
    """Raise `ValueError` unless presets may come from the address: https, hf, gs, s3, or http on this machine."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in (*SCHEMES, "http") or not parts.netloc or parts.query or parts.fragment:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise ValueError(f"address: expected an address with {known}, without ? and #; got {quoted(url)}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"address: expected https, as http is for this machine alone; got {quoted(url)}")


def fetch(base, name, target, file, bar):
    """Download a file of a preset to `target`, which appears whole and checked or not at all.

    What was fetched before the connection broke lies beside the target and is gone on with.

    Args:
        base: address of the preset's folder.
        name: the file's name.
        target: path.
        file: `manifest.File`, its size and checksum.
        bar: called with the number of bytes that have come, from time to time.

    Raises:
        FileNotFoundError, PermissionError: if the server does not have or give it.
        ConnectionError: if the connection breaks again and again.
        ValueError: if what came is not the file.
        OSError: if it cannot be written; nothing is left then.
    """
    part = target.with_name(f"{target.name}.part")
    shown = f"{base}/{name}"
    for attempt in range(_TRIES):
        try:
            _go_on(base, name, part, file.size, bar)
            break
        except _Broken as error:
            if attempt + 1 == _TRIES:
                have = part.stat().st_size if part.exists() else 0
                raise ConnectionError(
                    f"{shown}: the connection broke at {have:,} of {file.size:,} bytes ({shortened(error)}); the same "
                    "command goes on there"
                ) from None
            time.sleep(_PAUSE * 2**attempt)
        except ValueError:
            part.unlink(missing_ok=True)
            raise
        except OSError as error:
            if error.errno is None:  # the server's answer, not this machine's
                raise
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise OSError(error.errno, f"cannot write {target}: {error.strerror or error}") from error
    problem = manifest.problem(part, file)
    if problem:
        part.unlink()
        raise ValueError(f"{shown}: not the file that was published: {problem}")
    os.replace(part, target)


def read(base, name):
    """Return the bytes of a small file of a preset that is not in the cache.

    Raises:
        FileNotFoundError, PermissionError, ConnectionError: as `fetch`.
        ValueError: if it is larger than such a file may be.
    """
    limit = manifest.largest(name)
    for attempt in range(_TRIES):
        content = b""
        try:
            with _opened(base, name, 0) as (_, pieces):
                for piece in pieces:
                    content += piece
                    if len(content) > limit:
                        raise ValueError(f"{base}/{name}: expected at most {limit:,} bytes; more came")
            return content
        except _Broken as error:
            if attempt + 1 == _TRIES:
                raise ConnectionError(f"{base}/{name}: cannot be fetched ({shortened(error)})") from None
            time.sleep(_PAUSE * 2**attempt)


def _go_on(base, name, part, size, bar):
    """Append to the partial file what it lacks."""
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    if have == size:
        return
    with _opened(base, name, have) as (start, pieces), open(part, "ab" if start else "wb") as file:
        have = start
        for piece in pieces:
            have += len(piece)
            if have > size:
                raise ValueError(f"{base}/{name}: expected {size:,} bytes; more came")
            file.write(piece)
            bar(have)
    if have < size:
        raise _Broken(f"{size - have:,} bytes did not come")


def _opened(base, name, start):
    """Context manager of (place of the first byte, iterator of bytes): from `start` on, or from 0."""
    scheme = urllib.parse.urlsplit(base).scheme
    if scheme == "hf":
        from kerasgan.saving import hugging_face

        url, headers = hugging_face.address(base, name)
        return _over_http(url, headers, start)
    if scheme in _HTTP:
        return _over_http(f"{base.rstrip('/')}/{name}", {}, start)
    return _from_bucket(f"{base.rstrip('/')}/{name}", start)


@contextlib.contextmanager
def _over_http(url, headers, start):
    import requests

    from kerasgan.saving import http_session

    headers = {**headers, "Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
    try:
        with (
            http_session.Session(url) as session,
            session.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response,
        ):
            _check_status(url, response)
            yield _first_byte(response, start), response.iter_content(_PIECE)
    except requests.TooManyRedirects:
        raise ConnectionError(f"{url}: led on more than {session.max_redirects} times") from None
    except requests.RequestException as error:
        raise _Broken(_reason(error)) from error


def _check_status(url, response):
    status = response.status_code
    if status in (200, 206):
        return
    if status in (404, 410):
        raise FileNotFoundError(f"{url}: the server does not have it (status {status})")
    if status in (401, 403):
        raise PermissionError(f"{url}: the server does not give it (status {status})")
    raise _Broken(f"status {status} {response.reason}")


def _first_byte(response, start):
    """Where in the file the answer begins."""
    if response.status_code == 200:
        return 0
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if not match or int(match[1]) != start:
        raise _Broken(f"asked for bytes from {start}; got {response.headers.get('Content-Range')!r}")
    return start


@contextlib.contextmanager
def _from_bucket(url, start):
    kind = bucket_file_system.of(url)
    try:
        file = kind().open(url, "rb")
        file.seek(start)
    except (FileNotFoundError, PermissionError) as error:
        raise type(error)(f"{url}: the bucket does not have or give it ({_reason(error)})") from error
    except Exception as error:  # gcsfs and s3fs each raise their own
        raise _Broken(_reason(error)) from error
    with file:
        yield start, _pieces(file)


def _pieces(file):
    while True:
        try:
            piece = file.read(_BUCKET_PIECE)
        except Exception as error:  # gcsfs and s3fs each raise their own
            raise _Broken(_reason(error)) from error
        if not piece:
            return
        yield piece


def _reason(error):
    """What went wrong, in words: of requests' errors what urllib3 gives as the reason, without the retries around."""
    inner = error.args[0] if error.args else None
    error = getattr(inner, "reason", None) or error
    return shortened(re.sub(r"\s+", " ", str(error) or type(error).__name__))
