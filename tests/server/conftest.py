import functools
import http.client
import json

import grpc
import pytest
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from kerasgan.server import Models, ModelServer, ServerOptions
from tests.server import saved_models

LABELS = {"saved_model_half_plus_two_2_versions": {"Version_Label": 123}}


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Folders of SavedModels by name."""
    base = tmp_path_factory.mktemp("saved_models")
    saved_models.half_plus(base / "two")
    saved_models.half_plus(base / "three", addend=3.0)
    saved_models.counter(base / "counter")
    saved_models.echo(base / "echo")
    saved_models.generator(base / "generator")
    saved_models.fussy(base / "fussy")
    saved_models.loop(base / "loop")
    return {path.name: path for path in base.iterdir()}


@pytest.fixture(scope="session")
def server(folders):
    models = Models(
        {
            "default": {123: folders["two"]},
            "saved_model_half_plus_two_2_versions": {123: folders["two"]},
            "saved_model_half_plus_three": {123: folders["three"]},
            "saved_model_counter": {1: folders["counter"]},
            "echo": {1: folders["echo"]},
            "generator": {1: folders["generator"]},
            saved_models.PERCENT_NAME: {1: folders["two"]},
        },
        LABELS,
    )
    with ModelServer(
        models, ServerOptions(port=0, rest_port=0, max_request_bytes=2**20, health_checks=True)
    ) as running:
        yield running


@pytest.fixture(scope="session")
def rest(server):
    """Function of method, path, body (bytes or JSON), headers -> (status, headers, text, JSON)."""
    return functools.partial(call, server)


@pytest.fixture(scope="session")
def cors_server(folders):
    """A server that pages from elsewhere may ask; its other options are the defaults."""
    options = ServerOptions(port=0, rest_port=0, cors=True)
    with ModelServer(Models({"default": {123: folders["two"]}}), options) as running:
        yield running


@pytest.fixture(scope="session")
def rest_with_cors(cors_server):
    """As `rest`, for `cors_server`."""
    return functools.partial(call, cors_server)


def call(server, method, path, body=None, headers=None):
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    try:
        connection.putrequest(method, path, skip_host=False)
        connection.putheader("Content-Length", str(len(body or b"")))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    parsed = json.loads(text) if response.headers["Content-Type"] == "application/json" else None
    return response.status, response.headers, text, parsed


@pytest.fixture(scope="session")
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", options=[("grpc.max_receive_message_length", -1)]) as opened:
        yield opened


@pytest.fixture(scope="session")
def prediction(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="session")
def model_service(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


@pytest.fixture
def two_versions(folders):
    """Loaded models: one, with versions 123 and 124 labelled A and B."""
    models = Models(
        {"saved_model_half_plus_two_2_versions": {123: folders["two"], 124: folders["three"]}},
        {"saved_model_half_plus_two_2_versions": {"A": 123, "B": 124}},
    )
    models.load()
    yield models
    models.close()
