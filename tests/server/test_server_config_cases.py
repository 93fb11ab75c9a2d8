"""The ported cases about versions, configs, reloads and warmup."""

import shutil

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import json_format, text_format
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import file_system_storage_path_source_pb2, model_server_config_pb2

from kerasgan.server import Models, Watcher, WatchOptions
from kerasgan.server.config import textproto
from kerasgan.server.errors import ServingError
from kerasgan.server.models import warmup
from kerasgan.server.models.discovery import find_versions
from tests.server.cases import cases, tensor_of

NAME = "saved_model_half_plus_two_2_versions"


def config(*models):
    """A `ModelServerConfig` of models in text form."""
    text = "\n".join(f"config {{ {model} }}" for model in models)
    return text_format.Parse(f"model_config_list {{ {text} }}", model_server_config_pb2.ModelServerConfig())


def model(base_path, name=NAME, rest='model_platform: "tensorflow" model_version_policy { all {} }', labels=None):
    pairs = "".join(f'version_labels {{ key: "{label}" value: {number} }}' for label, number in (labels or {}).items())
    return f'name: "{name}" base_path: "{base_path}" {rest} {pairs}'


@pytest.fixture
def base_path(folders, tmp_path):
    for number, which in ((123, "two"), (124, "three")):
        (tmp_path / "base").mkdir(exist_ok=True)
        (tmp_path / "base" / str(number)).symlink_to(folders[which])
    return tmp_path / "base"


def available(models, name=NAME):
    return [version.number for version in models.versions(name) if version.state == "AVAILABLE"]


def served(models, name, x=2.0):
    with models.use(name) as found:
        return found.engine.run("", {"x": np.float32([x])})["y"].tolist()


@pytest.mark.parametrize("case", cases("grpc", "config"))
def test_config(case, base_path, tmp_path):
    request, expect = case["request"], case["expect"]
    watcher = Watcher(Models(), options=WatchOptions(allow_labels_for_unavailable="flag" in request))
    models = watcher.models
    watcher.reload(config(model(base_path)))
    assert available(models) == [123, 124]
    try:
        if "code" in expect and expect["code"] == "OK":  # the config file, never looked at again
            _never_polled(case, base_path, tmp_path)
        elif "version_used" in expect:
            if "reload_config_labels" in request:
                watcher.reload(config(model(base_path, labels=request["reload_config_labels"])))
            spec = request.get("model_spec") or request["then_model_spec"]
            found = models.find(spec["name"], spec.get("version"), spec.get("version_label"))
            assert found.number == expect["version_used"]
        elif "models_served_after" in expect:
            watcher.reload(config())
            assert available(models) == expect["models_served_after"]
        else:
            if "labels_first" in request:
                watcher.reload(config(model(base_path, labels=request["labels_first"])))
            with pytest.raises(ServingError) as raised:
                watcher.reload(_refused(request, base_path))
            assert raised.value.code.name == expect.get("code", "INVALID_ARGUMENT")
            assert expect.get("details_contains", "not_a_known_platform") in raised.value.message
            assert available(models) == [123, 124]  # nothing has changed
            if "labels_first" in request:
                assert models.find(NAME, label="A").number == 123
    finally:
        models.close()


def _refused(request, base_path):
    labels = request.get("labels") or request.get("labels_then")
    if labels:
        return config(model(base_path, labels=labels))
    return {
        "two entries with the same name": config(model(base_path), model(base_path)),
        'model_platform: "not_a_known_platform"': config(
            model(base_path, name="new", rest='model_platform: "not_a_known_platform"')
        ),
        'model_type: TENSORFLOW and model_platform: "tensorflow"': config(
            model(base_path, rest='model_type: TENSORFLOW model_platform: "tensorflow"')
        ),
        "same model name, other platform": config(model(base_path, rest='model_platform: "other"')),
    }[request["config"]]


def _never_polled(case, base_path, tmp_path):
    """half_plus_two goes on being served though the file now names half_plus_three."""
    name = case["request"]["model_spec"]["name"]
    two = 'model_platform: "tensorflow" model_version_policy { specific { versions: 123 } }'
    three = two.replace("123", "124")
    file = tmp_path / "models.config"
    file.write_text(text_format.MessageToString(config(model(base_path, name, two))))
    watcher = Watcher(Models(), config=file, options=WatchOptions(poll_seconds=0.05))
    watcher.start()
    try:
        file.write_text(text_format.MessageToString(config(model(base_path, "half_plus_three", three))))
        watcher._stopping.wait(case["request"]["after_seconds"])
        [x] = tensor_of(case["request"]["inputs"]["x"])
        assert served(watcher.models, name, x) == tensor_of(case["expect"]["outputs"]["y"]).tolist()
    finally:
        watcher.stop()
        watcher.models.close()


@pytest.mark.parametrize("case", cases("grpc", "storage"))
def test_storage(case, folders, tmp_path):
    for name in case["fixture"]["dirs"]:
        (tmp_path / name).mkdir()
    policy = file_system_storage_path_source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy()
    json_format.ParseDict(case["request"]["model_version_policy"] or {}, policy)
    expect = case["expect"]
    if "served_after_poll" in expect or "after_delete_of" in expect or "startup_ok" in expect:
        _storage_over_time(expect, folders, tmp_path)
    else:
        assert sorted(find_versions(tmp_path, policy)) == expect["served"]


def _storage_over_time(expect, folders, base):
    models = Models()
    watcher = Watcher(models)
    if "after_delete_of" in expect:
        version = base / expect["after_delete_of"]
        version.rmdir()
        version.symlink_to(folders["two"])
        watcher.reload(config(model(base)))
        assert available(models) == [int(version.name)]
        version.unlink()
        watcher.poll()
        assert available(models) == expect["served"]
        return
    with pytest.raises(ServingError):  # upstream waits here for a version to appear
        watcher.reload(config(model(base)))
    file = base / "models.config"
    file.write_text(text_format.MessageToString(config(model(base))))
    watcher = Watcher(models, config=file)
    watcher.start()
    with pytest.raises(ServingError, match="Could not find any versions"):
        models.versions(NAME)
    (base / "7").symlink_to(folders["two"])
    watcher.poll()
    assert available(models) == [7]
    watcher.stop()
    models.close()


def _write(folder, records):
    path = folder / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir()
    if isinstance(records, bytes):
        path.write_bytes(records)
        return
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record.SerializeToString())


def predict_log(x):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.inputs["x"].CopyFrom(tf.make_tensor_proto(x))
    return log


@pytest.mark.parametrize("case", cases("grpc", "warmup"))
def test_warmup(case, folders, tmp_path):
    folder, expect = shutil.copytree(folders["two"], tmp_path / "1"), case["expect"]
    good = predict_log(np.float32([2.0]))
    records = {
        "empty warmup file": b"",
        "warmup file that is not TFRecord": b"no TFRecord " * 10,
        "1001 records": [good] * 1001,
        "a warmup request that fails in the graph": [good, predict_log(np.int32([2]))],
        "record of type predict_streamed_log": [
            prediction_log_pb2.PredictionLog(predict_streamed_log={})  # upstream's type that it cannot replay
        ],
    }.get(case["fixture"])
    if records is not None:
        _write(folder, records)
    models = Models({"m": {1: folder}})
    if "model_state" in expect:
        models.load()
        assert models.find("m").state == expect["model_state"]
        models.close()
        return
    with pytest.raises(ValueError, match="no model can be served"):
        models.load()
    [version] = models.versions("m")
    assert version.state == "END" and version.engine is None
    if expect["load_fails"] is not True:
        assert version.error.code == grpc.StatusCode[expect["load_fails"]]
    assert expect.get("message_contains", "") in version.error.message


def test_warmup_requests_are_run_before_the_version_is_served(folders, tmp_path):
    """The counter says how many requests there were."""
    folder = shutil.copytree(folders["counter"], tmp_path / "1")
    increment = prediction_log_pb2.PredictionLog()
    increment.predict_log.request.model_spec.signature_name = "incr_counter"
    _write(folder, [increment] * 5)
    models = Models({"m": {1: folder}})
    models.load()
    assert models.find("m").engine.run("get_counter", {}) == {"output": 5.0}
    models.close()


def test_a_thousand_records_are_allowed(folders, tmp_path, monkeypatch):
    folder = shutil.copytree(folders["two"], tmp_path / "1")
    _write(folder, [predict_log(np.float32([2.0]))] * 1000)
    run = []
    monkeypatch.setattr(warmup, "_run_record", lambda version, record, path: run.append(record))
    models = Models({"m": {1: folder}})
    models.load()
    assert len(run) == 1000
    models.close()


@pytest.mark.parametrize("path", ["none.config", "."])
def test_a_configuration_that_cannot_be_read_is_named(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match=f"^cannot read the configuration file {path}: (No such file|Is a directory)"):
        textproto.read(path, model_server_config_pb2.ModelServerConfig)
