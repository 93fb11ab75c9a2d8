"""Deadlines, limits, TLS and the access log."""

import concurrent.futures
import json
import pathlib
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
import trustme
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from kerasgan import client
from kerasgan.server import BatchingParameters, ModelOptions, Models, ModelServer, ServerOptions
from kerasgan.server.config.tls import read_credentials
from tests.documents import pages
from tests.server.conftest import call

PREDICT = "/v1/models/m:predict"


def half_plus_two(x=1.0):
    request = predict_pb2.PredictRequest(model_spec={"name": "m"})
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([x])))
    return request


def stub(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


class Gate:
    """Holds every computation of an engine until it is opened."""

    def __init__(self, engine):
        self.entered, self.opened, self.runs = threading.Event(), threading.Event(), []
        compute = engine._compute

        def held(names, arrays, fetches, deadline):
            self.runs.append(arrays[0].tolist())
            self.entered.set()
            self.opened.wait(20)
            return compute(names, arrays, fetches, deadline)

        engine._compute = held


# ---------------------------------------------------------------- time


def test_a_rest_request_that_takes_too_long_is_504_and_one_behind_it_is_not_computed(folders):
    models = Models({"m": {1: folders["two"]}})
    options = ServerOptions(port=0, rest_port=0, rest_threads=1, rest_timeout_seconds=0.4)
    with ModelServer(models, options) as server, concurrent.futures.ThreadPoolExecutor(2) as pool:
        gate = Gate(models.find("m").engine)
        first = pool.submit(call, server, "POST", PREDICT, {"instances": [1]})
        gate.entered.wait(20)
        second = call(server, "POST", PREDICT, {"instances": [2]})
        for status, headers, _, parsed in (first.result(20), second):
            assert status == 504 and headers["Content-Type"] == "application/json"
            assert parsed["error"].startswith("Timed out after 0.4 seconds")
        gate.opened.set()
        assert call(server, "POST", PREDICT, {"instances": [3]})[3] == {"predictions": [3.5]}
        assert gate.runs == [[1.0], [3.0]]


def test_a_grpc_deadline_reaches_the_engine(folders):
    models = Models({"m": {1: folders["two"]}})
    with (
        ModelServer(models, ServerOptions(port=0, rest_port=None)) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        engine, seen = models.find("m").engine, []
        run = engine.run
        engine.run = lambda *arguments: (seen.append(arguments[3]), run(*arguments))[1]
        before = time.monotonic()
        stub(channel).Predict(half_plus_two(), timeout=30)
        stub(channel).Predict(half_plus_two())
        assert 0 < seen[0] - before <= 30.5
        assert seen[1] is None


# ---------------------------------------------------------------- numbers


def test_more_requests_than_allowed_are_refused_at_once(folders):
    models = Models({"m": {1: folders["two"]}})
    options = ServerOptions(port=0, rest_port=0, rest_threads=1, grpc_threads=1, max_requests=2)
    with (
        ModelServer(models, options) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        concurrent.futures.ThreadPoolExecutor(5) as pool,
    ):
        gate = Gate(models.find("m").engine)
        rest = [pool.submit(call, server, "POST", PREDICT, {"instances": [1]}) for _ in range(5)]
        over_grpc = [stub(channel).Predict.future(half_plus_two(), timeout=60) for _ in range(5)]
        for answers in (rest, over_grpc):  # whichever two come first are kept, and wait at the gate
            until = time.monotonic() + 30
            while sum(future.done() for future in answers) < 3 and time.monotonic() < until:
                time.sleep(0.05)
        refused = [[future for future in answers if future.done()] for answers in (rest, over_grpc)]
        assert [future.result()[0] for future in refused[0]] == [429] * 3
        assert all("2 requests under way" in future.result()[3]["error"] for future in refused[0])
        assert [future.code() for future in refused[1]] == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 3
        gate.opened.set()
        assert [future.result(20)[0] for future in rest if future not in refused[0]] == [200] * 2
        kept = [future for future in over_grpc if future not in refused[1]]
        assert [future.result(20).outputs["y"].float_val[0] for future in kept] == [2.5, 2.5]
        assert call(server, "GET", "/v1/models/m")[0] == 200


def test_rows_are_limited_on_both_transports(folders):
    models = Models({"m": {1: folders["two"]}}, options=ModelOptions(max_rows=3))
    with (
        ModelServer(models, ServerOptions(port=0, rest_port=0)) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        assert call(server, "POST", PREDICT, {"instances": [1, 2, 3]})[0] == 200
        status, _, _, parsed = call(server, "POST", PREDICT, {"instances": [1, 2, 3, 4]})
        assert (status, parsed["error"]) == (
            400,
            "an input has 4 rows; this server takes at most 3 at once (--max-rows)",
        )
        request = half_plus_two()
        request.inputs["x"].tensor_shape.dim[0].size = 1_000_000  # of which one value is given, and repeated
        with pytest.raises(grpc.RpcError) as raised:
            stub(channel).Predict(request, timeout=20)
        assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert "1000000 rows" in raised.value.details()


@pytest.mark.parametrize("batching", [None, BatchingParameters()])
def test_an_answer_too_large_is_refused_before_it_is_computed(folders, batching):
    """A row of the stand-in generator is an image of 8 x 8 x 3 bytes, and its signature says so."""
    models = Models({"m": {1: folders["generator"]}}, options=ModelOptions(max_output_bytes=3 * 192, batching=batching))
    with (
        ModelServer(models, ServerOptions(port=0, rest_port=0)) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        gate = Gate(models.find("m").engine)
        gate.opened.set()

        def inputs(rows):
            return {"seed": [1] * rows, "label": [1] * rows, "truncation": [1.0] * rows}

        assert len(call(server, "POST", PREDICT, {"inputs": inputs(3)})[3]["outputs"]) == 3
        assert len(gate.runs) == 1
        status, _, _, parsed = call(server, "POST", PREDICT, {"inputs": inputs(4)})
        words = "the answer of 4 rows would be of 768 bytes; this server sends at most 576 (--max-output-bytes)"
        assert status == 400 and parsed["error"].startswith(words)
        request = predict_pb2.PredictRequest(model_spec={"name": "m"})
        for name, values in inputs(4).items():
            dtype = np.float32 if name == "truncation" else np.int64
            request.inputs[name].CopyFrom(tf.make_tensor_proto(np.array(values, dtype)))
        with pytest.raises(grpc.RpcError) as raised:
            stub(channel).Predict(request, timeout=20)
        assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT and words in raised.value.details()
        assert len(gate.runs) == 1


def test_an_answer_whose_size_no_signature_says_is_refused_after(folders):
    models = Models({"m": {1: folders["echo"]}}, options=ModelOptions(max_output_bytes=40))
    with ModelServer(models, ServerOptions(port=0, rest_port=0)) as server:

        def status(signature, values):
            answer = call(server, "POST", PREDICT, {"signature_name": signature, "inputs": values})
            assert answer[0] == 200 or "--max-output-bytes" in answer[3]["error"]
            return answer[0]

        assert [status("float32", [1.0] * 10), status("float32", [1.0] * 11)] == [200, 400]
        assert [status("int8", [[1] * 20] * 2), status("int8", [1] * 41)] == [200, 400]
        assert [status("string", ["a" * 20] * 2), status("string", ["a" * 41])] == [200, 400]


def test_without_a_limit_answers_may_be_large(folders):
    models = Models({"m": {1: folders["echo"]}}, options=ModelOptions(max_output_bytes=0))
    models.load()
    assert len(models.find("m").engine.run("int8", {"x": np.zeros((1, 2**20), np.int8)})["y"][0]) == 2**20
    models.close()


def test_limits_name_their_flags(folders):
    options = ServerOptions(port=0, rest_port=0, max_request_bytes=1000)
    with ModelServer(Models({"m": {1: folders["two"]}}), options) as server:
        status, _, _, parsed = call(server, "POST", PREDICT, b" " * 1001)
        assert status == 413 and "1000 bytes (--max-request-bytes)" in parsed["error"]
        request = half_plus_two()
        request.inputs["x"].tensor_shape.dim[0].size = 251  # of which one value is given, and repeated
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel, pytest.raises(grpc.RpcError) as raised:
            stub(channel).Predict(request, timeout=20)
        assert raised.value.details().endswith(
            "(a tensor of shape [251] takes more than 1000 bytes: --max-request-bytes)"
        )


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def ssl_config(tmp_path, authority):
    """Function: whether clients must have a certificate -> the path of an SSLConfig."""

    def write(client_verify):
        certificate = authority.issue_cert("127.0.0.1", "localhost")
        fields = {
            "server_key": certificate.private_key_pem.bytes(),
            "server_cert": b"".join(pem.bytes() for pem in certificate.cert_chain_pems),
            "custom_ca": authority.cert_pem.bytes() if client_verify else b"",
        }
        lines = [f"{name}: {json.dumps(pem.decode())}" for name, pem in fields.items()]
        path = tmp_path / "ssl.config"
        path.write_text("\n".join([*lines, f"client_verify: {str(client_verify).lower()}"]))
        return path

    return write


def secure(server, authority, certificate=None):
    credentials = grpc.ssl_channel_credentials(
        authority.cert_pem.bytes(),
        certificate and certificate.private_key_pem.bytes(),
        certificate and certificate.cert_chain_pems[0].bytes(),
    )
    return grpc.secure_channel(f"127.0.0.1:{server.port}", credentials)


def answer(channel):
    try:
        return stub(channel).Predict(half_plus_two(), timeout=5).outputs["y"].float_val[0]
    except grpc.RpcError as error:
        return error.code()


def test_tls(folders, authority, ssl_config):
    options = ServerOptions(port=0, rest_port=None, ssl_config_file=ssl_config(False))
    with ModelServer(Models({"m": {1: folders["two"]}}), options) as server:
        with secure(server, authority) as channel:
            assert answer(channel) == 2.5
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            assert answer(channel) == grpc.StatusCode.UNAVAILABLE
        with secure(server, trustme.CA()) as channel:  # a client that trusts another authority
            assert answer(channel) == grpc.StatusCode.UNAVAILABLE


def test_tls_as_the_page_has_it(folders, tmp_path, monkeypatch):
    page = pages.section(pages.text("serving.md"), "TLS")
    [command], [program] = pages.blocks(page, "bash"), pages.blocks(page, "python")
    pages.shell(command, tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "the page", "exec"), {})
    options = ServerOptions(port=0, rest_port=None, ssl_config_file=tmp_path / "ssl.config")
    with ModelServer(Models({"m": {1: folders["two"]}}), options) as server:
        with client.connect(f"grpcs://localhost:{server.port}", "m", ca_file=tmp_path / "server.pem") as model:
            assert model.predict({"x": np.float32([1.0])})["y"] == 2.5


def test_mutual_tls(folders, authority, ssl_config):
    options = ServerOptions(port=0, rest_port=None, ssl_config_file=ssl_config(True))
    with ModelServer(Models({"m": {1: folders["two"]}}), options) as server:
        with secure(server, authority, authority.issue_cert("client.example")) as channel:
            assert answer(channel) == 2.5
        with secure(server, authority) as channel:
            assert answer(channel) == grpc.StatusCode.UNAVAILABLE
        with secure(server, authority, trustme.CA().issue_cert("client.example")) as channel:
            assert answer(channel) == grpc.StatusCode.UNAVAILABLE


def test_rest_is_left_out_where_clients_must_have_a_certificate(folders, ssl_config, caplog):
    """REST has no TLS; on the default port nobody has asked for it."""
    options = ServerOptions(port=0, ssl_config_file=ssl_config(True))
    with ModelServer(Models({"m": {1: folders["two"]}}), options) as server:
        assert server.rest_port is None and "REST" not in server.addresses
    [line] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line.startswith("no REST: gRPC asks clients for certificates (client_verify)") and "--rest-port" in line


@pytest.mark.parametrize("client_verify", [True, False])
def test_rest_in_the_clear_beside_tls_if_it_is_asked_for_is_said(folders, ssl_config, caplog, client_verify):
    options = ServerOptions(port=0, rest_port=0, ssl_config_file=ssl_config(client_verify))
    with ModelServer(Models({"m": {1: folders["two"]}}), options) as server:
        assert call(server, "POST", PREDICT, {"instances": [1]})[3] == {"predictions": [2.5]}
    [line] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line == "TLS is on gRPC alone: REST answers everyone in the clear; --rest_api_port=0 turns it off"


def test_tls_on_a_unix_socket_too(folders, authority, ssl_config, tmp_path):
    path = f"unix:{tmp_path}/s"
    options = ServerOptions(
        port=0, rest_port=None, ssl_config_file=ssl_config(True), grpc_socket_path=str(tmp_path / "s")
    )
    with ModelServer(Models({"m": {1: folders["two"]}}), options):
        with grpc.insecure_channel(path) as channel:
            assert answer(channel) == grpc.StatusCode.UNAVAILABLE
        certificate = authority.issue_cert("client.example")
        keys = certificate.private_key_pem.bytes(), certificate.cert_chain_pems[0].bytes()
        credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes(), *keys)
        named = [("grpc.ssl_target_name_override", "localhost")]
        with grpc.secure_channel(path, credentials, options=named) as channel:
            assert answer(channel) == 2.5


@pytest.mark.parametrize(
    "text, words",
    [
        ("server_kei: 'x'", "server_kei"),
        ("", "expected server_key to hold a PEM text"),
        ("server_key: '/path/to/key.pem'", "expected server_key to hold a PEM text .*'/path/to/key.pem'"),
        ("server_key: '-----BEGIN x' server_cert: '-----BEGIN x' client_verify: true", "custom_ca"),
    ],
)
def test_a_wrong_ssl_config_is_named(tmp_path, text, words):
    (tmp_path / "ssl.config").write_text(text)
    with pytest.raises(ValueError, match=words) as raised:
        read_credentials(tmp_path / "ssl.config")
    assert str(tmp_path / "ssl.config") in str(raised.value)


def test_a_certificate_that_is_none_is_refused_at_the_start(tmp_path, folders):
    pem = "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n"
    (tmp_path / "ssl.config").write_text(f'server_key: "{pem}" server_cert: "{pem}"')
    options = ServerOptions(port=0, rest_port=None, ssl_config_file=tmp_path / "ssl.config")
    with pytest.raises(OSError, match="is server_key of ssl_config_file the key of server_cert"):
        ModelServer(Models({"m": {1: folders["two"]}}), options).start()


def test_a_unix_socket(tmp_path, folders):
    options = ServerOptions(port=0, rest_port=None, grpc_socket_path=str(tmp_path / "s"))
    with (
        ModelServer(Models({"m": {1: folders["two"]}}), options),
        grpc.insecure_channel(f"unix:{tmp_path / 's'}") as channel,
    ):
        assert answer(channel) == 2.5


# ---------------------------------------------------------------- access log


def test_every_request_is_a_line_of_the_access_log(folders, tmp_path):
    path = tmp_path / "access.log"
    options = ServerOptions(port=0, rest_port=0, access_log=str(path))
    with (
        ModelServer(Models({"m": {7: folders["two"]}}), options) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub(channel).Predict(half_plus_two(), timeout=20)
        with pytest.raises(grpc.RpcError):
            stub(channel).Predict(predict_pb2.PredictRequest(model_spec={"name": "n\n"}), timeout=20)
        status = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "m"})
        model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(status, timeout=20)
        call(server, "POST", PREDICT, {"instances": [1, 2, 3]})
        call(server, "POST", PREDICT, {"instances": [True]})
        call(server, "POST", PREDICT, b'{"signature_name": "\\ud800", "instances": [1]}')
        call(server, "GET", "/v1/models/m/metadata")
        call(server, "GET", "/nothing?a=b")
        body = {"signature_name": "regress_x_to_y", "examples": [{"x": 1.0}, {"x": 2.0}]}
        call(server, "POST", "/v1/models/m:regress", body)
        page = call(server, "GET", "/monitoring/prometheus/metrics")[2]
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    shown = [
        [entry[key] for key in ("protocol", "method", "model", "version", "rows", "status")]
        + [entry.get("http_status"), entry.get("target")]
        for entry in entries
    ]
    metrics = "GET /monitoring/prometheus/metrics"
    assert shown == [
        ["GRPC", "Predict", "m", 7, 1, "OK", None, None],
        ["GRPC", "Predict", "n\n", None, None, "NOT_FOUND", None, None],
        ["GRPC", "GetModelStatus", "m", None, None, "OK", None, None],
        ["REST", "Predict", "m", 7, 3, "OK", 200, f"POST {PREDICT}"],
        ["REST", "Predict", "m", 7, None, "INVALID_ARGUMENT", 400, f"POST {PREDICT}"],
        ["REST", "Predict", "m", 7, None, "INVALID_ARGUMENT", 400, f"POST {PREDICT}"],
        ["REST", "GetModelMetadata", "m", None, None, "OK", 200, "GET /v1/models/m/metadata"],
        ["REST", "", "", None, None, "NOT_FOUND", 404, "GET /nothing?a=b"],
        ["REST", "Regress", "m", 7, 2, "OK", 200, "POST /v1/models/m:regress"],
        ["REST", "GetMetrics", "", None, None, "OK", 200, metrics],
    ]
    assert all(entry["milliseconds"] > 0 and entry["time"].endswith("+00:00") for entry in entries)
    assert ':kerasgan:serving:call_count{method="GetModelStatus",entrypoint="GRPC",status="OK"} 1\n' in page
    assert ':kerasgan:serving:call_count{method="GetModelMetadata",entrypoint="REST",status="OK"} 1\n' in page


def test_a_full_disk_loses_lines_of_the_log_and_nothing_else(folders):
    if not pathlib.Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    options = ServerOptions(port=0, rest_port=0, access_log="/dev/full")
    with ModelServer(Models({"m": {7: folders["two"]}}), options) as server:
        for _ in range(3):
            assert call(server, "POST", PREDICT, {"instances": [1]})[0] == 200


def test_a_log_that_cannot_be_opened_is_named(folders, tmp_path):
    options = ServerOptions(port=0, rest_port=0, access_log=str(tmp_path / "no" / "log"))
    with pytest.raises(OSError, match="no/log"):
        ModelServer(Models({"m": {7: folders["two"]}}), options).start()


def test_tensor_content_if_asked_for(folders):
    options = ServerOptions(port=0, rest_port=None, tensor_content=True)
    with (
        ModelServer(Models({"m": {1: folders["echo"]}}), options) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        for value in (np.float32([[1, np.nan]]), np.uint8([0, 127, 128, 255]), np.array([b"a\0"], object)):
            dtype = "string" if value.dtype == object else str(value.dtype)
            request = predict_pb2.PredictRequest(model_spec={"name": "m", "signature_name": dtype})
            request.inputs["x"].CopyFrom(tf.make_tensor_proto(value))
            tensor = stub(channel).Predict(request, timeout=20).outputs["y"]
            assert bool(tensor.tensor_content) == (dtype != "string")
            np.testing.assert_array_equal(tf.make_ndarray(tensor), value)
