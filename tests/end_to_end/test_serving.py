"""From a model to a picture through a server: the command's server, the official client, our client."""

import io
import os
import re
import signal
import socket
import subprocess
import sys

import grpc
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

import kerasgan
from tests.conftest import make_gan, raise_contrast


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Return (the conditional model, gRPC address, REST address) of a running `kerasgan serve`."""
    gan = make_gan(num_classes=3)
    raise_contrast(gan)
    folder = tmp_path_factory.mktemp("models")
    gan.export(folder / "garments" / "1")
    line = [sys.executable, "-m", "kerasgan", "serve", str(folder), "--port", "0", "--rest-port", "0"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        yield gan, *re.search(r"gRPC (\S+)  REST (\S+)", first).groups()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_the_official_client_gets_the_models_images(served):
    gan, address, _ = served
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "garments"
    request.inputs["seed"].CopyFrom(tf.make_tensor_proto(np.array([7, 8], np.int64)))
    request.inputs["truncation"].CopyFrom(tf.make_tensor_proto(np.array([0.5, 2.0], np.float32)))
    request.inputs["label"].CopyFrom(tf.make_tensor_proto(np.array([2, 0], np.int64)))
    expected = gan.sample(2, seed=7, labels=[2, 0], truncation=[0.5, 2.0]).astype(int)
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        images = tf.make_ndarray(stub.Predict(request, timeout=30).outputs["images"])
        assert images.dtype == np.uint8 and np.abs(images.astype(int) - expected).max() <= 1
        request.model_spec.signature_name = "png"
        pictures = tf.make_ndarray(stub.Predict(request, timeout=30).outputs["image_bytes"])
        decoded = np.array([np.asarray(Image.open(io.BytesIO(data))) for data in pictures]).astype(int)
        assert np.abs(decoded - expected[:, :, :, 0]).max() <= 1
        request.inputs["label"].CopyFrom(tf.make_tensor_proto(np.array([2, 3], np.int64)))
        with pytest.raises(grpc.RpcError) as refused:
            stub.Predict(request, timeout=30)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "label: expected integers in [0, 3)" in refused.value.details()


def test_our_client_gets_the_same_over_grpc_and_rest(served):
    gan, *addresses = served
    expected = gan.sample(3, seed=7, labels=1).astype(int)
    for address in addresses:
        with kerasgan.client.connect(address, model="garments") as client:
            images = client.generate(n=3, seed=7, labels=1)
            assert np.abs(images.astype(int) - expected).max() <= 1
            with pytest.raises(ValueError, match=r"label: expected integers in \[0, 3\)"):
                client.generate(n=1, labels=3)


def test_query_writes_the_picture(served, tmp_path):
    gan, grpc_address, rest_address = served
    expected = gan.sample(2, seed=3, labels=[2, 1])[:, :, :, 0].astype(int)
    for name, address in (("grpc", grpc_address), ("rest", rest_address)):
        line = [sys.executable, "-m", "kerasgan", "query", "garments", "--server", address, "-n", "2"]
        line += ["--seed", "3", "--labels", "2,1", "--out", str(tmp_path / name)]
        subprocess.run(line, check=True)
        images = [np.asarray(Image.open(tmp_path / name / f"0000{i}.png")).astype(int) for i in range(2)]
        assert np.abs(np.array(images) - expected).max() <= 1


def run(*arguments):
    quiet = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run([sys.executable, "-m", "kerasgan", *arguments], capture_output=True, text=True, env=quiet)


def test_mistakes_end_in_one_line(served, tmp_path):
    _, address, _ = served
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        (tmp_path / "m" / "1").mkdir(parents=True)
        (tmp_path / "m" / "1" / "saved_model.pb").write_bytes(b"")
        for arguments, message in (
            (["serve", str(tmp_path / "m"), "--port", port, "--rest-port", "0"], f"port {port} is in use"),
            (["serve", str(tmp_path / "m"), "--port", "0", "--rest-port", port], f"port {port} is in use"),
            (["serve", str(tmp_path / "nothing")], str(tmp_path / "nothing")),
            (["query", "coats", "--server", address, "--out", str(tmp_path / "a.png")], "coats"),
            (["query", "garments", "--server", "127.0.0.1:1", "--out", str(tmp_path / "a.png")], "127.0.0.1:1"),
        ):
            done = run(*arguments)
            assert done.returncode == 1 and message in done.stderr, (arguments, done.stderr)
            assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "a.png").exists()
