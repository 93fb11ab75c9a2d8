"""Classes by their names, and servers that go on to another version."""

import functools
import http.client
import http.server
import threading

import numpy as np
import pytest

from kerasgan import client
from kerasgan.server import Models, ModelServer, ServerOptions
from tests.client.conftest import TENS, http_server, response
from tests.server import saved_models


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
    with pytest.raises(ValueError, match=r"expected all for as many images; got \[2, 3\]"):
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
    with http_server(lambda: response(200, told)) as port:
        assert client.connect(f"http://127.0.0.1:{port}", "m").class_names is None


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
