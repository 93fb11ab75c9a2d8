"""Addresses to listen on: how they are written, and errors that name them."""

import errno
import os
import pathlib
import socket
import stat
import urllib.parse

_MAX_PATH_BYTES = 107  # of the operating system


def host_and_port(host, port):
    """`host:port`, with an IPv6 address in brackets: what gRPC, browsers and clients take."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bound_socket(what, host, port):
    """A listening socket; the caller closes it.

    Raises:
        OSError: naming the port.
    """
    try:
        number = int(port)  # getaddrinfo refuses a subclass, such as `DefaultPort`
        addresses = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = min(addresses, key=lambda entry: entry[0] != socket.AF_INET)
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {host} for {what}: {error.strerror}") from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(1024)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} is in use: {what} on {host} needs it; stop what uses it or give another"
        else:
            message = f"cannot open port {port} on {host} for {what}: {error.strerror}"
        raise OSError(error.errno, message) from error
    return opened


def unix_address(path):
    """The address in gRPC's form of a UNIX socket that can be opened.

    gRPC itself would take over the socket of a server that runs.

    Args:
        path: text; relative ones begin where the process was started.

    Raises:
        OSError: if the path is too long, its folder is missing, a server listens there, or it is another file.
    """
    size = len(os.fsencode(path))
    if size > _MAX_PATH_BYTES:
        raise OSError(
            errno.ENAMETOOLONG,
            f"grpc_socket_path {path[:60]!r}...: expected at most {_MAX_PATH_BYTES} bytes, got {size}",
        )
    if not pathlib.Path(path).parent.is_dir():
        raise OSError(errno.ENOENT, f"grpc_socket_path {path!r}: there is no folder {str(pathlib.Path(path).parent)!r}")
    if os.path.lexists(path):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError(errno.EEXIST, f"grpc_socket_path {path!r}: a file that is no socket is there")
        if _answers(path):
            raise OSError(errno.EADDRINUSE, f"grpc_socket_path {path!r} is in use: stop what uses it or give another")
    return "unix:" + urllib.parse.quote(path)


def _answers(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:  # left behind by a server that was killed
            return False
        return True
