import concurrent.futures
import contextlib
import functools
import http.client
import http.server
import io
import json
import os
import pathlib
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time

import numpy as np
import PIL.Image
import pytest
import trustme

from kerasgan import client
from kerasgan.server import Models, ModelServer, ServerOptions
from tests.server import saved_models

TENS = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "été 猫"]
ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
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


def test_generate(connect):
    images = connect("conditional").generate(4, seed=7, labels=2, truncation=0.5)
    assert (images.shape, images.dtype) == ((4, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(images[:, 0, 0], [[27, 0, 0], [28, 0, 0], [29, 0, 0], [30, 0, 0]])
    assert images[0, 3, 2, 0] == 27 + 5


def test_no_truncation_is_an_infinite_bound(connect):
    assert connect("conditional").generate(labels=0)[0, 0, 0, 1] == 1
    assert connect("conditional").generate(labels=0, truncation=1e30)[0, 0, 0, 1] == 0


def test_rows_of_their_own(connect):
    images = connect("conditional").generate(
        seeds=[5, 1, 3], labels=np.array([0, 1, 2], np.uint8), truncation=[1.0, 0.1, 1]
    )
    assert images[:, 0, 0, 0].tolist() == [5, 255, 23]


def test_one_image_by_default(connect):
    assert connect("conditional").generate(labels=3).shape == (1, 8, 8, 3)
    assert connect("conditional").generate(labels=range(3)).shape == (3, 8, 8, 3)


def test_seeds_are_exact(connect):
    seed = 2**63 - 1 - 9
    assert connect("conditional").generate(seed=seed, labels=0)[0, 0, 0, 0] == seed % 256


@pytest.mark.parametrize("truncation", [0, -1.0, [0.5, 0.0], float("nan")])
def test_a_bound_that_is_none_is_named_before_it_is_sent(connect, truncation):
    with pytest.raises(ValueError, match="truncation: expected positive numbers, or None for no truncation; got"):
        connect("conditional").generate(labels=0, truncation=truncation)


def test_seeds_are_integers(connect):
    with pytest.raises(TypeError, match="seed, seeds: expected integers .*float"):
        connect("conditional").generate(seed=1.5, labels=0)


def test_png(connect):
    files = connect("conditional").generate(3, labels=1, png=True)
    arrays = connect("conditional").generate(3, labels=1)
    assert isinstance(files, list) and len(files) == 3
    for file, array in zip(files, arrays, strict=True):
        np.testing.assert_array_equal(np.asarray(PIL.Image.open(io.BytesIO(file))), array)


def test_an_unconditional_model_with_an_awkward_name(connect):
    model = connect("a b/%é")
    assert model.generate(2).shape == (2, 32, 32, 3)
    with pytest.raises(ValueError, match="no input 'label': leave out labels"):
        model.generate(labels=1)


def test_answers_above_grpcs_usual_limit(server):
    with client.connect(f"127.0.0.1:{server.port}", "a b/%é") as model:
        assert model.generate(1400).nbytes > 4 * 2**20


def test_version(connect):
    assert connect("conditional").generate(labels=0, version=1).shape == (1, 8, 8, 3)
    with pytest.raises(ValueError, match=r"Specific\(conditional, 7\)"):
        connect("conditional").generate(labels=0, version=7)


def test_signatures(connect):
    signatures = connect("conditional").signatures()
    assert signatures["serving_default"] == {
        "inputs": {"seed": np.int64, "label": np.int64, "truncation": np.float32},
        "outputs": {"images": np.uint8},
    }
    assert signatures["png"]["outputs"] == {"image_bytes": object}
    assert set(signatures) == {"serving_default", "png", "latent"}


def test_predict_runs_any_signature(connect):
    z, label = np.float32([[3, 0, 0, 0], [4, 0, 0, 0]]), np.int64([0, 1])
    images = connect("conditional").predict({"z": z, "label": label}, "latent")["images"]
    assert images[:, 0, 0, 0].tolist() == [3, 14]
    assert connect("half").predict({"x": np.float32(0.1)})["y"] == np.float32(2.05)
    inputs = {"text": np.array([[b"a"], [b"\xff\x00"]], object), "number": np.float32([np.inf, 0.1])}
    outputs = connect("echo").predict(inputs)
    assert outputs["text_bytes"].tolist() == [[b"a"], [b"\xff\x00"]]
    assert outputs["number"].tolist() == inputs["number"].tolist()


def test_no_signature_is_the_default_one(connect):
    assert connect("half").predict({"x": np.float32([2])}, "")["y"].tolist() == [3]


def test_text_is_sent_alike_by_both_transports(connect):
    number = np.float32([0, 1])
    for text in (["é", "b"], np.array([b"\xc3\xa9", b"b"]), np.array(["é", b"b"], object)):
        inputs = {"text": np.asarray(text).reshape(2, 1), "number": number}
        assert connect("echo").predict(inputs)["text_bytes"].ravel().tolist() == ["é".encode(), b"b"]


@pytest.mark.parametrize("value", [None, np.complex64(1), [1, None], [[1], [1, 2]], np.array(["2026"], "M8[Y]")])
def test_an_input_that_cannot_be_sent_is_named(connect, value):
    with pytest.raises(ValueError, match="^input x: expected "):
        connect("half").predict({"x": value})


@pytest.mark.parametrize("version", [-1, 2**63, True])
def test_a_version_that_cannot_be_is_named(connect, version):
    model = connect("conditional")
    for ask in (model.generate, model.classes, model.signatures, lambda version: model.predict({}, version=version)):
        with pytest.raises(ValueError, match="version: expected an integer from 0 .* or None for the latest; got"):
            ask(version=version)


@pytest.mark.parametrize("arguments", [{"n": 2.0}, {"n": "2"}, {"version": "1"}, {"version": 1.0}])
def test_what_is_no_integer_is_named(connect, arguments):
    [name] = arguments
    with pytest.raises(TypeError, match=f"^{name}: expected an integer"):
        connect("conditional").generate(labels=1, **arguments)
    with pytest.raises(TypeError, match=f"^{name}: expected an integer"):
        connect("conditional").interpolate(1, 2, labels=1, **arguments)


@pytest.mark.parametrize(("arguments", "name"), [({"seed": 2**40}, "seed"), ({"labels": 2**32 + 1}, "label")])
def test_numbers_that_the_model_does_not_hold_are_refused(arguments, name):
    """They would mean others: 2^32 + 1 is 1 as an int32."""

    class Narrow:
        def signatures(self, version):
            return {"serving_default": {"inputs": dict.fromkeys(["seed", "label"], np.dtype("int32")), "outputs": {}}}

    with pytest.raises(ValueError, match=f"{name}: expected numbers of int32, as the model takes them; got"):
        client.Client(Narrow(), "m").generate(**({"labels": 1} | arguments))


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({}, "label"),  # the server's words: conditional, so a label is missing
        ({"labels": 10}, r"^model conditional: indices\[0\] = 10 is not in \[0, 10\) \([A-Z0-9_ ]*\)$"),
        ({"labels": 1.5}, "label must be whole numbers"),
        ({"labels": [1, 2], "n": 3}, r"different numbers of images: \[2, 3\]"),
        ({"labels": [[1, 2]], "n": 2}, "not an array of shape"),
        ({"labels": []}, "no images asked for"),
        ({"labels": 1, "n": 0}, "n must be 1 or more"),
        ({"labels": 1, "seed": 2**63}, "64 bits"),
        ({"labels": 1, "seed": 2**63 - 1, "n": 2}, "64 bits"),
    ],
)
def test_wrong_arguments(connect, arguments, words):
    with pytest.raises(ValueError, match=words):
        connect("conditional").generate(**arguments)


def label_of(images):
    """The labels that images of the stand-in generator of seed 0, 1, ... show."""
    return [(int(image[0, 0, 0]) - row) // 10 for row, image in enumerate(images)]


def test_a_model_knows_its_class_names(connect):
    model = connect("named")
    assert model.class_names == tuple(TENS[::-1]) and model.classes() == (2, 10, tuple(TENS[::-1]))
    assert model.classes(version=1) == (1, 10, tuple(TENS))
    for other in ("conditional", "a b/%é", "half", "nope"):
        assert connect(other).class_names is None and connect(other).classes().count is None


def test_labels_may_be_names_of_the_version_that_answers(connect):
    model = connect("named")
    assert label_of(model.generate(3, labels="Bag")) == [1, 1, 1]
    assert label_of(model.generate(labels=["Bag", 3, "été 猫"])) == [1, 3, 0]
    assert label_of(model.generate(labels=np.array(["Bag", "Coat"]), version=1)) == [8, 4]
    assert len(model.generate(2, labels="Bag", png=True)) == 2
    with pytest.raises(ValueError, match="labels: no class is named 'bag'; did you mean 'Bag'. The classes are"):
        model.generate(labels="bag")
    with pytest.raises(
        ValueError, match="labels: expected numbers, as the names of the classes are not known; got 'Bag'"
    ):
        connect("conditional").generate(labels="Bag")
    with pytest.raises(ValueError, match="no input 'label': leave out labels"):
        connect("a b/%é").generate(labels="Bag")
    with pytest.raises(ValueError, match=r"different numbers of images: \[2, 3\]"):
        model.generate(3, labels=["Bag", "Coat"])


def test_without_labels_the_classes_come_in_turn_where_they_are_known(connect):
    assert label_of(connect("named").generate(12)) == [*range(10), 0, 1]
    with pytest.raises(ValueError, match="label"):
        connect("conditional").generate(12)


def test_names_are_not_mixed_with_those_of_a_version_that_comes_meanwhile(tmp_path):
    """The server goes on to a version with another order of the classes after the client has asked for the names."""
    for version, names in ((1, TENS), (2, TENS[::-1])):
        saved_models.generator(tmp_path / str(version))
        saved_models.name_classes(tmp_path / str(version), names)
    with ModelServer(Models({"m": {1: tmp_path / "1"}}), ServerOptions(port=0, rest_port=0)) as running:
        swap = functools.partial(running.models.update, {"m": {2: tmp_path / "2"}})
        for address in (f"127.0.0.1:{running.port}", f"http://127.0.0.1:{running.rest_port}"):
            running.models.update({"m": {1: tmp_path / "1"}})
            with client.connect(address, "m") as model:
                assert label_of(model.generate(labels="Bag")) == [8]
                model._transport.classes = functools.partial(_and_then, model._transport.classes, swap)
                assert label_of(model.generate(labels="Bag")) == [1]


def swapping(folder):
    """A server, a function that makes it go on to a version, and clients over both transports."""
    with ModelServer(Models({"m": {1: folder / "1"}}), ServerOptions(port=0, rest_port=0)) as running:
        for address in (f"127.0.0.1:{running.port}", f"http://127.0.0.1:{running.rest_port}"):
            running.models.update({"m": {1: folder / "1"}})
            with client.connect(address, "m") as model:
                yield model, lambda version: running.models.update({"m": {version: folder / str(version)}})


@pytest.mark.parametrize("other", ["float32", "int64"])
def test_numbers_are_those_of_the_version_that_answers(tmp_path, other):
    """Over REST an answer does not tell its dtype: it was cast to that of a version that is gone."""
    dtypes = {1: "int32" if other == "float32" else "float32", 2: other}
    for version, dtype in dtypes.items():
        saved_models.of_dtype(tmp_path / str(version), dtype)
    for model, go_on in swapping(tmp_path):
        assert model.predict({"x": np.float32([2, 4])})["y"].dtype == dtypes[1]
        go_on(2)
        found = model.predict({"x": np.float32([2, 5])})["y"]
        assert found.dtype == other and found.tolist() == [1, 2.5 if other == "float32" else 2]


def test_labels_may_be_given_once_the_model_has_become_conditional(tmp_path):
    saved_models.generator(tmp_path / "1", conditional=False)
    saved_models.generator(tmp_path / "2")
    for model, go_on in swapping(tmp_path):
        with pytest.raises(ValueError, match="no input 'label': leave out labels"):
            model.generate(2, labels=1)
        go_on(2)
        assert label_of(model.generate(2, labels=1)) == [1, 1]
        go_on(1)
        assert model.generate(2).shape == (2, 8, 8, 3)


def _and_then(function, action, *arguments):
    found = function(*arguments)
    action()
    return found


@pytest.mark.parametrize(
    "told",
    [
        '{"version": 1, "num_classes": 2, "class_names": ["a", "a"]}',
        '{"version": 1, "num_classes": 1e400, "class_names": null}',
        '{"version": 1, "num_classes": "2"}',
        "[]",
        "<html>",
    ],
)
def test_what_a_server_tells_wrongly_is_passed_over(told):
    with http_server(lambda: _response(200, told)) as port:
        assert client.connect(f"http://127.0.0.1:{port}", "m").class_names is None


def test_a_walk_needs_two_images_and_a_signature_for_it(connect):
    with pytest.raises(ValueError, match="n must be 2 or more, not 1"):
        connect("conditional").interpolate(3, 4, 1, labels=0)
    with pytest.raises(ValueError, match=r"different numbers of images: \[3, 8\]"):
        connect("conditional").interpolate(3, 4, labels=[0, 1, 2])
    with pytest.raises(ValueError, match='model conditional: Serving signature.*"between_png" not found'):
        connect("conditional").interpolate(3, 4, labels=0, png=True)


def test_an_unknown_model_or_signature(connect):
    with pytest.raises(ValueError, match=r"model nope: Servable not found for request: Latest\(nope\)"):
        connect("nope").generate()
    with pytest.raises(ValueError, match='Serving signature.*"png"'):
        connect("half").generate(png=True)


def test_many_threads_share_a_client(connect):
    model = connect("conditional")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda seed: model.generate(seed=seed, labels=0)[0, 0, 0, 0], range(100)))
    assert answers == list(range(100))


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
            opened[0].models = _Shared(server.models)
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


class _Shared:
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


def _response(status, body):
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


def test_an_unavailable_server_is_asked_again():
    answers = [_response(503, '{"error": "busy"}'), _response(503, '{"error": "busy"}')]
    metadata = {"metadata": {"signature_def": {"signature_def": {}}}}
    with http_server(lambda: answers.pop() if answers else _response(200, json.dumps(metadata))) as port:
        assert client.connect(f"http://127.0.0.1:{port}", "m").signatures() == {}
    with http_server(lambda: _response(503, '{"error": "busy"}')) as port:
        with pytest.raises(ConnectionError, match="busy"):
            client.connect(f"http://127.0.0.1:{port}", "m", timeout=0.3).signatures()


def test_a_connection_that_breaks_off_is_tried_again():
    answers = [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"]
    metadata = {"metadata": {"signature_def": {"signature_def": {}}}}
    with http_server(lambda: answers.pop() if answers else _response(200, json.dumps(metadata))) as port:
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
    kept = _response(200, body).replace(b"Connection: close\r\n", b"")
    with http_server(lambda: kept) as port:  # says that it keeps the connection, and closes it
        with client.connect(f"http://127.0.0.1:{port}", "m", timeout=0.0) as model:
            for version in range(3):
                assert model.signatures(version) == {}


@pytest.mark.parametrize("body", ["<html>welcome", "[]", "{}", '{"metadata": {"signature_def": 1}}'])
def test_what_does_not_speak_the_api_is_named(body):
    with http_server(lambda: _response(200, body)) as port:
        with pytest.raises(RuntimeError, match=f"127.0.0.1:{port} does not answer as TensorFlow Serving: "):
            client.connect(f"http://127.0.0.1:{port}", "m").signatures()


def test_other_failures_are_runtime_errors_with_the_servers_text():
    with http_server(lambda: _response(500, '{"error": "it broke"}')) as port:
        with pytest.raises(RuntimeError, match="it broke"):
            client.connect(f"http://127.0.0.1:{port}", "m").signatures()
    with http_server(lambda: _response(502, "<html>bad gateway")) as port:
        with pytest.raises(RuntimeError, match="bad gateway"):
            client.connect(f"http://127.0.0.1:{port}", "m").signatures()


@pytest.mark.parametrize("scheme, request_timeout, error", [("http://", 0.5, TimeoutError), ("", 10, ConnectionError)])
def test_a_silent_server_does_not_hold_up_the_client(scheme, request_timeout, error):
    with http_server(lambda: None) as port:
        model = client.connect(f"{scheme}127.0.0.1:{port}", "m", timeout=0.5, request_timeout=request_timeout)
        with model, pytest.raises(error, match=f"127.0.0.1:{port}"):
            model.signatures()


@pytest.mark.parametrize("address", ["", ":8500", "ftp://h:1", "http://h:x", "http://h/v1", "h:99999", "http://"])
def test_addresses_that_are_not_understood(address):
    with pytest.raises(ValueError, match="address"):
        client.connect(address, "m")
    with pytest.raises(ValueError, match="no model"):
        client.connect("localhost", "")


def test_an_ipv6_address_without_brackets_is_named():
    with pytest.raises(ValueError, match=r"written in brackets: \[::1\]:8500"):
        client.connect("::1:8500", "m")


@pytest.mark.parametrize(
    "address, expected",
    [
        ("h", "h:8500"),
        ("h:1", "h:1"),
        ("[::1]:2", "[::1]:2"),
        ("http://h", "http://h:8501"),
        ("http://[::1]", "http://[::1]:8501"),
        ("https://[fe80::1]:2", "https://[fe80::1]:2"),
        ("http://h:1/", "http://h:1"),
        ("https://h", "https://h:443"),
        ("grpcs://h", "h:8500"),
    ],
)
def test_addresses(address, expected):
    with client.connect(address, "m") as model:
        assert model._transport.address == expected


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Files of an authority, of a server's certificate by it, and of a client's: {name: path}."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    names = {"ca": folder / "ca.pem"}
    authority.cert_pem.write_to_path(names["ca"])
    for who in ("server", "client"):
        issued = authority.issue_cert("127.0.0.1" if who == "server" else "client.example")
        names[who], names[f"{who}_key"] = folder / f"{who}.pem", folder / f"{who}.key"
        issued.cert_chain_pems[0].write_to_path(names[who])
        issued.private_key_pem.write_to_path(names[f"{who}_key"])
    return names


@pytest.fixture(scope="module")
def mutual_tls(server, certificates, tmp_path_factory):
    """Addresses by transport that want the client's certificate, and lead to `server`'s models."""
    pem = {name: json.dumps(path.read_text()) for name, path in certificates.items()}
    config = tmp_path_factory.mktemp("tls") / "ssl.config"
    config.write_text(
        f"server_key: {pem['server_key']} server_cert: {pem['server']} custom_ca: {pem['ca']} client_verify: true"
    )
    secure = ModelServer(server.models, ServerOptions(port=0, rest_port=None, ssl_config_file=str(config)))
    secure.models = _Shared(server.models)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates["ca"])
    context.load_cert_chain(certificates["server"], certificates["server_key"])
    context.verify_mode = ssl.CERT_REQUIRED
    with secure, _TlsTo(context, server.rest_port) as front:
        threading.Thread(target=front.serve_forever, daemon=True).start()
        yield {"grpc": f"grpcs://127.0.0.1:{secure.port}", "rest": f"https://127.0.0.1:{front.server_address[1]}"}
        front.shutdown()


class _TlsTo(socketserver.ThreadingTCPServer):
    """Takes TLS connections and passes one request and its answer on to a port without."""

    daemon_threads = True

    def __init__(self, context, port):
        super().__init__(("127.0.0.1", 0), None)
        self.context, self.port = context, port

    def finish_request(self, request, client_address):
        with contextlib.suppress(OSError), self.context.wrap_socket(request, server_side=True) as front:
            with socket.create_connection(("127.0.0.1", self.port)) as back:
                back.sendall(front.recv(2**20))
                front.settimeout(0.2)  # a body may come after its headers
                with contextlib.suppress(TimeoutError):
                    back.sendall(front.recv(2**20))
                front.settimeout(10)
                back.settimeout(0.5)
                with contextlib.suppress(TimeoutError):
                    while content := back.recv(2**20):
                        front.sendall(content)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_mutual_tls(mutual_tls, certificates, transport, server):
    own = {"certificate_file": certificates["client"], "key_file": certificates["client_key"]}
    address = mutual_tls[transport]
    with client.connect(address, "conditional", ca_file=certificates["ca"], **own) as model:
        images = model.generate(2, seed=3, labels=1)
    with client.connect(f"127.0.0.1:{server.port}", "conditional") as model:
        np.testing.assert_array_equal(images, model.generate(2, seed=3, labels=1))
    without = {"neither": {}, "no own certificate": {"ca_file": certificates["ca"]}, "no authority": own}
    for arguments in without.values():
        with client.connect(address, "conditional", timeout=0.3, **arguments) as model:
            with pytest.raises(ConnectionError, match="127.0.0.1"):
                model.generate(labels=1)


def test_certificates_must_go_together(certificates, tmp_path):
    with pytest.raises(ValueError, match="without TLS"):
        client.connect("h:1", "m", ca_file=certificates["ca"])
    with pytest.raises(ValueError, match="certificate_file and key_file"):
        client.connect("https://h:1", "m", certificate_file=certificates["client"])
    for scheme in ("grpcs", "https"):
        with pytest.raises(FileNotFoundError, match="none.pem"):
            client.connect(f"{scheme}://h:1", "m", ca_file=tmp_path / "none.pem")


@pytest.mark.parametrize("scheme", ["grpcs", "https"])
def test_wrong_certificate_files_are_named(certificates, tmp_path, scheme):
    """gRPC by itself tries for ten seconds, and says that the connection was refused."""
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no PEM")
    with pytest.raises(ValueError, match=r"ca_file: .*garbage\.pem"):
        client.connect(f"{scheme}://h:1", "m", ca_file=garbage)
    files = {"certificate_file": certificates["client"], "key_file": certificates["server_key"]}  # another's key
    with pytest.raises(ValueError, match=r"certificate_file, key_file: .*client\.pem and .*server\.key"):
        client.connect(f"{scheme}://h:1", "m", **files)


def test_an_encrypted_key_is_refused_over_grpc(certificates, tmp_path):
    key = tmp_path / "encrypted.key"
    command = ["openssl", "pkey", "-in", certificates["client_key"], "-aes256", "-passout", "pass:secret", "-out", key]
    subprocess.run(command, check=True)
    with pytest.raises(ValueError, match=r"key_file: .*encrypted\.key"):
        client.connect("grpcs://h:1", "m", certificate_file=certificates["client"], key_file=key)


def test_what_a_failed_handshake_may_mean_is_said(mutual_tls, certificates):
    address = mutual_tls["grpc"]
    with client.connect(address, "conditional", timeout=0.3, ca_file=certificates["ca"]) as model:
        with pytest.raises(ConnectionError, match="a certificate that is turned down"):
            model.generate(labels=1)
    with client.connect(address.removeprefix("grpcs://"), "conditional", timeout=0.3) as model:
        with pytest.raises(ConnectionError, match="grpcs://"):
            model.generate(labels=1)


def test_the_client_is_light():
    program = """
import sys, time
start = time.process_time()
import kerasgan.client
took = time.process_time() - start  # CPU time: this machine may be busy
c = kerasgan.client.connect("127.0.0.1:8500", model="m")
heavy = {"tensorflow", "keras", "tensorflow_serving"} & set(sys.modules)
assert not heavy, heavy
print(took)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    runs = [
        subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    assert min(float(run.stdout) for run in runs) < 0.3


@pytest.mark.parametrize(("status", "tells"), [(400, True), (404, True), (429, False), (500, False)])
def test_a_server_that_fails_is_not_taken_for_one_without_names(status, tells):
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"error": "no"}')

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with client.connect(f"http://127.0.0.1:{server.server_port}", model="m", timeout=1) as asking:
            if tells:
                assert asking.classes() == client.Classes()
            else:
                with pytest.raises(RuntimeError, match=rf"model m: no \(HTTP {status}\)"):
                    asking.classes()
        server.shutdown()


@pytest.mark.parametrize(
    ("address", "given", "message"),
    [
        ("127.0.0.1:8500", {"timeout": float("inf")}, "timeout, request_timeout: expected seconds"),
        ("127.0.0.1:8500", {"timeout": -1.0}, "timeout, request_timeout: expected seconds"),
        ("127.0.0.1:8500", {"request_timeout": 0.0}, "timeout, request_timeout: expected seconds"),
        ("127.0.0.1:0", {}, "give a port from 1 on, and no user"),
        ("http://me:secret@127.0.0.1:8501", {}, "give a port from 1 on, and no user"),
    ],
)
def test_addresses_and_times_that_cannot_be_meant(address, given, message):
    with pytest.raises(ValueError, match=message):
        client.connect(address, "garments", **given)
