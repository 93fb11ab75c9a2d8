"""From a model to a picture through a server: the command's server, the official client, our client."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import struct_pb2
from PIL import Image
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

import kerasgan
from tests.conftest import make_gan, raise_contrast

NAMES = ["T-shirt/top", "Trouser", "Ankle boot"]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Return (the conditional model, gRPC address, REST address) of a running `kerasgan serve`."""
    gan = make_gan(num_classes=3, class_names=NAMES)
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


def test_the_official_client_gets_the_class_names_where_it_asks_for_them(served):
    _, address, rest_address = served
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "garments"
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.GetModelMetadata(request, timeout=30)
        assert set(answer.metadata) == {"signature_def"}  # as TensorFlow Serving answers
        request.metadata_field[:] = ["kerasgan"]
        answer = stub.GetModelMetadata(request, timeout=30)
        assert set(answer.metadata) == {"kerasgan"} and answer.model_spec.version.value == 1
        told = struct_pb2.Struct()
        assert answer.metadata["kerasgan"].Unpack(told)
        assert dict(told.items())["num_classes"] == 3 and list(told["class_names"]) == NAMES
        request.metadata_field[:] = ["kerasgan", "signature_def"]
        assert set(stub.GetModelMetadata(request, timeout=30).metadata) == {"kerasgan", "signature_def"}
    with urllib.request.urlopen(f"{rest_address}/v1/models/garments/metadata") as answer:
        metadata = json.load(answer)
    assert set(metadata) == {"model_spec", "metadata"} and set(metadata["metadata"]) == {"signature_def"}
    label = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["label"]
    assert (label["dtype"], label["tensor_shape"]["dim"]) == ("DT_INT64", [{"size": "-1", "name": ""}])


def test_our_client_gets_the_same_over_grpc_and_rest(served):
    gan, *addresses = served
    expected = gan.sample(3, seed=7, labels=1).astype(int)
    for address in addresses:
        with kerasgan.client.connect(address, model="garments") as client:
            for label in (1, "Trouser"):
                images = client.generate(n=3, seed=7, labels=label)
                assert np.abs(images.astype(int) - expected).max() <= 1
            assert client.class_names == tuple(NAMES)
            in_turn = client.generate(n=7, seed=2).astype(int) - gan.sample(7, seed=2)
            assert np.abs(in_turn).max() <= 1
            walk = client.interpolate(1, 2, 4, labels="Ankle boot", png=True)
            assert walk == client.interpolate(1, 2, 4, labels=2, png=True)
            with pytest.raises(ValueError, match=r"label: expected integers in \[0, 3\)"):
                client.generate(n=1, labels=3)


def test_query_writes_the_picture(served, tmp_path):
    gan, grpc_address, rest_address = served
    expected = gan.sample(2, seed=3, labels=[2, 1])[:, :, :, 0].astype(int)
    for name, address in (("grpc", grpc_address), ("rest", rest_address)):
        line = [sys.executable, "-m", "kerasgan", "query", "garments", "--server", address, "-n", "2"]
        line += ["--seed", "3", "--labels", "Ankle boot,1", "--out", str(tmp_path / name)]
        subprocess.run(line, check=True)
        images = [np.asarray(Image.open(tmp_path / name / f"0000{i}.png")).astype(int) for i in range(2)]
        assert np.abs(np.array(images) - expected).max() <= 1
        grid = tmp_path / f"{name}.png"
        done = run("query", "garments", "--server", address, "-n", "6", "--out", str(grid))
        assert "columns: T-shirt/top, Trouser, Ankle boot" in done.stdout, done.stderr
        wanted = kerasgan.pictures.grid(gan.sample(6), columns=3)  # the classes in turn, one a column
        assert np.abs(np.asarray(Image.open(grid), int) - np.asarray(wanted, int)).max() <= 1


def test_query_writes_a_walk_between_two_seeds(served, tmp_path):
    gan, address, _ = served
    line = [sys.executable, "-m", "kerasgan", "query", "garments", "--server", address, "-n", "5"]
    subprocess.run([*line, "--seed", "3", "--to-seed", "8", "--labels", "1", "--out", str(tmp_path)], check=True)
    images = [np.asarray(Image.open(tmp_path / f"0000{i}.png")).astype(int) for i in range(5)]
    ends = gan.sample(2, seed=[3, 8], labels=1)[:, :, :, 0].astype(int)
    assert np.abs(np.array(images)[[0, -1]] - ends).max() <= 1
    for one, next_one in zip(images, images[1:]):
        assert 1 < np.abs(one - next_one).max() and np.abs(one - next_one).mean() < np.abs(ends[0] - ends[1]).mean()


def run(*arguments):
    quiet = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run([sys.executable, "-m", "kerasgan", *arguments], capture_output=True, text=True, env=quiet)


@pytest.mark.slow
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
            (["query", "garments", "--server", address, "--labels", "boot"], "did you mean 'Ankle boot'? The classes"),
            (["query", "garments", "--server", "127.0.0.1:1", "--out", str(tmp_path / "a.png")], "127.0.0.1:1"),
        ):
            done = run(*arguments)
            assert done.returncode == 1 and message in done.stderr, (arguments, done.stderr)
            assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "a.png").exists()
