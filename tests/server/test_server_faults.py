"""What callers and machines do wrong: the server goes on, and so do the others."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from kerasgan.server import BatchingParameters, ModelOptions, Models, ModelServer, ServerOptions
from kerasgan.server.rest import uvicorn_server
from tests.server import faults
from tests.server.conftest import call

ROOT = pathlib.Path(__file__).parents[2]
CODES = {code for code in grpc.StatusCode} - {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


@contextlib.contextmanager
def command(folder, *flags):
    """Run `kerasgan serve`: yields the process, its gRPC port and its REST port."""
    line = [sys.executable, "-m", "kerasgan", "serve", str(folder), "--port=0", "--rest-port=0", *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    log = subprocess.DEVNULL  # of the faults that the server writes about
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    try:
        yield process, *map(int, re.findall(r":(\d+)\b", process.stdout.readline())[:2])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class At:
    """A server elsewhere, as `call` takes it."""

    def __init__(self, rest_port):
        self.rest_port = rest_port


def send(kind, what, channel, rest_port):
    """Send one request of `faults`; its HTTP status, its gRPC code, or "raw"."""
    if kind == "grpc":
        method, data = what
        rpc = channel.unary_unary(f"/tensorflow.serving.{method}")
        try:
            rpc(data, timeout=20)
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK
    if kind == "raw":
        with socket.create_connection(("127.0.0.1", rest_port), timeout=20) as raw:
            with contextlib.suppress(ConnectionError):
                raw.sendall(what)
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(65536):
                    pass
        return "raw"
    method, path, body, headers = what
    connection = http.client.HTTPConnection("127.0.0.1", rest_port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read()
        if response.headers["Content-Type"] == "application/json":
            answer = text.decode()
            assert response.status == 200 or set(json.loads(answer)) == {"error"}, answer
        return response.status
    finally:
        connection.close()


def memory(pid):
    """Resident bytes of a process."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def seen_of(requests, grpc_port, rest_port):
    """Send requests one after another; the set of what came back."""
    with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
        return {(kind, send(kind, what, channel, rest_port)) for kind, what in requests}


def check_answers(seen):
    """Nothing but what the API answers, and nothing that says the server itself went wrong."""
    assert {status for kind, status in seen if kind == "grpc"} <= CODES
    assert {status for kind, status in seen if kind == "rest"} <= {200, 400, 404}
    assert ("rest", 400) in seen and ("grpc", grpc.StatusCode.INVALID_ARGUMENT) in seen


def test_some_malformed_requests(server, caplog):
    check_answers(seen_of(faults.requests(0, 800), server.port, server.rest_port))
    assert "request failed" not in caplog.text  # of errors that no code foresaw
    assert call(server, "POST", "/v1/models/default:predict", {"instances": [1]})[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--enable_batching"]])
def test_ten_thousand_malformed_requests_and_memory_is_flat(folders, tmp_path, flags):
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "123").symlink_to(folders["two"])
    with command(tmp_path, *flags) as (process, grpc_port, rest_port):
        sizes = []
        for seed in range(10):
            check_answers(seen_of(faults.requests(seed, 1000), grpc_port, rest_port))
            sizes.append(memory(process.pid))
        assert process.poll() is None
        assert call(At(rest_port), "POST", "/v1/models/default:predict", {"instances": [1]})[0] == 200
    assert sizes[-1] - sizes[4] < 8 * 2**20, [size >> 20 for size in sizes]


# ---------------------------------------------------------------- clients that stall


def test_a_client_that_stalls_blocks_nobody_and_is_hung_up_on(folders, monkeypatch):
    monkeypatch.setattr(uvicorn_server, "HEADER_SECONDS", 0.5)
    head = b"POST /v1/models/m:predict HTTP/1.1\r\nHost: localhost\r\n"
    unfinished = [b"", head[:20], head, head + b"Content-Length: 17\r\n\r\n", head + b"Content-Length: 17\r\n\r\n{"]
    options = ServerOptions(port=0, rest_port=0, rest_threads=1, rest_timeout_seconds=0.5)
    with (
        ModelServer(Models({"m": {1: folders["two"]}}), options) as server,
        contextlib.ExitStack() as stack,
    ):
        stalled = []
        for data in unfinished * 10:
            stalled.append(stack.enter_context(socket.create_connection(("127.0.0.1", server.rest_port), timeout=20)))
            stalled[-1].sendall(data)
        assert call(server, "POST", "/v1/models/m:predict", {"instances": [1]})[0] == 200
        answers = [raw.makefile("rb").read() for raw in stalled]  # each ends, or this times out
    for answer, data in zip(answers, unfinished * 10, strict=True):
        assert answer.startswith(b"HTTP/1.1 504 ") if b"\r\n\r\n" in data else answer == b""


def test_a_client_that_sends_slowly_is_answered(folders, monkeypatch):
    """The timer runs from one request's end to the next one's head, not over the connection's life."""
    monkeypatch.setattr(uvicorn_server, "HEADER_SECONDS", 1.0)
    body = b'{"instances": [1]}'
    request = b"POST /v1/models/m:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with (
        ModelServer(Models({"m": {1: folders["two"]}}), ServerOptions(port=0, rest_port=0)) as server,
        socket.create_connection(("127.0.0.1", server.rest_port), timeout=20) as raw,
    ):
        for _ in range(3):
            for start in range(0, len(request), 30):
                raw.sendall(request[start : start + 30])
                time.sleep(0.15)
            assert b"[2.5]" in raw.recv(65536)


def test_a_grpc_client_that_stalls_blocks_nobody(server):
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for data in (b"", preface[:10], preface, preface + b"\x00\x00\x10"):
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            raw.sendall(data)
        check_answers(seen_of(faults.requests(1, 50), server.port, server.rest_port))


# ---------------------------------------------------------------- many clients


def predict_request(x):
    request = predict_pb2.PredictRequest(model_spec={"name": "default"})
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([x])))
    return request


@pytest.mark.parametrize("batching", [None, BatchingParameters()])
def test_a_thousand_connections_at_once(folders, batching):
    """All are opened before the first answer is read."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4000:
        pytest.skip(f"a process may open {hard} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4000), hard))
    models = Models({"default": {123: folders["two"]}}, options=ModelOptions(batching=batching))
    with ModelServer(models, ServerOptions(port=0, rest_port=0)) as server, contextlib.ExitStack() as stack:
        raws = []
        for row in range(1000):
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", server.rest_port), timeout=60))
            body = json.dumps({"instances": [row]}).encode()
            head = f"POST /v1/models/default:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            raw.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)
            raws.append(raw)
        for row, raw in enumerate(raws):
            answer = raw.makefile("rb").read()
            assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"predictions": [row / 2 + 2]}
        channels = [
            stack.enter_context(
                grpc.insecure_channel(f"127.0.0.1:{server.port}", options=[("grpc.use_local_subchannel_pool", 1)])
            )
            for _ in range(100)
        ]
        stubs = [prediction_service_pb2_grpc.PredictionServiceStub(channel) for channel in channels]
        futures = [stubs[row % 100].Predict.future(predict_request(row), timeout=60) for row in range(1000)]
        assert [future.result().outputs["y"].float_val[0] for future in futures] == [row / 2 + 2 for row in range(1000)]


# ---------------------------------------------------------------- the machine


@pytest.mark.slow
def test_kill_and_restart_give_the_same_images_over_both_transports(folders, tmp_path):
    (tmp_path / "generator").mkdir()
    (tmp_path / "generator" / "1").symlink_to(folders["generator"])
    inputs = {"seed": [3, 4], "label": [1, 2], "truncation": [0.5, 1.0]}
    request = predict_pb2.PredictRequest(model_spec={"name": "generator"})
    for name, dtype in (("seed", np.int64), ("label", np.int64), ("truncation", np.float32)):
        request.inputs[name].CopyFrom(tf.make_tensor_proto(np.array(inputs[name], dtype)))
    found = []
    for flags in ([], ["--enable_batching"]):
        with command(tmp_path, *flags) as (process, grpc_port, rest_port):
            with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
                predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
                found.append(tf.make_ndarray(predict(request, timeout=20).outputs["images"]).tolist())
            path = "/v1/models/generator:predict"
            found.append(call(At(rest_port), "POST", path, {"inputs": inputs})[3]["outputs"])
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert found[0][0][0][0][0] == 3 + 10
    assert all(images == found[0] for images in found)


@pytest.mark.slow
def test_a_port_is_free_again_after_a_kill(folders, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "1").symlink_to(folders["two"])
    with command(tmp_path) as (process, grpc_port, rest_port):
        raw = socket.create_connection(("127.0.0.1", rest_port))  # a connection that the kill breaks off
        process.send_signal(signal.SIGKILL)
        process.wait()
        raw.close()
    options = ServerOptions(port=grpc_port, rest_port=rest_port)
    with ModelServer(Models({"m": {1: folders["two"]}}), options) as server:
        assert call(server, "POST", "/v1/models/m:predict", {"instances": [1]})[0] == 200


def test_a_burst_beyond_the_queue_is_refused_and_the_rest_is_right(folders):
    """Some are answered, some 429; none is lost, wrong, or late."""
    batching = BatchingParameters(max_batch_size=2, max_enqueued_batches=2, num_batch_threads=1)
    models = Models({"m": {1: folders["two"]}}, options=ModelOptions(batching=batching))
    with ModelServer(models, ServerOptions(port=0, rest_port=0)) as server:
        engine = models.find("m").engine
        compute = engine._compute
        engine._compute = lambda *arguments: (time.sleep(0.02), compute(*arguments))[1]
        rng = random.Random(0)

        def ask(_):
            row = rng.randrange(1000)
            status, _, _, parsed = call(server, "POST", "/v1/models/m:predict", {"instances": [row]})
            return status, parsed, row

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(ask, range(200)))
    assert {status for status, _, _ in answers} == {200, 429}
    for status, parsed, row in answers:
        assert parsed == {"predictions": [row / 2 + 2]} if status == 200 else "is full" in parsed["error"]
