"""Models that move, files that change under the server, version 0, and what the log says of all that."""

import concurrent.futures
import gc
import logging
import os
import re
import shutil
import threading
import weakref

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from kerasgan.server import Models, ModelServer, ServerOptions, Watcher, WatchOptions, collecting, serve_config
from kerasgan.server.errors import ServingError
from tests.server.conftest import call
from tests.server.test_server_config_cases import available, config, model, served
from tests.server.test_server_reload import publish, wait_until

TWO, THREE = [3.0], [4.0]  # what half_plus_two and half_plus_three make of 2
RARELY = WatchOptions(poll_seconds=0)


def predict_request(version=None):
    request = predict_pb2.PredictRequest(model_spec={"name": "m"})
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([2])))
    if version is not None:
        request.model_spec.version.value = version
    return request


@pytest.fixture
def bases(folders, tmp_path):
    """Base paths a and b, whose version 1 differs."""
    publish(folders["two"], tmp_path / "a" / "1")
    publish(folders["three"], tmp_path / "b" / "1")
    return tmp_path


@pytest.fixture
def watcher(bases):
    """A watcher that serves base path a as m."""
    watching = Watcher(Models())
    watching.reload(config(model(bases / "a", "m")))
    yield watching
    watching.models.close()


def records(caplog, words):
    return [record for record in caplog.records if words in record.getMessage()]


# ---------------------------------------------------------------- another base path


def test_a_reload_to_another_base_path_serves_what_lies_there_and_fails_no_request(bases):
    first = config(model(bases / "a", "m"))
    finished, answers = threading.Event(), []
    with (
        serve_config(first, ServerOptions(port=0, rest_port=None), watch=RARELY) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        reload = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest

        def ask():
            while not finished.is_set():
                answers.append(predict(predict_request(), timeout=60).outputs["y"].float_val[0])

        asking = [pool.submit(ask) for _ in range(2)]
        try:
            wait_until(lambda: answers)
            for base, wanted in (("b", THREE), ("a", TWO), ("b/", THREE)):
                request = model_management_pb2.ReloadConfigRequest(config=config(model(f"{bases}/{base}", "m")))
                assert reload(request, timeout=60).status.error_code == 0
                assert [predict(predict_request(), timeout=60).outputs["y"].float_val[0]] == wanted
        finally:
            finished.set()
        for each in asking:
            each.result()
    assert set(answers) == {*TWO, *THREE}


def test_another_base_path_with_other_versions(folders, bases, watcher):
    publish(folders["three"], bases / "c" / "9")
    watcher.reload(config(model(bases / "c", "m")))
    assert available(watcher.models, "m") == [9] and served(watcher.models, "m") == THREE


def test_a_base_path_without_versions_is_refused_and_nothing_has_changed(bases, watcher):
    (bases / "empty").mkdir()
    for base in ("empty", "nowhere"):
        with pytest.raises(ServingError, match=f"its new base_path {bases}/{base} has none") as raised:
            watcher.reload(config(model(bases / base, "m"), model(bases / "b", "n")))
        assert raised.value.code == grpc.StatusCode.FAILED_PRECONDITION
        assert watcher.models.names == ["m"]
    watcher.poll()
    assert served(watcher.models, "m") == TWO


def test_a_base_path_whose_version_does_not_load_is_said_and_the_old_one_goes_on(bases, watcher, caplog):
    pb = bases / "b" / "1" / "saved_model.pb"
    whole = pb.read_bytes()
    pb.write_bytes(b"\xff" * 100)
    with pytest.raises(ServingError, match=r"1 model\(s\) did not become available: {{m due to error: ") as raised:
        watcher.reload(config(model(bases / "b", "m")))
    assert raised.value.code == grpc.StatusCode.UNKNOWN
    for _ in range(3):
        watcher.poll()
    assert served(watcher.models, "m") == TWO
    assert len(records(caplog, "not loaded")) == 1
    pb.write_bytes(whole)
    watcher.poll()
    assert served(watcher.models, "m") == THREE
    watcher.reload(config(model(bases / "b", "m")))  # no error is left


def test_a_reload_of_a_server_of_a_folder(folders, bases):
    """A reload request may replace what `serve(folder)` has found; the same rules hold."""
    publish(folders["two"], bases / "models" / "m" / "1")
    watcher = Watcher(Models({"m": {1: bases / "models" / "m" / "1"}}), bases / "models")
    watcher.start()
    watcher.stop()
    with pytest.raises(ServingError, match="has none of the versions"):
        watcher.reload(config(model(bases / "nowhere", "m")))
    assert served(watcher.models, "m") == TWO
    (bases / "c" / "1").mkdir(parents=True)
    with pytest.raises(ServingError, match="did not become available"):
        watcher.reload(config(model(bases / "c", "m")))
    assert served(watcher.models, "m") == TWO
    watcher.reload(config(model(bases / "b", "m")))
    assert served(watcher.models, "m") == THREE
    watcher.models.close()


def test_a_reload_that_leaves_a_model_without_versions_says_why(bases, watcher):
    watcher.reload(config(model(bases / "b", "n")))
    wanted = config(model(bases / "a", "m"))
    wanted.model_config_list.config[0].model_version_policy.specific.versions.append(7)
    reason = f"m due to error: {bases / 'a'} has none of the versions that are to be served"
    with pytest.raises(ServingError, match=reason) as raised:
        watcher.reload(wanted)
    assert raised.value.code == grpc.StatusCode.UNKNOWN


def test_the_same_folder_by_another_name_is_not_loaded_again(bases, watcher):
    [loaded] = watcher.models.versions("m")
    (bases / "link").symlink_to(bases / "a")
    for base in (f"{bases}/a/", f"{bases}/./a", bases / "link", f"{bases}/b/../a"):
        watcher.reload(config(model(base, "m")))
        assert watcher.models.versions("m") == [loaded] and loaded.state == "AVAILABLE"


def test_a_link_that_leads_elsewhere_is_followed(folders, bases, watcher):
    """Switching a link is one step, so there is nothing half written; a deploy often does it."""
    (bases / "c").mkdir()
    (bases / "c" / "1").symlink_to(folders["two"])
    watcher.reload(config(model(bases / "c", "m")))
    (bases / "c" / "new").symlink_to(folders["three"])
    os.replace(bases / "c" / "new", bases / "c" / "1")
    watcher.poll()
    assert served(watcher.models, "m") == THREE and available(watcher.models, "m") == [1]


def test_a_version_in_use_is_let_go_after_its_requests(bases, watcher):
    with concurrent.futures.ThreadPoolExecutor(1) as pool, watcher.models.use("m") as old:
        reloading = pool.submit(watcher.reload, config(model(bases / "b", "m")))
        wait_until(lambda: served(watcher.models, "m") == THREE)
        assert not reloading.done()
        assert old.engine.run("", {"x": np.float32([2])})["y"].tolist() == TWO
    reloading.result(20)
    assert old.state == "END"


def test_a_request_that_does_not_end_holds_up_no_other_load(folders, bases, watcher, monkeypatch):
    monkeypatch.setattr("kerasgan.server.models.models.UNLOAD_SECONDS", 0.1)
    found = watcher.models
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with found.use("m") as used:
            pool.submit(watcher.reload, config(model(bases / "b", "m"))).result(20)
            assert served(found, "m") == THREE
            publish(folders["two"], bases / "b" / "2")
            pool.submit(watcher.poll).result(20)
            assert available(found, "m") == [1, 2] and served(found, "m") == TWO
            assert used.engine is not None and used.state == "UNLOADING"
        wait_until(lambda: used.state == "END")
    assert not found._leaving


def test_reloads_at_once_are_taken_one_after_another(bases, watcher, monkeypatch):
    entered, go_on = threading.Event(), threading.Event()
    opened = watcher.models.engines.open

    def slow(folder):
        entered.set()
        go_on.wait(20)
        return opened(folder)

    monkeypatch.setattr(watcher.models.engines, "open", slow)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(watcher.reload, config(model(bases / "b", "m")))
        entered.wait(20)
        second = pool.submit(watcher.reload, config(model(bases / "a", "m"), model(bases / "b", "n")))
        assert served(watcher.models, "m") == TWO
        go_on.set()
        first.result(20), second.result(20)
    assert served(watcher.models, "m") == TWO and served(watcher.models, "n") == THREE


def test_a_model_listed_twice_changes_nothing(bases, watcher):
    with pytest.raises(ServingError, match="Illegal to list model m multiple times"):
        watcher.reload(config(model(bases / "a", "m"), model(bases / "b", "m")))
    assert served(watcher.models, "m") == TWO


# ---------------------------------------------------------------- files that change in place


@pytest.mark.parametrize("what", ["all", "variables", "a file more", "a file less", "removed and brought back"])
def test_files_that_change_in_place_are_said_once_and_not_loaded(folders, bases, watcher, caplog, what):
    folder = bases / "a" / "1"
    watcher.poll()
    if what == "all":
        shutil.copytree(folders["three"], folder, dirs_exist_ok=True)
    elif what == "variables":
        shutil.copytree(folders["three"] / "variables", folder / "variables", dirs_exist_ok=True)
    elif what == "a file more":
        (folder / "fingerprint.pb").write_bytes(b"1")
    elif what == "a file less":
        (folder / "saved_model.pb").unlink()
    else:
        shutil.rmtree(folder)
        publish(folders["three"], folder)
    for _ in range(4):
        watcher.poll()
    [record] = records(caplog, "have changed since it was loaded")
    assert record.levelno == logging.WARNING
    assert f"model m version 1: files in {folder} have changed" in record.getMessage()
    assert served(watcher.models, "m") == TWO
    publish(folders["three"], bases / "a" / "2")  # as the line says
    watcher.reload(config(model(bases / "a", "m", 'model_platform: "tensorflow"')))
    assert served(watcher.models, "m") == THREE


def test_files_that_stay_are_not_spoken_of(bases, watcher, caplog):
    for _ in range(3):
        watcher.poll()
    assert not records(caplog, "have changed")


# ---------------------------------------------------------------- what is waited for


def test_a_model_without_versions_is_said_once(folders, tmp_path, caplog):
    watcher = Watcher(Models(), config=config(model(tmp_path / "m", "m")))
    watcher.start()
    watcher.stop()
    for _ in range(2):
        watcher.poll()
    assert len(records(caplog, f"model m waits: its base path {tmp_path}/m cannot be read")) == 1
    (tmp_path / "m").mkdir()
    for _ in range(2):
        watcher.poll()
    assert len(records(caplog, f"model m waits: {tmp_path}/m has none of the versions")) == 1
    publish(folders["two"], tmp_path / "m" / "1")
    watcher.poll()
    assert served(watcher.models, "m") == TWO
    watcher.models.close()


def test_a_config_file_is_tried_again_when_what_it_needs_has_come(folders, bases, caplog):
    """A label of a version that is not loaded yet, in a file that does not change any more."""
    file = bases / "models.config"
    file.write_text(str(config(model(bases / "a", "m"))))
    watcher = Watcher(Models(), config=file, options=WatchOptions(poll_seconds=0.05, config_poll_seconds=0.05))
    watcher.start()
    try:
        file.write_text(str(config(model(bases / "a", "m", labels={"stable": 2}))))
        wait_until(lambda: records(caplog, "is not in force as it is"))
        publish(folders["three"], bases / "a" / "2")
        wait_until(lambda: watcher.models.version_of_label("m", "stable") == 2)
        assert len(records(caplog, "is not in force as it is")) == 1
    finally:
        watcher.stop()
        watcher.models.close()


# ---------------------------------------------------------------- version 0


def test_version_0_is_the_latest_where_there_is_none(server, channel, rest):
    """ovmsclient sends it so, over gRPC and REST."""
    spec = {"name": "default", "version": {"value": 0}}
    request = predict_pb2.PredictRequest(model_spec=spec)
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([2])))
    prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    answer = prediction.Predict(request, timeout=20)
    assert (answer.model_spec.version.value, list(answer.outputs["y"].float_val)) == (123, TWO)
    request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def"])
    assert prediction.GetModelMetadata(request, timeout=20).model_spec.version.value == 123
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
    [status] = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, timeout=20).model_version_status
    assert status.version == 123
    body = {"instances": [2]}
    assert rest("POST", "/v1/models/default/versions/0:predict", body)[3] == {"predictions": TWO}
    assert rest("GET", "/v1/models/default/versions/0/metadata")[3]["model_spec"]["version"] == "123"
    assert rest("GET", "/v1/models/default/versions/0")[3]["model_version_status"][0]["version"] == "123"
    assert rest("POST", "/v1/models/default/versions/1:predict", body)[0] == 404


def test_a_version_0_is_itself(folders, tmp_path):
    models = Models({"m": {0: folders["two"], 5: folders["three"]}}, {"m": {"old": 0}})
    models.load()
    assert [models.find("m", 0).number, models.find("m").number, models.find("m", label="old").number] == [0, 5, 0]
    assert [version.number for version in models.versions("m", 0)] == [0]
    models.update({"m": {5: folders["three"]}})
    assert [models.find("m", 0).number, models.versions("m", 0)[0].number] == [5, 0]
    with pytest.raises(ServingError, match=r"Specific\(m, 0\)"):
        models.find("m", label="old")  # a label never means another version
    models.update({"m": {0: tmp_path, 5: folders["three"]}})
    with pytest.raises(ServingError, match=r"Specific\(m, 0\)"):
        models.find("m", 0)  # it is there, but cannot be loaded
    models.close()


def test_a_label_of_version_0_needs_a_version_0(bases, watcher):
    with pytest.raises(ServingError, match="label to version 0 of model m, which is not currently available"):
        watcher.reload(config(model(bases / "a", "m", labels={"stable": 0})))


# ---------------------------------------------------------------- memory


def test_what_an_unloaded_version_held_is_freed_though_it_was_frozen(folders):
    models = Models({"m": {1: folders["two"]}})
    models.load()
    served(models, "m")
    graph = weakref.ref(models.find("m").engine._session.graph)
    gc.disable()
    try:
        collecting.freeze()
        models.update({"m": {2: folders["three"]}})
        assert graph() is None
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.enable()
    models.close()


# ---------------------------------------------------------------- the log


def test_a_load_a_swap_and_an_unload_are_a_line_each(folders, bases, caplog):
    log = "kerasgan.server"
    caplog.set_level(logging.INFO, log)
    watcher = Watcher(Models())
    policy = 'model_platform: "tensorflow"'
    watcher.reload(config(model(bases / "a", "m", policy)))
    publish(folders["three"], bases / "a" / "2")
    watcher.poll()
    watcher.reload(config(model(bases / "b", "m", policy)))
    watcher.models.close()
    lines = [re.sub(r"\d+\.\d\d s", "# s", record.getMessage()) for record in caplog.records if record.name == log]
    assert lines == [
        f"model m version 1 loaded in # s from {bases}/a/1",
        f"model m version 2 loaded in # s from {bases}/a/2",
        f"model m version 2 swapped in: {bases}/a/2 instead of {bases}/a/1",
        "model m version 1 unloaded in # s",
        f"model m version 1 loaded in # s from {bases}/b/1",
        f"model m version 1 swapped in: {bases}/b/1 instead of {bases}/a/2",
        "model m version 2 unloaded in # s",
        "model m version 1 unloaded in # s",
    ]


def test_a_label_whose_version_goes_is_said(folders, bases, caplog):
    watcher = Watcher(Models())
    watcher.reload(config(model(bases / "a", "m")))
    watcher.reload(config(model(bases / "a", "m", labels={"stable": 1})))
    publish(folders["three"], bases / "a" / "2")
    shutil.rmtree(bases / "a" / "1")
    watcher.poll()
    assert len(records(caplog, "model m: label stable names version 1, which is not served any more")) == 1
    with pytest.raises(ServingError, match=r"Specific\(m, 1\)"):
        watcher.models.find("m", label="stable")
    watcher.models.close()


# ---------------------------------------------------------------- who may reload


def test_reloads_can_be_turned_off(folders, bases):
    options = ServerOptions(port=0, rest_port=0, reload_requests=False)
    with (
        ModelServer(Models({"m": {1: folders["two"]}}), options) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        request = model_management_pb2.ReloadConfigRequest(config=config(model(bases / "b", "m")))
        with pytest.raises(grpc.RpcError) as raised:
            stub.HandleReloadConfigRequest(request, timeout=20)
        assert raised.value.code() == grpc.StatusCode.PERMISSION_DENIED
        assert "--no-reload-requests" in raised.value.details()
        status = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "m"})
        assert len(stub.GetModelStatus(status, timeout=20).model_version_status) == 1
        assert call(server, "POST", "/v1/models/m:predict", {"instances": [2]})[3] == {"predictions": TWO}


def test_a_failure_of_before_is_no_reason_of_now_and_is_not_listed(folders, bases, watcher):
    publish(folders["two"], bases / "a" / "4")
    (bases / "a" / "4" / "saved_model.pb").write_bytes(b"\xff" * 100)
    watcher.poll()
    assert [version.error is None for version in watcher.models.versions("m")] == [True, False]
    publish(folders["two"], bases / "c" / "1")
    (bases / "c" / "1" / "saved_model.pb").write_bytes(b"\xff" * 100)
    watcher.reload(config(model(bases / "b", "n")))
    with pytest.raises(ServingError, match=f"m due to error: .*{bases}/c/1"):
        watcher.reload(config(model(bases / "b", "n"), model(bases / "c", "m")))
    assert 4 not in [version.number for version in watcher.models.versions("m")]
