import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from kerasgan import client
from kerasgan.server import BatchingParameters, ModelOptions, Models, ModelServer, ServerOptions, WatchOptions
from tests.server.conftest import call


def threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith(("rest", "grpc"))}


def is_open(port):
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    "options",
    [{"max_request_bytes": 2**31}, {"max_request_bytes": 0}, {"grpc_arguments": (("grpc.max_ping_strikes", 2**31),)}],
)
def test_numbers_that_grpc_does_not_take_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        ServerOptions(**options)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), 1e30])
@pytest.mark.parametrize("name", ["poll_seconds", "config_poll_seconds"])
def test_times_between_looks_must_be_such(name, seconds):
    with pytest.raises(ValueError, match=f"^{name}: expected seconds from 0 to"):
        WatchOptions(**{name: seconds})


@pytest.mark.parametrize("which", ["port", "rest_port"])
def test_a_port_in_use_is_named_and_nothing_is_left_running(folders, which):
    before = threads()
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
        port = taken.getsockname()[1]
        free = other.getsockname()[1]
        other.close()
        ports = {"port": free, "rest_port": free} | {which: port}
        models = Models({"m": {1: folders["two"]}})
        server = ModelServer(models, ServerOptions(**ports))
        with pytest.raises(OSError, match=f"port {port} is in use"):
            server.start()
        assert not is_open(free)
        assert models.versions("m")[0].state == "START"  # found out before anything was loaded
    assert threads() == before


def test_another_server_on_the_same_ports_is_refused(folders, server):
    for ports in ({"port": server.port, "rest_port": None}, {"port": 0, "rest_port": server.rest_port}):
        with pytest.raises(OSError, match="is in use"):
            ModelServer(Models({"m": {1: folders["two"]}}), ServerOptions(**ports)).start()


def test_an_unknown_host_is_a_clear_error(folders):
    with pytest.raises(OSError, match="no.such.host.invalid"):
        options = ServerOptions(host="no.such.host.invalid", port=0, rest_port=0)
        ModelServer(Models({"m": {1: folders["two"]}}), options).start()


def test_grpc_alone(folders):
    with ModelServer(Models({"m": {1: folders["two"]}}), ServerOptions(port=0, rest_port=None)) as server:
        assert server.rest_port is None
        assert is_open(server.port)


def test_threads_of_requests_keep_to_their_core(folders):
    before, core = os.sched_getaffinity(0), max(os.sched_getaffinity(0))
    known = {thread.native_id for thread in threading.enumerate()}
    models = Models({"m": {1: folders["two"]}}, options=ModelOptions(batching=BatchingParameters()))
    with ModelServer(models, ServerOptions(port=0, rest_port=0, request_core=core)) as server:
        assert call(server, "POST", "/v1/models/m:predict", {"instances": [1]})[0] == 200
        with client.connect(f"127.0.0.1:{server.port}", "m") as connected:
            assert connected.predict({"x": np.float32([1])})["y"] == [2.5]
        names = {thread.name: thread.native_id for thread in threading.enumerate() if thread.native_id not in known}
        cores = {name.strip("0123456789"): os.sched_getaffinity(number) for name, number in names.items()}
    assert cores["grpc_"] == cores["rest_"] == cores["rest"] == {core}
    assert cores["model_server_batch_threads_"] == os.sched_getaffinity(0) == before


def test_a_core_of_requests_must_be_there_and_models_must_not_run_on_it(folders):
    with pytest.raises(ValueError, match=r"request_core: expected one of .*got 4096"):
        ServerOptions(request_core=4096)
    with pytest.raises(ValueError, match="request_core: expected batching"):
        ModelServer(Models(), ServerOptions(request_core=max(os.sched_getaffinity(0))))


def test_by_default_only_this_machine_is_served(server):
    assert server.host == "127.0.0.1"
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        with contextlib.suppress(OSError):
            probe.connect(("192.0.2.1", 9))
        own = probe.getsockname()[0]
    if own.startswith(("127.", "0.")):
        pytest.skip("this machine has no other address")
    with contextlib.closing(socket.socket()) as probe:
        assert probe.connect_ex((own, server.rest_port)) != 0


def test_stop_finishes_what_is_under_way_and_frees_ports_and_threads(folders):
    before = threads()
    models = Models({"m": {1: folders["two"]}})
    server = ModelServer(models, ServerOptions(port=0, rest_port=0)).start()
    engine = models.find("m").engine
    started, run = threading.Event(), engine.run

    def slow_run(*arguments):
        started.set()
        time.sleep(0.5)
        return run(*arguments)

    engine.run = slow_run
    with (
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        answer = pool.submit(predict, _half_plus_two(), timeout=20)
        started.wait(10)
        server.stop()
        assert answer.result().outputs["y"].float_val[0] == 2.5
    assert models.versions("m")[0].state == "END"
    assert not is_open(server.port) and not is_open(server.rest_port)
    assert threads() <= before
    server.stop()  # again does no harm


_PROGRAM = """
import sys
from kerasgan.server import ServerOptions, serve
server = serve(sys.argv[1], ServerOptions(port=0, rest_port=0))
server.wait(on_ready=lambda: print(server.port, server.rest_port, flush=True))
print("stopped", flush=True)
"""


def test_sigint_ends_waiting_and_leaves_the_handlers_as_they_were(folders):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    server = ModelServer(Models({"m": {1: folders["two"]}}), ServerOptions(port=0, rest_port=0)).start()
    server.wait(on_ready=lambda: os.kill(os.getpid(), signal.SIGINT))
    assert not is_open(server.port) and not is_open(server.rest_port)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_signal_that_a_program_in_c_handles_is_left_to_it(folders, monkeypatch):
    given, put = signal.getsignal, signal.signal
    before = given(signal.SIGTERM)

    def put_over_c(number, handler):
        python = put(number, handler)
        return None if number == signal.SIGTERM else python

    monkeypatch.setattr(signal, "getsignal", lambda number: None if number == signal.SIGTERM else given(number))
    monkeypatch.setattr(signal, "signal", put_over_c)
    server = ModelServer(Models({"m": {1: folders["two"]}}), ServerOptions(port=0, rest_port=0)).start()
    server.wait(on_ready=lambda: os.kill(os.getpid(), signal.SIGINT))
    assert given(signal.SIGTERM) == before


def test_stop_ends_waiting(folders):
    server = ModelServer(Models({"m": {1: folders["two"]}}), ServerOptions(port=0, rest_port=0)).start()
    timer = threading.Timer(0.2, server.stop)
    timer.start()
    server.wait()
    timer.join()
    assert not is_open(server.port)


def test_a_request_whose_caller_has_gone_is_not_run(folders):
    models = Models({"m": {1: folders["two"]}})
    with (
        ModelServer(models, ServerOptions(port=0, rest_port=None, grpc_threads=1)) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        engine = models.find("m").engine
        runs, run = [], engine.run

        def slow_run(*arguments):
            runs.append(arguments)
            time.sleep(0.5)
            return run(*arguments)

        engine.run = slow_run
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        first = predict.future(_half_plus_two(), timeout=20)
        while not runs:
            time.sleep(0.01)
        with pytest.raises(grpc.RpcError) as raised:
            predict(_half_plus_two(), timeout=0.1)
        assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert first.result().outputs["y"].float_val[0] == 2.5
        assert predict(_half_plus_two(), timeout=20).outputs["y"].float_val[0] == 2.5
        assert len(runs) == 2


def _half_plus_two():
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "m"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([1])))
    return request


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_must_be_one(port):
    with pytest.raises(ValueError, match=f"port: expected a port from 0 to 65535; got {port}"):
        ServerOptions(port=port)


def test_sigterm_ends_the_program_cleanly(folders, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "1").symlink_to(folders["two"])
    root = pathlib.Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    try:
        ports = [int(port) for port in process.stdout.readline().split()]
        assert all(is_open(port) for port in ports) and len(ports) == 2
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
        assert (process.returncode, output) == (0, "stopped\n")
    finally:
        process.kill()
        process.wait()


def test_the_command_logs_loads_and_swaps_with_time_and_level(folders, tmp_path):
    base, log = tmp_path / "m", tmp_path / "log"
    shutil.copytree(folders["two"], base / "1")
    flags = ["--port=0", f"--grpc_socket_path={tmp_path}/s", "--rest-port=0", "--poll-seconds=0.1"]
    root = pathlib.Path(__file__).parents[2]
    with open(log, "w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "kerasgan", "serve", str(base), *flags],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    try:
        ready = process.stdout.readline()
        assert re.fullmatch(rf"gRPC unix:{tmp_path}/s  REST http://127\.0\.0\.1:\d+  \(Ctrl-C stops\)\n", ready)
        shutil.copytree(folders["three"], tmp_path / "copy")
        os.rename(tmp_path / "copy", base / "2")
        end = time.monotonic() + 60
        while "unloaded" not in log.read_text():
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} "
    lines = [line for line in log.read_text().splitlines() if "model m" in line]
    wanted = [
        rf"INFO model m version 1 loaded in \d+\.\d\d s from {base}/1",
        rf"INFO model m version 2 loaded in \d+\.\d\d s from {base}/2",
        rf"INFO model m version 2 swapped in: {base}/2 instead of {base}/1",
        r"INFO model m version 1 unloaded in \d+\.\d\d s",
    ]
    for line, pattern in zip(lines, wanted, strict=True):
        assert re.fullmatch(moment + pattern, line), line
