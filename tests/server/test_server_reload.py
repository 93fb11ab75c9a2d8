"""Versions that come and go while requests are answered."""

import concurrent.futures
import os
import shutil
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import (
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from kerasgan.server import (
    BatchingParameters,
    ModelOptions,
    Models,
    ServerOptions,
    Watcher,
    WatchOptions,
    serve,
    serve_config,
)
from kerasgan.server.errors import ServingError
from tests.server.test_server_config_cases import available, config, model

GRPC_ALONE = ServerOptions(port=0, rest_port=None)
QUICK = WatchOptions(poll_seconds=0.05, config_poll_seconds=0.05)


def publish(source, folder):
    """As a careful exporter does: beside it, then renamed."""
    shutil.copytree(source, folder.parent / f".tmp-{folder.name}")
    os.rename(folder.parent / f".tmp-{folder.name}", folder)


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    "batching", [None, pytest.param(BatchingParameters(batch_timeout_micros=1000), marks=pytest.mark.slow)]
)
def test_a_swap_under_load_fails_no_request(folders, tmp_path, batching):
    publish(folders["two"], tmp_path / "m" / "1")
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "m"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([2])))
    finished = threading.Event()
    with (
        serve(tmp_path, GRPC_ALONE, ModelOptions(batching=batching), QUICK) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict

        answers = []

        def ask():
            while not finished.is_set():
                answer = predict(request, timeout=60)
                answers.append((answer.model_spec.version.value, answer.outputs["y"].float_val[0]))

        asking = [pool.submit(ask) for _ in range(2)]
        try:
            for number in (2, 3, 4):
                wait_until(lambda: answers)
                publish(folders["three" if number % 2 == 0 else "two"], tmp_path / "m" / str(number))
                wait_until(lambda wanted=number: available(server.models, "m") == [wanted])
                wait_until(lambda wanted=number: answers[-1][0] == wanted or any(each.done() for each in asking))
        finally:
            finished.set()
        for each in asking:
            each.result()
    assert set(answers) == {(1, 3.0), (2, 4.0), (3, 3.0), (4, 4.0)}


def test_a_corrupt_version_never_replaces_a_good_one_and_is_served_once_mended(folders, tmp_path):
    publish(folders["two"], tmp_path / "m" / "1")
    models = Models({"m": {1: tmp_path / "m" / "1"}})
    watcher = Watcher(models, tmp_path / "m")
    models.load()
    half = tmp_path / "m" / "2"
    half.mkdir()
    shutil.copy(folders["three"] / "saved_model.pb", half)  # its variables are still being copied
    watcher.poll()
    watcher.poll()
    assert available(models, "m") == [1]
    assert [version.state for version in models.versions("m")] == ["AVAILABLE", "END"]
    shutil.copytree(folders["three"] / "variables", half / "variables")
    watcher.poll()
    assert available(models, "m") == [2]
    models.close()


def test_a_failed_version_is_not_loaded_again_until_its_files_change(folders, tmp_path, monkeypatch):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"\xff" * 100)
    models = Models()
    models.update({"m": {1: tmp_path / "1"}})
    [failed] = models.versions("m")
    models.update({"m": {1: tmp_path / "1"}})
    assert models.versions("m") == [failed] and models.versions("m")[0] is failed
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"\xfe" * 101)
    models.update({"m": {1: tmp_path / "1"}})
    assert models.versions("m")[0] is not failed


def test_a_folder_removed_and_brought_back(folders, tmp_path):
    publish(folders["two"], tmp_path / "base" / "1")
    watcher = Watcher(Models())
    models = watcher.models
    watcher.reload(config(model(tmp_path / "base", "m")))
    os.rename(tmp_path / "base", tmp_path / "away")
    watcher.poll()
    assert available(models, "m") == [1]  # a base path that cannot be read says nothing
    (tmp_path / "base").mkdir()
    watcher.poll()
    assert available(models, "m") == []
    with pytest.raises(ServingError, match="Latest"):
        models.find("m")
    publish(folders["three"], tmp_path / "base" / "1")
    watcher.poll()
    assert available(models, "m") == [1]
    models.close()


def test_unloading_waits_for_requests_under_way(folders):
    models = Models({"m": {1: folders["two"]}})
    models.load()
    entered, leave, unloaded = threading.Event(), threading.Event(), threading.Event()

    def request():
        with models.use("m") as found:
            entered.set()
            leave.wait(20)
            return found.engine.run("", {"x": np.float32([2])})["y"].tolist()

    def unload():
        models.update({})
        unloaded.set()

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answer = pool.submit(request)
        entered.wait(20)
        pool.submit(unload)
        wait_until(lambda: models.versions("m")[0].state == "UNLOADING")
        with pytest.raises(ServingError, match="Latest"):
            models.find("m")
        assert not unloaded.wait(0.1)
        leave.set()
        assert answer.result(20) == [3.0]
        assert unloaded.wait(20)
    assert models.versions("m")[0].state == "END"


@pytest.fixture
def configured(folders, tmp_path):
    """A server of a models.config with m at version 1, and the file."""
    publish(folders["two"], tmp_path / "m" / "1")
    publish(folders["three"], tmp_path / "n" / "5")
    file = tmp_path / "models.config"
    file.write_text(text_format.MessageToString(config(model(tmp_path / "m", "m"))))
    with serve_config(file, GRPC_ALONE, watch=QUICK) as server:
        yield server, file


def test_the_config_file_is_read_again(configured, caplog):
    server, file = configured
    assert available(server.models, "m") == [1]
    file.write_text("model_config_list { config { name: ")
    wait_until(lambda: "not a ModelServerConfig" in caplog.text)
    assert available(server.models, "m") == [1]
    file.write_text(text_format.MessageToString(config(model(file.parent / "n", "n"))))
    wait_until(lambda: server.models.names == ["m", "n"] and available(server.models, "m") == [])
    assert available(server.models, "n") == [5]


def test_a_reload_request_replaces_models_and_labels(configured):
    server, file = configured
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        reload = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest

        def request(*models):
            return model_management_pb2.ReloadConfigRequest(config=config(*models))

        folder = file.parent
        assert reload(request(model(folder / "n", "n")), timeout=20).status.error_code == 0
        assert (available(server.models, "m"), available(server.models, "n")) == ([], [5])
        reload(request(model(folder / "n", "n", labels={"stable": 5})), timeout=20)
        assert server.models.find("n", label="stable").number == 5
        with pytest.raises(grpc.RpcError) as raised:
            reload(request(model(folder / "nowhere", "o")), timeout=20)
        assert raised.value.code() == grpc.StatusCode.UNKNOWN
        assert "1 model(s) did not become available: {{o" in raised.value.details()


@pytest.mark.parametrize(
    "text, words",
    [
        ("model_config_list { confg {} }", "1:21"),
        ("", "type not supported"),
        ('model_config_list { config { name: "m" base_path: "m" model_platform: "tensorflow" } }', "absolute path"),
        ('model_config_list { config { name: "m" base_path: "/m" } }', "setting neither"),
        (
            'model_config_list { config { name: "m" base_path: "/m" model_platform: "tensorflow" '
            'version_labels { key: "a" value: 1 } } }',
            "not currently available for inference",
        ),
    ],
)
def test_a_wrong_config_file_is_named(tmp_path, text, words):
    (tmp_path / "models.config").write_text(text)
    with pytest.raises(ValueError, match=words) as raised:
        serve_config(tmp_path / "models.config", GRPC_ALONE)
    assert "models.config" in str(raised.value)


def test_labels_from_the_start_need_the_flag(folders, tmp_path):
    publish(folders["two"], tmp_path / "m" / "1")
    file = tmp_path / "models.config"
    file.write_text(text_format.MessageToString(config(model(tmp_path / "m", "m", labels={"stable": 1}))))
    with serve_config(file, GRPC_ALONE, watch=WatchOptions(allow_labels_for_unavailable=True)) as server:
        assert server.models.find("m", label="stable").number == 1
