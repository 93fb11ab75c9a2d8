"""Bodies of REST requests that came compressed."""

import zlib

from kerasgan.server.errors import invalid_argument

_PLAIN, _GZIP = ("", "identity"), ("gzip", "x-gzip")
_MAX_CODINGS = 2
_MAX_MEMBERS = 1000
_PIECE = 2**18


def unpacked(body, content_encoding, max_bytes):
    """The body that a client compressed.

    A gzip body may have several members, as RFC 1952 has it. What cannot be unpacked is refused in TensorFlow
    Serving's words, and the reason follows them.

    Args:
        body: bytes as they came.
        content_encoding: the header, "" if there is none; several are joined by commas.
        max_bytes: largest body accepted, each time it is unpacked.

    Returns:
        Bytes.

    Raises:
        ServingError: 415 for a coding other than gzip, 400 for a body that is not what the header says or too large.
    """
    codings = [coding.strip().lower() for coding in content_encoding.split(",")]
    codings = [coding for coding in codings if coding not in _PLAIN]
    if len(codings) > _MAX_CODINGS or not set(codings) <= set(_GZIP):
        raise invalid_argument(f"Content-Encoding {content_encoding[:100]!r}: expected gzip or none", http=415)
    for _ in codings if body else ():
        body = _gunzip(body, max_bytes)
    return body


def _gunzip(data, max_bytes):
    view, at, parts, size = memoryview(data), 0, [], 0
    for member in range(_MAX_MEMBERS):
        inflater = zlib.decompressobj(wbits=31)
        while not inflater.eof:
            piece = view[at : at + _PIECE]
            if not piece:
                raise _no_document("the gzip body is cut off")
            try:
                part = inflater.decompress(piece, max_bytes + 1 - size)
            except zlib.error as error:
                raise _no_document(f"the body is no gzip: {'more follows its end' if member else error}") from error
            at, size = at + len(piece), size + len(part)
            if size > max_bytes:
                raise _no_document(f"the body unpacks to more than {max_bytes} bytes (--max-request-bytes)")
            parts.append(part)
        at -= len(inflater.unused_data)
        if not bytes(view[at : at + 1]).strip(b"\0") and not bytes(view[at:]).strip(b"\0"):
            return b"".join(parts)  # zeros may follow the last member
    raise _no_document(f"the gzip body has more than {_MAX_MEMBERS} members")


def _no_document(reason):
    return invalid_argument(f"JSON Parse error: The document is empty: {reason}")
