"""Connections that stall: a proxy between a client and a server."""

import contextlib
import socket
import threading


class Link:
    """Passes bytes between clients and a port, in each direction at most so many; the rest waits until it is closed.

    Attributes:
        address: what clients connect to.
    """

    def __init__(self, port, upwards=None, downwards=None):
        self._port, self._limits = port, (upwards, downwards)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listening]
        self._closed = threading.Event()
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [client, server]
                for source, target, limit in ((client, server, self._limits[0]), (server, client, self._limits[1])):
                    threading.Thread(target=self._pump, args=(source, target, limit), daemon=True).start()

    def _pump(self, source, target, limit):
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                target.sendall(data)
                passed += len(data)
                if limit is not None and passed >= limit:
                    self._closed.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        """Break all connections off."""
        self._closed.set()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
