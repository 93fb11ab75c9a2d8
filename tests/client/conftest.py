"""A server of small models, clients of it over both transports, and stand-ins for servers."""

import contextlib
import shutil
import socket
import threading

import pytest

from kerasgan import client
from kerasgan.server import Models, ModelServer, ServerOptions
from tests.server import saved_models

TENS = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "été 猫"]


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    base = tmp_path_factory.mktemp("models")
    saved_models.generator(base / "conditional")
    saved_models.generator(base / "plain", conditional=False, size=32)
    saved_models.half_plus(base / "half")
    saved_models.echo(base / "echo")
    for version, names in ((1, TENS), (2, TENS[::-1])):
        shutil.copytree(base / "conditional", base / f"named{version}")
        saved_models.name_classes(base / f"named{version}", names)
    models = Models(
        {
            "named": {version: base / f"named{version}" for version in (1, 2)},
            "conditional": {1: base / "conditional", 2: base / "conditional"},
            "a b/%é": {1: base / "plain"},
            "half": {1: base / "half"},
            "echo": {1: base / "echo"},
        }
    )
    with ModelServer(models, ServerOptions(port=0, rest_port=0)) as running:
        yield running


@pytest.fixture(scope="module", params=["grpc", "rest"])
def connect(request, server):
    """Function of a model's name -> a client, over either transport."""
    address = f"127.0.0.1:{server.port}" if request.param == "grpc" else f"http://127.0.0.1:{server.rest_port}"
    with contextlib.ExitStack() as stack:
        yield lambda model: stack.enter_context(client.connect(address, model))


class Shared:
    """Loaded models that another server has and will unload."""

    def __init__(self, models):
        self._models = models

    def __getattr__(self, name):
        return getattr(self._models, name)

    def load(self):
        pass

    def close(self):
        pass


@contextlib.contextmanager
def http_server(answer):
    """A port that answers every connection with the bytes that `answer()` gives; None: stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held = []

        def loop():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    held.append(connection)
                    connection.recv(65536)
                    content = answer()
                    if content is not None:
                        connection.sendall(content)
                        connection.close()

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for connection in held:
                connection.close()


def response(status, body):
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
