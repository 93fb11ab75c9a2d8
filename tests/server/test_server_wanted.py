"""Answers that nobody waits for any more, and large requests beside small ones."""

import asyncio
import concurrent.futures
import contextlib
import json
import shutil
import socket
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from kerasgan.server import BatchingParameters, ModelOptions, Models, ModelServer, ServerOptions, turns
from kerasgan.server.errors import ServingError
from kerasgan.server.inference.batching import BatchedEngine, BatchScheduler
from kerasgan.server.inference.engine import Engine
from tests.server.conftest import call

FOR_EVER = 10**12  # turns of the loop
ROWS = np.arange(100)


def predict_request(signature="", **inputs):
    request = predict_pb2.PredictRequest(model_spec={"name": "m", "signature_name": signature})
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


@contextlib.contextmanager
def serving(folder, batching=None, **options):
    """A server of a model "m"; yields it and its stub for predictions."""
    models = Models({"m": {1: folder}}, options=ModelOptions(batching=batching))
    with (
        ModelServer(models, ServerOptions(**({"port": 0, "rest_port": 0} | options))) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield server, prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="session")
def independent(folders, tmp_path_factory):
    """The fussy model, saying that its rows are independent."""
    folder = tmp_path_factory.mktemp("independent") / "fussy"
    shutil.copytree(folders["fussy"], folder)
    (folder / "assets.extra").mkdir()
    (folder / "assets.extra" / "kerasgan.json").write_text('{"independent_rows": true}')
    return folder


@pytest.fixture
def opened():
    """Function of a folder -> an `Engine`, closed afterwards."""
    with contextlib.ExitStack() as stack:

        def make(folder):
            engine = Engine(folder)
            stack.callback(engine.close)
            return engine

        yield make


def counted(engine, enough=None, then=None):
    """Rows of each run of an engine; `then` is called after `enough` runs."""
    runs, compute = [], engine._compute

    def counting(names, arrays, *rest):
        runs.append(len(arrays[0]))
        values = compute(names, arrays, *rest)
        if len(runs) == enough:
            then()
        return values

    engine._compute = counting
    return runs


def wait_until(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "30 s have passed"
        time.sleep(0.02)


# ---------------------------------------------------------------- loops


@pytest.mark.parametrize("batching", [None, BatchingParameters()])
def test_a_loop_ends_when_the_time_is_up(folders, batching):
    with serving(folders["loop"], batching, rest_timeout_seconds=0.5) as (server, stub):
        engine = server.models.find("m").engine
        ended, compute = [], engine._compute

        def computing(*arguments):
            try:
                return compute(*arguments)
            except ServingError as error:
                ended.append(error.code.name)
                raise

        engine._compute = computing
        assert call(server, "POST", "/v1/models/m:predict", {"instances": [FOR_EVER]})[0] == 504
        wait_until(lambda: ended == ["DEADLINE_EXCEEDED"])
        with pytest.raises(grpc.RpcError) as raised:
            stub.Predict(predict_request(n=np.int64([FOR_EVER])), timeout=0.5)
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        wait_until(lambda: ended == ["DEADLINE_EXCEEDED"] * 2)
        answer = stub.Predict(predict_request(n=np.int64([3, 5])), timeout=20)
        assert list(answer.outputs["y"].int64_val) == [3, 5]
        assert call(server, "POST", "/v1/models/m:predict", {"instances": [3]})[3] == {"predictions": [3]}


@pytest.mark.parametrize("batching", [None, BatchingParameters()])
@pytest.mark.parametrize("timeout", [None, 1e6, 1e9])
def test_a_caller_may_wait_for_ever(folders, batching, timeout):
    """Without a deadline, or with one in centuries, by both of grpcio's clients."""
    with serving(folders["loop"], batching) as (server, stub):
        answer = stub.Predict(predict_request(n=np.int64([3, 5])), timeout=timeout)
        assert list(answer.outputs["y"].int64_val) == [3, 5]

        async def ask():
            async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
                client = prediction_service_pb2_grpc.PredictionServiceStub(channel)
                return await client.Predict(predict_request(n=np.int64([7])), timeout=timeout)

        assert list(asyncio.run(ask()).outputs["y"].int64_val) == [7]


def test_a_batch_is_computed_as_long_as_one_caller_waits(folders):
    """Two requests of one batch, of which one has little time."""
    with serving(folders["fussy"], BatchingParameters(max_batch_size=2, batch_timeout_micros=60_000_000)) as (
        server,
        _,
    ):
        engine = server.models.find("m").engine
        seen, compute = [], engine._compute
        engine._compute = lambda *arguments: (seen.append(arguments[3]), compute(*arguments))[1]
        now = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for deadline, row in ((now + 20, 1), (now + 40, 2)):
                pool.submit(engine.run, "", {"x": np.array([row])}, (), deadline)
        assert seen == [now + 40]


def test_a_batch_is_not_computed_for_those_who_left(folders):
    """Neither for a gRPC call that was cancelled nor for a REST client that hung up; for the one beside them it is."""
    parameters = BatchingParameters(max_batch_size=3, batch_timeout_micros=2**63 - 1)  # a batch waits until it is full
    with serving(folders["fussy"], parameters) as (server, stub):
        runs, waiting = counted(server.models.find("m").engine), server.models.engines._scheduler._queues

        def rows_waiting():
            return sum(batch.rows for queue in list(waiting.values()) for batch in queue.batches)

        cancelled = stub.Predict.future(predict_request(x=np.array([1])))
        wait_until(lambda: rows_waiting() == 1)
        cancelled.cancel()
        with socket.create_connection(("127.0.0.1", server.rest_port)) as raw:
            body = b'{"instances": [2]}'
            head = f"POST /v1/models/m:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            raw.sendall(head.encode() + body)
            wait_until(lambda: rows_waiting() == 2)
            time.sleep(0.5)
        time.sleep(0.5)
        assert stub.Predict(predict_request(x=np.array([3])), timeout=30).outputs["y"].int64_val == [3]
        assert runs == [1]


# ---------------------------------------------------------------- slices


def test_many_independent_rows_are_computed_in_slices(independent, folders, opened):
    answer = opened(independent).run("", {"x": ROWS})
    assert answer["y"].tolist() == ROWS.tolist()
    assert answer["rows"].tolist() == [32] * 96 + [4] * 4  # of the run of each row
    assert opened(folders["fussy"]).run("", {"x": ROWS})["rows"].tolist() == [100] * 100  # one that does not say so
    assert opened(independent).run("", {"x": ROWS[:32]})["rows"].tolist() == [32] * 32


def test_outputs_without_a_row_each_are_computed_whole(independent, opened):
    engine = opened(independent)
    assert engine.run("sum", {"x": ROWS})["y"] == ROWS.sum()
    assert engine.run("three", {"x": ROWS})["y"].tolist() == [ROWS.sum()] * 3


def test_a_bad_row_fails_a_sliced_request(independent, opened):
    with pytest.raises(ServingError, match="a bad row"):
        opened(independent).run("", {"x": np.where(ROWS == 70, -1, ROWS)})


def test_slices_end_when_the_time_is_up(independent, opened):
    engine = opened(independent)
    runs = counted(engine, 2, lambda: time.sleep(0.6))
    with pytest.raises(ServingError) as raised:
        engine.run("", {"x": ROWS}, (), time.monotonic() + 0.5)
    assert raised.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert 1 <= len(runs) <= 2


def test_slices_end_when_a_call_is_cancelled(independent):
    with serving(independent, rest_port=None) as (server, stub):
        cancelled = threading.Event()
        runs = counted(server.models.find("m").engine, 1, lambda: cancelled.wait(20))
        answer = stub.Predict.future(predict_request(x=np.arange(3200)), timeout=60)
        wait_until(lambda: runs)
        answer.cancel()
        time.sleep(0.5)
        cancelled.set()
        assert list(stub.Predict(predict_request(x=np.int64([7])), timeout=20).outputs["y"].int64_val) == [7]
        time.sleep(0.3)
        assert len(runs) <= 6 and runs[-1] == 1


def test_slices_end_when_a_rest_client_is_gone(independent, tmp_path):
    log = tmp_path / "log"
    with serving(independent, access_log=str(log)) as (server, _):
        gone = threading.Event()
        runs = counted(server.models.find("m").engine, 1, lambda: gone.wait(20))
        body = json.dumps({"instances": list(range(3200))}).encode()
        with socket.create_connection(("127.0.0.1", server.rest_port)) as raw:
            head = b"POST /v1/models/m:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
            raw.sendall(head + body)
            wait_until(lambda: runs)
            time.sleep(0.5)
        wait_until(log.read_text)
        assert json.loads(log.read_text())["status"] == "CANCELLED"
        gone.set()
        assert call(server, "POST", "/v1/models/m:predict", {"instances": [7]})[3]["predictions"][0]["y"] == 7
        time.sleep(0.3)
        assert len(runs) <= 6 and runs[-1] == 1


@pytest.mark.parametrize("widths", [range(1, 5), [1] * 8 + [2] * 8])
def test_a_split_request_whose_batches_differ_in_shape_is_refused(folders, widths):
    parameters = BatchingParameters(max_batch_size=200, enable_large_batch_splitting=True, max_execution_batch_size=2)
    scheduler = BatchScheduler(parameters)
    engine = BatchedEngine(folders["fussy"], scheduler, parameters)
    engine._compute = lambda names, arrays, *rest: [np.zeros((len(arrays[0]), arrays[0][0]))] * 2
    with pytest.raises(ServingError, match="FAILED_PRECONDITION: An output has rows of another shape"):
        engine.run("", {"x": np.array(widths)})
    assert engine.run("", {"x": np.array([3] * 12)})["y"].shape == (12, 3)
    engine.close()
    scheduler.close()


def test_a_split_request_is_batched_a_part_at_a_time(folders):
    """So that the queue holds four batches of it, and one of somebody else comes soon."""
    parameters = BatchingParameters(
        max_batch_size=200, enable_large_batch_splitting=True, max_execution_batch_size=2, num_batch_threads=1
    )
    scheduler = BatchScheduler(parameters)
    engine = BatchedEngine(folders["fussy"], scheduler, parameters)
    held, go_on = threading.Event(), threading.Event()
    compute, runs = engine._compute, []

    def slow(names, arrays, *rest):
        runs.append(arrays[0].tolist())
        held.set()
        go_on.wait(20)
        return compute(names, arrays, *rest)

    engine._compute = slow
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        large = pool.submit(engine.run, "", {"x": ROWS})
        held.wait(20)
        small = pool.submit(engine.run, "", {"x": np.array([500])})
        wait_until(lambda: sum(len(queue.batches) for queue in scheduler._queues.values()) == 4)
        go_on.set()
        assert small.result(20)["y"].tolist() == [500]
        assert large.result(20)["y"].tolist() == ROWS.tolist()
    assert any(500 in run for run in runs[:6])
    scheduler.close()
    engine.close()


# ---------------------------------------------------------------- turns


@pytest.mark.parametrize("transport", ["gRPC", "REST"])
def test_large_requests_leave_threads_for_small_ones(folders, transport):
    threads = turns.LARGE_AT_ONCE + 1
    with serving(folders["fussy"], grpc_threads=threads, rest_threads=threads) as (server, stub):
        engine = server.models.find("m").engine
        compute, begun, go_on = engine._compute, [], threading.Event()

        def slow(names, arrays, *rest):
            if len(arrays[0]) > turns.SLICE_ROWS:
                begun.append(len(arrays[0]))
                go_on.wait(60)
            return compute(names, arrays, *rest)

        engine._compute = slow

        def ask(rows):
            if transport == "gRPC":
                return list(stub.Predict(predict_request(x=np.arange(rows)), timeout=60).outputs["y"].int64_val)
            body = {"inputs": {"x": list(range(rows))}}
            return call(server, "POST", "/v1/models/m:predict", body)[3]["outputs"]["y"]

        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            large = [pool.submit(ask, 50 + number) for number in range(10)]
            wait_until(lambda: len(begun) == turns.LARGE_AT_ONCE)
            assert [ask(3) for _ in range(5)] == [[0, 1, 2]] * 5
            assert len(begun) == turns.LARGE_AT_ONCE
            go_on.set()
            assert [each.result(60) for each in large] == [list(range(50 + number)) for number in range(10)]


def test_a_large_request_whose_time_is_up_before_its_turn_is_not_computed(folders):
    with serving(folders["fussy"], rest_port=None) as (server, stub):
        engine = server.models.find("m").engine
        compute, begun, go_on = engine._compute, [], threading.Event()

        def slow(names, arrays, *rest):
            begun.append(len(arrays[0]))
            go_on.wait(60)
            return compute(names, arrays, *rest)

        engine._compute = slow
        large = [stub.Predict.future(predict_request(x=np.arange(50)), timeout=60) for _ in range(turns.LARGE_AT_ONCE)]
        wait_until(lambda: len(begun) == turns.LARGE_AT_ONCE)
        for _ in range(5):
            with pytest.raises(grpc.RpcError) as raised:
                stub.Predict(predict_request(x=np.arange(60)), timeout=0.3)
            assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        go_on.set()
        assert all(len(answer.result(20).outputs["y"].int64_val) == 50 for answer in large)
        assert len(stub.Predict(predict_request(x=np.arange(70)), timeout=20).outputs["y"].int64_val) == 70
        assert 60 not in begun
