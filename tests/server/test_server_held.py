"""Callers that hold what they have: messages that do not come, streams left open, answers not read."""

import contextlib
import json
import queue
import socket
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from kerasgan.server import Models, ModelServer, ServerOptions
from kerasgan.server.grpc import service
from kerasgan.server.rest import app, uvicorn_server
from tests.server.conftest import call
from tests.server.links import Link

PREDICT = "/tensorflow.serving.PredictionService/Predict"
CODE = grpc.StatusCode


@contextlib.contextmanager
def serving(folders, name="two", **options):
    """A server of one model "m" with one thread for requests, and health checks."""
    given = {"port": 0, "rest_port": None, "grpc_threads": 1, "health_checks": True} | options
    with ModelServer(Models({"m": {1: folders[name]}}), ServerOptions(**given)) as server:
        yield server


@contextlib.contextmanager
def connected(address, *options):
    """A channel with a connection of its own."""
    address = address if isinstance(address, str) else f"127.0.0.1:{address.port}"
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1), *options]) as channel:
        yield channel


def half_plus_two(x=1.0):
    request = predict_pb2.PredictRequest(model_spec={"name": "m"})
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([x])))
    return request


def check_all_is_well(server):
    """Prediction, status and health are answered; the time is for a machine that is busy."""
    with connected(server) as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(half_plus_two(), timeout=20)
        assert answer.outputs["y"].float_val[0] == 2.5
        status = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "m"})
        model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(status, timeout=20)
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20)
        assert health.status == health_pb2.HealthCheckResponse.SERVING


class Headers:
    """A call whose headers are sent, and whose message may follow."""

    def __init__(self, channel, path=PREDICT, wait=True):
        self._messages = queue.SimpleQueue()
        self.call = channel.stream_unary(path).future(iter(self._messages.get, None), timeout=120)
        if wait:
            time.sleep(0.01)  # so that calls come in order

    def send(self):
        self._messages.put(half_plus_two().SerializeToString())
        self.end()
        return predict_pb2.PredictResponse.FromString(self.call.result(20)).outputs["y"].float_val[0]

    def end(self):
        self._messages.put(None)


# ---------------------------------------------------------------- messages that do not come


def test_calls_whose_message_does_not_come_hold_nobody_up(folders):
    paths = [PREDICT, "/tensorflow.serving.ModelService/GetModelStatus", "/grpc.health.v1.Health/Check"]
    paths += ["/tensorflow.serving.ModelService/HandleReloadConfigRequest", "/grpc.health.v1.Health/Watch"]
    with serving(folders, max_streams=3) as server, connected(server) as channel:
        calls = [Headers(channel, path, wait=False) for path in paths for _ in range(60)]
        time.sleep(0.5)
        check_all_is_well(server)
        assert calls[7].send() == 2.5
        assert not calls[8].call.done()
        for call in calls:
            call.call.cancel()
            call.end()


def test_of_too_many_such_calls_the_oldest_is_refused(folders):
    with serving(folders, max_requests=5) as server, connected(server) as channel:
        calls = [Headers(channel) for _ in range(8)]
        for call in calls[:3]:
            assert call.call.code() is CODE.RESOURCE_EXHAUSTED
            assert "--max-requests" in call.call.details()
        check_all_is_well(server)  # for which one more had to go
        assert [call.send() for call in calls[4:]] == [2.5] * 4


def test_a_call_without_a_message_is_refused(folders):
    with serving(folders) as server, connected(server) as channel:
        call = Headers(channel)
        call.end()
        assert call.call.code() is CODE.UNIMPLEMENTED
        assert "exactly one request message" in call.call.details()
        check_all_is_well(server)


def test_slow_uploads_hold_nobody_up(folders):
    with serving(folders) as server, Link(server.port, upwards=100_000) as link:
        with contextlib.ExitStack() as stack:
            channels = [stack.enter_context(connected(link.address)) for _ in range(6)]
            calls = [channel.unary_unary(PREDICT).future(b"\x12" * 1_000_000, timeout=120) for channel in channels]
            time.sleep(0.5)
            check_all_is_well(server)
            assert not any(call.done() for call in calls)


def images(rows):
    """A request for images of 192 bytes each."""
    request = predict_pb2.PredictRequest(model_spec={"name": "g"})
    for name, array in (("seed", np.zeros(rows, np.int64)), ("truncation", np.ones(rows, np.float32))):
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    request.inputs["label"].CopyFrom(tf.make_tensor_proto(np.zeros(rows, np.int64)))
    return request


def test_slow_readers_of_large_answers_hold_nobody_up(folders, monkeypatch):
    """And what they leave unread is counted until they are gone."""
    monkeypatch.setattr(service, "MAX_UNREAD_BYTES", 20_000_000)
    rows = 40_000  # 7.7 MB, of which there may be two
    request = images(rows)
    models = Models({"m": {1: folders["two"]}, "g": {1: folders["generator"]}})
    options = ServerOptions(port=0, rest_port=None, grpc_threads=1, health_checks=True)
    large = ("grpc.max_receive_message_length", -1)
    with ModelServer(models, options) as server:
        with Link(server.port, downwards=50_000) as link, contextlib.ExitStack() as stack:
            calls = []
            for _ in range(4):
                channel = stack.enter_context(connected(link.address, large))
                calls.append(prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict.future(request))
            until = time.monotonic() + 30
            while sum(call.done() for call in calls) < 2 and time.monotonic() < until:
                time.sleep(0.05)
            check_all_is_well(server)
            refused = [call for call in calls if call.done()]
            assert [call.code() for call in refused] == [CODE.RESOURCE_EXHAUSTED] * 2
            assert "callers that read slowly" in refused[0].details()
            monkeypatch.setattr(service, "UNREAD_SECONDS", 0.01)
            with connected(server, large) as channel:  # they had long enough
                predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
                assert predict(request, timeout=30).ByteSize() > 100 * rows
        with connected(server, large) as channel:
            predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
            until = time.monotonic() + 30
            while True:  # until the server has heard that they are gone
                with contextlib.suppress(grpc.RpcError):
                    assert predict(request, timeout=30).ByteSize() > 100 * rows
                    break
                assert time.monotonic() < until


@pytest.mark.slow
def test_slow_readers_of_rest_are_counted_and_hung_up_on(folders, monkeypatch):
    monkeypatch.setattr(app, "MAX_UNREAD_BYTES", 10_000_000)
    monkeypatch.setattr(uvicorn_server, "UNREAD_SECONDS", 3.0)
    rows = 20_000
    inputs = {"seed": [0] * rows, "label": [0] * rows, "truncation": [1.0] * rows}
    body = json.dumps({"inputs": inputs}).encode()
    head = f"POST /v1/models/g:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    models = Models({"m": {1: folders["two"]}, "g": {1: folders["generator"]}})
    with ModelServer(models, ServerOptions(port=0, rest_port=0)) as server:
        with Link(server.rest_port, downwards=50_000) as link:
            host, port = link.address.split(":")
            with socket.create_connection((host, int(port))) as raw:
                raw.sendall(head.encode() + body)
                assert raw.recv(10).startswith(b"HTTP/1.1 2")
                status, _, text, _ = call(server, "POST", "/v1/models/g:predict", body)
                assert status == 429 and "callers that read slowly" in text
                assert call(server, "POST", "/v1/models/m:predict", {"instances": [1]})[0] == 200
                until = time.monotonic() + 30
                while call(server, "POST", "/v1/models/g:predict", body)[0] != 200:  # until it is hung up on
                    assert time.monotonic() < until


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_cancelled_calls_leave_nothing_behind(folders, count):
    with serving(folders, max_requests=4) as server, connected(server) as channel:
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        for row in range(count):
            call = predict.future(half_plus_two(row), timeout=60)
            if row % 3:
                time.sleep(0.0005 * (row % 3))  # cancelled before it comes, on its way, and when it is computed
            call.cancel()
        until = time.monotonic() + 60
        while True:  # until the last ones have left
            with contextlib.suppress(grpc.RpcError):
                assert predict(half_plus_two(), timeout=20).outputs["y"].float_val[0] == 2.5
                break
            assert time.monotonic() < until
        calls = [Headers(channel) for _ in range(4)]  # as many as there is room for
        assert [call.send() for call in calls] == [2.5] * 4


def test_clients_that_vanish_leave_nothing_behind(folders):
    with serving(folders, max_requests=4, max_streams=2) as server:
        for _ in range(3):
            with Link(server.port) as link, contextlib.ExitStack() as stack:
                for _ in range(3):
                    channel = stack.enter_context(connected(link.address))
                    call = Headers(channel)
                    stack.callback(call.end)
                    stream = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter(()))
                    stack.callback(stream.cancel)
        check_all_is_well(server)
        with connected(server) as channel:
            calls = [Headers(channel) for _ in range(4)]
            assert [call.send() for call in calls] == [2.5] * 4


def test_a_path_that_is_no_text_ends_nothing(folders):
    """It ends the server of `grpc.aio` (grpcio 1.85)."""
    with serving(folders) as server, connected(server) as channel:
        for path in (b"/a/\xff\xfe", b"/tensorflow.serving.PredictionService/\xff"):
            with pytest.raises(grpc.RpcError) as raised:
                channel.unary_unary(path)(b"", timeout=20)
            assert raised.value.code() is CODE.UNIMPLEMENTED
        check_all_is_well(server)


def test_a_grpcio_of_another_make_is_named(folders, monkeypatch):
    monkeypatch.setattr(grpc._server, "_receive_message", lambda state, call: None)
    with pytest.raises(ImportError, match=r"install grpcio==1\.85"), serving(folders):
        pass


# ---------------------------------------------------------------- streams


def reflected(channel):
    """An open reflection stream that has answered once."""
    asked = threading.Event()

    def requests():
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        asked.wait(120)

    stream = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(requests())
    stream.add_done_callback(lambda _: asked.set())
    assert next(stream).list_services_response.service
    return stream


def test_streams_left_open_are_counted_and_hold_nobody_up(folders):
    with serving(folders, max_streams=3) as server, connected(server) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        streams = [reflected(channel) for _ in range(2)]
        for refused in (
            lambda: reflected(channel),
            lambda: next(health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())),
        ):
            with pytest.raises(grpc.RpcError) as raised:
                refused()
            assert raised.value.code() is CODE.RESOURCE_EXHAUSTED
            assert raised.value.details() == "The server has 3 streams open already (--max-streams)."
        check_all_is_well(server)
        streams[0].cancel()
        until = time.monotonic() + 20
        while True:  # until the server has heard of it
            with contextlib.suppress(grpc.RpcError):
                reflected(channel).cancel()
                break
            assert time.monotonic() < until
        for stream in (watch, *streams):
            stream.cancel()


def test_health_of_services(folders):
    answer = health_pb2.HealthCheckResponse
    with serving(folders) as server, connected(server) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        name = "tensorflow.serving.PredictionService"
        assert stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=20).status == answer.SERVING
        with pytest.raises(grpc.RpcError) as raised:
            stub.Check(health_pb2.HealthCheckRequest(service="no"), timeout=20)
        assert raised.value.code() is CODE.NOT_FOUND
        listed = stub.List(health_pb2.HealthListRequest(), timeout=20).statuses
        assert {listed[each].status for each in ("", name)} == {answer.SERVING}
        unknown = stub.Watch(health_pb2.HealthCheckRequest(service="no"))
        assert next(unknown).status == answer.SERVICE_UNKNOWN
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=name))
        assert next(watch).status == answer.SERVING
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert [each.status for each in watch] == [answer.NOT_SERVING]  # and the stream ends
        stopping.join(30)
        assert not stopping.is_alive()


# ---------------------------------------------------------------- pings


@pytest.mark.slow
def test_clients_may_ping_each_second(folders):
    options = [("grpc.keepalive_time_ms", 1000), ("grpc.keepalive_timeout_ms", 5000)]
    options += [("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0)]
    with serving(folders) as server, connected(server, *options) as channel:
        engine = server.models.find("m").engine
        run = engine.run
        engine.run = lambda *arguments: (time.sleep(5), run(*arguments))[1]
        states = []
        channel.subscribe(states.append)
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        assert predict(half_plus_two(), timeout=60).outputs["y"].float_val[0] == 2.5  # no data for 5 s
        time.sleep(5)  # no call for 5 s
        assert grpc.ChannelConnectivity.TRANSIENT_FAILURE not in states
        assert states[-1] is grpc.ChannelConnectivity.READY
        engine.run = run
        assert predict(half_plus_two(), timeout=20).outputs["y"].float_val[0] == 2.5


def test_bodies_that_do_not_come_whole_are_counted(folders, monkeypatch):
    monkeypatch.setattr(app, "MAX_RECEIVED_BYTES", 3_000_000)
    body = json.dumps({"instances": [1.0] * 1000}).encode() + b" " * 2_000_000
    head = f"POST /v1/models/m:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    held, hold = [], app.RestApp._hold
    monkeypatch.setattr(app.RestApp, "_hold", lambda *given: (hold(*given), held.append(given[1])))
    models = Models({"m": {1: folders["two"]}})
    with ModelServer(models, ServerOptions(port=0, rest_port=0)) as server:
        with socket.create_connection(("127.0.0.1", server.rest_port)) as raw:
            raw.sendall(head.encode() + body[:-1])
            until = time.monotonic() + 30
            while sum(held) < len(body) - 1:
                time.sleep(0.01)
                assert time.monotonic() < until
            assert call(server, "POST", "/v1/models/m:predict", body)[0] == 429
            assert call(server, "POST", "/v1/models/m:predict", {"instances": [1]})[0] == 200
            raw.sendall(body[-1:])
            assert raw.recv(12) == b"HTTP/1.1 200"
        assert call(server, "POST", "/v1/models/m:predict", body)[0] == 200
