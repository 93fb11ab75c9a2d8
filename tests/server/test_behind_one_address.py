"""Two servers behind HAProxy: one address, one image a seed, and an update that fails no request."""

import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.distribute.workers import free_ports
from tests.server import saved_models
from tests.server.test_server_process import is_open

ROOT = pathlib.Path(__file__).parents[2]
CONFIG = ROOT / "serving" / "haproxy.cfg"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("haproxy") is None, reason="no HAProxy: apt-get install haproxy"),
]


def without_second_tries(config):
    """The configuration with all that would hide a call that failed taken out."""
    second = ("retries ", "option redispatch", "retry-on ")
    kept = [line for line in config.splitlines(keepends=True) if not line.strip().startswith(second)]
    assert len(kept) == len(config.splitlines()) - len(second)
    return "".join(kept).replace("    mode http\n", "    mode http\n    retries 0\n", 1)


class Servers:
    """Two processes of `kerasgan serve` and HAProxy before them."""

    def __init__(self, folder):
        self.folder = folder
        names = ("GRPC_PORT", "REST_PORT", "FIRST_GRPC_PORT", "FIRST_REST_PORT", "SECOND_GRPC_PORT", "SECOND_REST_PORT")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.processes = {}

    def begin(self):
        """Start all, and wait until they listen."""
        self.processes |= {name: self.start(name) for name in ("FIRST", "SECOND")}
        for name in self.processes:
            self.wait_for(name, f"{name}_GRPC_PORT")
        addresses = dict.fromkeys(("ADDRESS", "FIRST", "SECOND"), "127.0.0.1")
        environment = {**os.environ, **addresses, **{name: str(port) for name, port in self.ports.items()}}
        config = self.folder / "haproxy.cfg"
        config.write_text(without_second_tries(CONFIG.read_text()))
        self.processes["proxy"] = subprocess.Popen(["haproxy", "-f", config], env=environment)
        self.wait_for("proxy", "REST_PORT")

    def start(self, name):
        ports = self.ports[f"{name}_GRPC_PORT"], self.ports[f"{name}_REST_PORT"]
        flags = ["--port", ports[0], "--rest-port", ports[1], "--drain-seconds", 3]
        line = [sys.executable, "-m", "kerasgan", "serve", self.folder, *flags]
        return subprocess.Popen(list(map(str, line)), cwd=ROOT, stderr=subprocess.DEVNULL)

    def wait_for(self, name, port):
        end = time.monotonic() + 120
        while not is_open(self.ports[port]):
            assert self.processes[name].poll() is None and time.monotonic() < end
            time.sleep(0.1)

    def replace(self, name):
        """Stop a server as Kubernetes does, and start another in its place."""
        self.processes[name].send_signal(signal.SIGTERM)
        assert self.processes[name].wait(60) == 0
        self.processes[name] = self.start(name)
        self.wait_for(name, f"{name}_GRPC_PORT")

    def over_grpc(self):
        """Return a function that asks for the image of a seed once: no call is tried again."""
        options = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
        channel = grpc.insecure_channel(f"127.0.0.1:{self.ports['GRPC_PORT']}", options)
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

        def ask(seed):
            request = predict_pb2.PredictRequest()
            request.model_spec.name = "m"
            given = {"seed": np.int64([seed]), "truncation": np.float32([1]), "label": np.int64([0])}
            for name, value in given.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            return tf.make_ndarray(stub.Predict(request, timeout=30).outputs["images"])[0]

        return ask

    def over_rest(self):
        """Return the same over REST, on one connection for as long as the proxy keeps it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["REST_PORT"], timeout=30)

        def ask(seed):
            body = json.dumps({"instances": [{"seed": seed, "truncation": 1.0, "label": 0}]})
            connection.request("POST", "/v1/models/m:predict", body)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return np.array(json.loads(text)["predictions"][0])

        return ask


@pytest.fixture
def servers(tmp_path):
    saved_models.generator(tmp_path / "m" / "1")
    servers = Servers(tmp_path)
    try:
        servers.begin()
        yield servers
    finally:
        for process in servers.processes.values():
            process.kill()
            process.wait()


def expected(seed):
    row = np.arange(8)
    return (seed + row[:, None] + row[None, :]) % 256


def test_a_rolling_update_fails_no_request_and_changes_no_image(servers):
    asking = [servers.over_grpc, servers.over_rest] * 3
    ends = []

    def ask_on(image_of, first):
        """Ask for images until told to end; returns how many there were, all right."""
        done = 0
        while not ends:
            seed = (first + done) % 200
            np.testing.assert_array_equal(image_of(seed)[..., 0], expected(seed))
            done += 1
            time.sleep(0.01)
        return done

    with concurrent.futures.ThreadPoolExecutor(len(asking)) as pool:
        asked = [pool.submit(ask_on, make(), 20 * number) for number, make in enumerate(asking)]
        try:
            for name in ("FIRST", "SECOND"):
                time.sleep(3)  # until HAProxy has found that the one before is back
                servers.replace(name)
            time.sleep(2)
        finally:
            ends.append(True)
        answered = [future.result(60) for future in asked]
    assert min(answered) > 20
    for name in ("FIRST", "SECOND"):
        assert served(servers.ports[f"{name}_REST_PORT"]) > 0


def served(port):
    """How many requests a server has answered since it was started."""

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/monitoring/prometheus/metrics") as page:
        text = page.read().decode()
    return int(re.search(r':tensorflow:serving:request_count{model_name="m",status="OK"} (\d+)', text)[1])
