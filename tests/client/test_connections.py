"""Servers that are not there, are late, break off or are silent; connections that are kept."""

import concurrent.futures
import http.client
import http.server
import json
import socket
import threading
import time

import pytest

from kerasgan import client
from kerasgan.server import ModelServer, ServerOptions
from tests.client.conftest import Shared, http_server, response


@pytest.fixture
def dead_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        yield taken.getsockname()[1]


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_no_server_is_named_within_the_timeout(dead_port, scheme):
    address = f"{scheme}127.0.0.1:{dead_port}"
    start = time.monotonic()
    with client.connect(address, "m", timeout=0.5) as model, pytest.raises(ConnectionError, match=address):
        model.generate()
    assert 0.2 < time.monotonic() - start < 3


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_a_server_that_starts_late_is_waited_for(server, scheme):
    """Something else listens first and hangs up at once; then the port leads to the server."""
    with socket.socket() as early:
        early.bind(("127.0.0.1", 0))
        port = early.getsockname()[1]
        opened = []

        def open_later():
            time.sleep(0.7)
            early.close()
            opened.append(
                ModelServer(server.models, ServerOptions(**{"rest_port" if scheme else "port": port} | other))
            )
            opened[0].models = Shared(server.models)
            opened[0].start()

        other = {"port": 0} if scheme else {"rest_port": 0}
        thread = threading.Thread(target=open_later)
        thread.start()
        try:
            with client.connect(f"{scheme}127.0.0.1:{port}", "conditional") as model:
                assert model.generate(labels=0).shape == (1, 8, 8, 3)
        finally:
            thread.join()
            opened[0].stop()


def test_an_unavailable_server_is_asked_again():
    answers = [response(503, '{"error": "busy"}'), response(503, '{"error": "busy"}')]
    metadata = {"metadata": {"signature_def": {"signature_def": {}}}}
    with http_server(lambda: answers.pop() if answers else response(200, json.dumps(metadata))) as port:
        assert client.connect(f"http://127.0.0.1:{port}", "m").signatures() == {}
    with http_server(lambda: response(503, '{"error": "busy"}')) as port:
        with pytest.raises(ConnectionError, match="busy"):
            client.connect(f"http://127.0.0.1:{port}", "m", timeout=0.3).signatures()


def test_a_connection_that_breaks_off_is_tried_again():
    answers = [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"]
    metadata = {"metadata": {"signature_def": {"signature_def": {}}}}
    with http_server(lambda: answers.pop() if answers else response(200, json.dumps(metadata))) as port:
        assert client.connect(f"http://127.0.0.1:{port}", "m").signatures() == {}
    assert not answers
    with http_server(lambda: b"") as port:
        with pytest.raises(ConnectionError, match=f"127.0.0.1:{port} .tried for 0.3 s.: it broke off: RemoteDisc"):
            client.connect(f"http://127.0.0.1:{port}", "m", timeout=0.3).signatures()


def test_a_rest_client_keeps_its_connections(server, monkeypatch):
    opened, connect = [], http.client.HTTPConnection.connect
    monkeypatch.setattr(http.client.HTTPConnection, "connect", lambda self: (opened.append(self), connect(self)))
    with client.connect(f"http://127.0.0.1:{server.rest_port}", "conditional") as model:
        for seed in range(5):
            model.generate(seed=seed, labels=0)
        with pytest.raises(ValueError, match="not found"):
            model.predict({}, "no such signature")
        assert len(opened) == 1
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            images = list(pool.map(lambda seed: model.generate(seed=seed, labels=0), range(40)))
        assert [image[0, 0, 0, 0] for image in images] == [
            model.generate(seed=seed, labels=0)[0, 0, 0, 0] for seed in range(40)
        ]
        assert len(opened) <= 4
    assert all(connection.sock is None for connection in opened)


def test_a_connection_that_the_server_closed_meanwhile_is_replaced_at_once():
    body = json.dumps({"metadata": {"signature_def": {"signature_def": {}}}})
    kept = response(200, body).replace(b"Connection: close\r\n", b"")
    with http_server(lambda: kept) as port:  # says that it keeps the connection, and closes it
        with client.connect(f"http://127.0.0.1:{port}", "m", timeout=0.0) as model:
            for version in range(3):
                assert model.signatures(version) == {}


@pytest.mark.parametrize("body", ["<html>welcome", "[]", "{}", '{"metadata": {"signature_def": 1}}'])
def test_what_does_not_speak_the_api_is_named(body):
    with http_server(lambda: response(200, body)) as port:
        with pytest.raises(RuntimeError, match=f"127.0.0.1:{port} does not answer as TensorFlow Serving: "):
            client.connect(f"http://127.0.0.1:{port}", "m").signatures()


def test_other_failures_are_runtime_errors_with_the_servers_text():
    with http_server(lambda: response(500, '{"error": "it broke"}')) as port:
        with pytest.raises(RuntimeError, match="it broke"):
            client.connect(f"http://127.0.0.1:{port}", "m").signatures()
    with http_server(lambda: response(502, "<html>bad gateway")) as port:
        with pytest.raises(RuntimeError, match="bad gateway"):
            client.connect(f"http://127.0.0.1:{port}", "m").signatures()


@pytest.mark.parametrize("scheme, request_timeout, error", [("http://", 0.5, TimeoutError), ("", 10, ConnectionError)])
def test_a_silent_server_does_not_hold_up_the_client(scheme, request_timeout, error):
    with http_server(lambda: None) as port:
        model = client.connect(f"{scheme}127.0.0.1:{port}", "m", timeout=0.5, request_timeout=request_timeout)
        with model, pytest.raises(error, match=f"127.0.0.1:{port}"):
            model.signatures()


def test_an_address_of_the_other_kind_is_told(server):
    """gRPC's answer to HTTP was shown byte by byte, and HTTP's to gRPC as a parser's failure."""
    grpc, rest = f"127.0.0.1:{server.port}", f"127.0.0.1:{server.rest_port}"
    for address, way in (
        (f"http://{grpc}", f"it speaks no HTTP; an address of gRPC is {grpc} alone, without http://$"),
        (rest, f"it speaks HTTP: an address of REST is http://{rest}$"),
        (f"https://{rest}", "it speaks no TLS: say http://, not https://$"),
        (f"grpcs://{grpc}", f"it speaks no TLS: say {grpc} alone, without grpcs://$"),
    ):
        with client.connect(address, "conditional", timeout=0.3) as model:
            with pytest.raises(ConnectionError, match=way) as error:
                model.generate(labels=0)
        assert str(error.value).isprintable()
