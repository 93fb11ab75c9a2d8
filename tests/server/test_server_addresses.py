"""Where a server listens: ports, UNIX sockets, IPv6."""

import contextlib
import os
import pathlib
import socket

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from kerasgan import client
from kerasgan.server import Models, ModelServer, ServerOptions
from kerasgan.server.addresses import bound_socket, host_and_port
from kerasgan.server.config.options import DefaultPort


def half_plus_two(address):
    """What the model m at a gRPC address makes of 1."""
    request = predict_pb2.PredictRequest(model_spec={"name": "m"})
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([1])))
    with grpc.insecure_channel(address) as channel:
        answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=20)
    return answer.outputs["y"].float_val[0]


def listening():
    """The TCP ports on which this process listens, by the kernel's word."""
    own = set()
    for entry in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            own.add(os.readlink(f"/proc/self/fd/{entry}"))
    lines = [line.split() for name in ("tcp", "tcp6") for line in pathlib.Path(f"/proc/self/net/{name}").open()]
    return {int(line[1].split(":")[-1], 16) for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in own}


@pytest.fixture
def models(folders):
    return Models({"m": {1: folders["two"]}})


# ---------------------------------------------------------------- UNIX sockets


@pytest.mark.skipif(not os.path.exists("/proc/self/net/tcp"), reason="only Linux tells so which ports are open")
def test_port_0_with_a_socket_path_opens_no_port(models, tmp_path):
    before = listening()
    options = ServerOptions(port=0, rest_port=None, grpc_socket_path=str(tmp_path / "s"))
    with ModelServer(models, options) as server:
        assert server.port is None
        assert listening() == before
        assert server.addresses == f"gRPC unix:{tmp_path}/s"
        assert half_plus_two(f"unix:{tmp_path}/s") == 2.5


def test_a_port_besides_the_socket_if_it_is_given(models, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    options = ServerOptions(port=port, rest_port=None, grpc_socket_path=str(tmp_path / "s"))
    with ModelServer(models, options) as server:
        assert server.port == port
        assert half_plus_two(f"unix:{tmp_path}/s") == half_plus_two(f"127.0.0.1:{port}") == 2.5


def test_the_socket_of_a_server_that_runs_is_not_taken_over(folders, models, tmp_path):
    path = str(tmp_path / "s")
    options = ServerOptions(port=0, rest_port=None, grpc_socket_path=path)
    with ModelServer(models, options):
        with pytest.raises(OSError, match="is in use"):
            ModelServer(Models({"m": {1: folders["three"]}}), options).start()
        assert half_plus_two(f"unix:{path}") == 2.5


def test_a_socket_left_behind_is_taken(models, tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    with ModelServer(models, ServerOptions(port=0, rest_port=None, grpc_socket_path=path)):
        assert half_plus_two(f"unix:{path}") == 2.5


def test_a_file_that_is_no_socket_is_left_alone(models, tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(OSError, match="a file that is no socket"):
        ModelServer(models, ServerOptions(port=0, rest_port=None, grpc_socket_path=str(tmp_path / "notes"))).start()
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.parametrize("path, words", [("x" * 120, "at most 107 bytes"), ("no/s", "there is no folder '.*no'")])
def test_a_socket_path_that_cannot_be_is_named(models, tmp_path, path, words):
    with pytest.raises(OSError, match=words):
        options = ServerOptions(port=0, rest_port=None, grpc_socket_path=str(tmp_path / path))
        ModelServer(models, options).start()


def test_a_socket_path_is_taken_as_it_is_written(models, tmp_path):
    """gRPC reads it as a URI, in which %20 is a space."""
    options = ServerOptions(port=0, rest_port=None, grpc_socket_path=str(tmp_path / "a%20b"))
    with ModelServer(models, options):
        assert [path.name for path in tmp_path.iterdir()] == ["a%20b"]


# ---------------------------------------------------------------- ports and hosts


@pytest.mark.parametrize("host, text", [("::1", "[::1]:8500"), ("127.0.0.1", "127.0.0.1:8500"), ("a.b", "a.b:8500")])
def test_ipv6_addresses_are_written_in_brackets(host, text):
    assert host_and_port(host, 8500) == text


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_ipv6(models, host):
    with contextlib.closing(socket.socket(socket.AF_INET6)) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    with ModelServer(models, ServerOptions(host=host, port=0, rest_port=0)) as server:
        assert server.addresses == f"gRPC [::1]:{server.port}  REST http://[::1]:{server.rest_port}"
        _, grpc_address, _, rest_address = server.addresses.split()
        assert half_plus_two(grpc_address) == 2.5
        answer = requests.post(f"{rest_address}/v1/models/m:predict", json={"instances": [1]}, timeout=20)
        assert answer.json() == {"predictions": [2.5]}
        for address in (grpc_address, rest_address):
            with client.connect(address, "m") as connected:
                assert connected.predict({"x": np.float32([1])})["y"].tolist() == [2.5]


def test_one_port_for_both_is_refused():
    with pytest.raises(ValueError, match="port: expected another than REST's; got 8600 for both"):
        ServerOptions(port=8600, rest_port=8600)
    with pytest.raises(ValueError, match="port: expected another than REST's; got 8501 for both"):
        ServerOptions(port=8501)


def test_no_host_is_not_every_host():
    with pytest.raises(ValueError, match="host: expected an address"):
        ServerOptions(host="")


def test_the_port_that_nobody_chose_is_opened():
    """It is an `int` of its own class, which getaddrinfo refuses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    with contextlib.closing(bound_socket("REST", "127.0.0.1", DefaultPort(number))) as opened:
        assert opened.getsockname() == ("127.0.0.1", number)
