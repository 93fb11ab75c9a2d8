"""Stopping ends in time whatever is under way. 30 s separate that from hanging; the grace is much less."""

import concurrent.futures
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2_grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from kerasgan.server import BatchingParameters, ModelOptions, Models, ModelServer, ServerOptions
from tests.server.conftest import call
from tests.server.test_server_held import Headers
from tests.server.test_server_process import is_open
from tests.server.test_server_wanted import FOR_EVER, predict_request, wait_until

IN_TIME = 30.0


@contextlib.contextmanager
def started(folder, batching=None, **options):
    """A server of a model "m" that the test stops, and its stub for predictions."""
    models = Models({"m": {1: folder}}, options=ModelOptions(batching=batching))
    server = ModelServer(
        models, ServerOptions(**({"port": 0, "rest_port": 0, "health_checks": True} | options))
    ).start()
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield server, prediction_service_pb2_grpc.PredictionServiceStub(channel), channel
    server.stop(0)


def stop(server, grace):
    """Stop it in time; what `stop` returned."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        ended = pool.submit(server.stop, grace).result(IN_TIME)
    assert not is_open(server.port) and not is_open(server.rest_port)
    return ended


def hold(engine):
    """Let no computation end before the event is set; `(begun, go_on)`."""
    begun, go_on, compute = threading.Event(), threading.Event(), engine._compute

    def held(*arguments):
        begun.set()
        go_on.wait(120)
        return compute(*arguments)

    engine._compute = held
    return begun, go_on


def code_of(answer):
    return answer.exception(IN_TIME).code()


def test_idle_callers_do_not_hold_it_up(folders):
    """Streams, calls without a message, and REST connections that are kept alive or have sent half a request."""
    with started(folders["two"]) as (server, _, channel), contextlib.ExitStack() as stack:
        calls = [Headers(channel) for _ in range(20)]
        streams = []
        for _ in range(5):
            open_ = threading.Event()
            stack.callback(open_.set)
            requests = (None for _ in iter(lambda open_=open_: open_.wait(120), True))
            streams.append(reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(requests))
        for data in (b"", b"GET /v1/models/m HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /v1"):
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", server.rest_port)))
            raw.sendall(data)
        time.sleep(0.3)
        assert stop(server, grace=100.0)  # none of them needs it
        for held in calls:
            assert code_of(held.call) in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
            held.end()
        assert all(code_of(stream) is not grpc.StatusCode.OK for stream in streams)


def test_a_server_that_drains_says_so_and_answers_on(folders):
    with started(folders["two"], drain_seconds=1.5) as (server, stub, channel):
        health = health_pb2_grpc.HealthStub(channel)

        def ready():
            status, headers, text, _ = call(server, "GET", "/readyz", headers={"X": "y"})
            said = health.Check(health_pb2.HealthCheckRequest()).status
            return status, text, headers["Connection"], health_pb2.HealthCheckResponse.ServingStatus.Name(said)

        assert ready() == (200, "ready\n", None, "SERVING")
        stopping = threading.Thread(target=server._drain_and_stop)
        stopping.start()
        wait_until(lambda: server._transports[-1]._services[-1]._status == health_pb2.HealthCheckResponse.NOT_SERVING)
        assert ready() == (503, "stopping\n", "close", "NOT_SERVING")
        status, headers, _, _ = call(server, "POST", "/v1/models/m:predict", {"instances": [1.0]})
        assert (status, headers["Connection"]) == (200, "close")
        stopping.join(IN_TIME)
        assert not stopping.is_alive() and not is_open(server.port) and not is_open(server.rest_port)


def test_half_a_rest_request_is_cut_off(folders):
    with started(folders["two"]) as (server, _, _):
        with socket.create_connection(("127.0.0.1", server.rest_port)) as raw:
            raw.sendall(b"POST /v1/models/m:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
            time.sleep(0.3)
            assert stop(server, grace=0.5)


def test_both_ports_close_while_what_is_under_way_is_finished(folders):
    with started(folders["two"]) as (server, stub, _), concurrent.futures.ThreadPoolExecutor(2) as pool:
        begun, go_on = hold(server.models.find("m").engine)
        over_grpc = stub.Predict.future(predict_request(x=np.float32([1])), timeout=60)
        begun.wait(20)
        rest = pool.submit(call, server, "POST", "/v1/models/m:predict", {"instances": [3]})
        time.sleep(0.3)
        stopping = pool.submit(server.stop, 100.0)
        wait_until(lambda: not is_open(server.port) and not is_open(server.rest_port))
        assert not stopping.done()
        go_on.set()
        assert stopping.result(IN_TIME) is True
        assert over_grpc.result(IN_TIME).outputs["y"].float_val[0] == 2.5
        assert rest.result(IN_TIME)[3] == {"predictions": [3.5]}


@pytest.mark.parametrize("batching", [None, BatchingParameters()])
def test_a_loop_without_end_is_ended(folders, batching):
    with started(folders["loop"], batching) as (server, stub, _):
        answers = [stub.Predict.future(predict_request(n=np.int64([FOR_EVER]))) for _ in range(3)]
        time.sleep(0.5)
        assert stop(server, grace=0.5)
        assert all(code_of(answer) is not grpc.StatusCode.OK for answer in answers)


def test_a_computation_that_cannot_be_ended_is_left_behind(folders):
    with started(folders["two"]) as (server, stub, _):
        begun, go_on = hold(server.models.find("m").engine)
        answer = stub.Predict.future(predict_request(x=np.float32([1])))
        begun.wait(20)
        assert stop(server, grace=0.5) is False
        assert code_of(answer) in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE)
        go_on.set()


@pytest.mark.slow
def test_a_load_that_does_not_end_is_left_behind(folders):
    with started(folders["two"]) as (server, _, _):
        engines, loading, go_on = server.models.engines, threading.Event(), threading.Event()
        open_ = engines.open

        def slow(folder):
            loading.set()
            go_on.wait(120)
            return open_(folder)

        engines.open = slow
        wanted = {"m": {1: folders["two"], 2: folders["three"]}}
        updating = threading.Thread(target=server.models.update, args=(wanted,))
        updating.start()
        loading.wait(20)
        assert stop(server, grace=0.5) is False
        go_on.set()
        updating.join(IN_TIME)


@pytest.mark.parametrize("grace", [0.2, 100.0])
def test_a_server_that_is_stopped_while_it_loads_does_not_start(folders, grace):
    models, loading, go_on = Models({"m": {1: folders["two"]}}), threading.Event(), threading.Event()
    server, open_ = ModelServer(models, ServerOptions(port=0, rest_port=0)), models.engines.open

    def slow(folder):
        loading.set()
        go_on.wait(120)
        return open_(folder)

    models.engines.open = slow
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        starting = pool.submit(server.start)
        loading.wait(20)
        stopping = pool.submit(server.stop, grace)
        if grace < 1:
            assert stopping.result(IN_TIME) is False
        go_on.set()
        with pytest.raises(RuntimeError, match="was stopped"):
            starting.result(IN_TIME)
        assert grace < 1 or stopping.result(IN_TIME) is True
    assert server.stop() is True
    assert not is_open(server.port) and not is_open(server.rest_port)


def test_a_server_starts_once(folders):
    server = ModelServer(Models({"m": {1: folders["two"]}}), ServerOptions(port=0, rest_port=0)).start()
    with pytest.raises(RuntimeError, match="already"):
        server.start()
    assert is_open(server.port)
    assert server.stop() is True
    with pytest.raises(RuntimeError, match="was stopped"):
        server.start()
    assert not is_open(server.rest_port)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_first_load_ends_the_command(tmp_path, number):
    (tmp_path / "m" / "1").mkdir(parents=True)
    pipe = tmp_path / "m" / "1" / "saved_model.pb"
    os.mkfifo(pipe)  # reading it does not end
    line = [sys.executable, "-m", "kerasgan", "serve", "--port=0", "--rest-port=0"]
    environment = os.environ | {"PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    line.append(f"--model_base_path={tmp_path / 'm'}")
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            with open(pipe, "wb"):  # opened when it is read
                process.send_signal(number)
                assert process.wait(20) == 128 + number
            assert "before all models were loaded" in process.stderr.read()
        finally:
            process.kill()


def test_a_batch_that_waits_for_more_is_computed_now(folders):
    parameters = BatchingParameters(max_batch_size=100, batch_timeout_micros=3_600_000_000)
    with started(folders["two"], parameters) as (server, stub, _):
        answer = stub.Predict.future(predict_request(x=np.float32([1])), timeout=120)
        time.sleep(0.5)
        assert stop(server, grace=100.0)
        assert answer.result(IN_TIME).outputs["y"].float_val[0] == 2.5


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_cuts_the_grace(folders, second):
    with started(folders["two"]) as (server, stub, _):
        begun, go_on = hold(server.models.find("m").engine)
        answer = stub.Predict.future(predict_request(x=np.float32([1])))
        begun.wait(20)
        stop_ = server.stop
        server.stop = lambda grace=1000.0: stop_(grace)

        def signals():
            wait_until(lambda: not is_open(server.port))
            os.kill(os.getpid(), second)

        sending = threading.Thread(target=signals)
        sending.start()
        assert server.wait(on_ready=lambda: os.kill(os.getpid(), signal.SIGTERM)) is False
        sending.join()
        assert code_of(answer) is not grpc.StatusCode.OK
        go_on.set()


@pytest.mark.slow
@pytest.mark.parametrize("signals", [1, 2])
def test_the_command_ends_with_a_computation_that_cannot_be_ended(folders, tmp_path, signals):
    """A chain of operations, which TensorFlow does not stop."""
    import tensorflow as tf

    chain = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, name="x")])
    def multiplied(x):
        for _ in range(4000):
            x = 1e-3 * (x @ x)
        return {"y": x}

    tf.saved_model.save(chain, str(tmp_path / "m" / "1"), signatures={"serving_default": multiplied})
    root = pathlib.Path(__file__).parents[2]
    line = [sys.executable, "-m", "kerasgan", "serve", str(tmp_path), "--port=0", "--rest-port=0"]
    environment = os.environ | {"PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        port = process.stdout.readline().split()[1].rpartition(":")[2]
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            stub.Predict(predict_request(x=np.ones([1, 1], np.float32)))  # makes the graph ready, which can be stopped
            answer = stub.Predict.future(predict_request(x=np.ones([1000, 1000], np.float32)))
            time.sleep(2)
            assert not answer.done()
            for _ in range(signals):
                process.send_signal(signal.SIGTERM)
                time.sleep(1)
            process.wait(IN_TIME)
        assert process.returncode == 1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
