"""Expectations ported from TensorFlow Serving's own tests (tests/data/tf_serving_cases.json)."""

import gzip
import json
import math

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow.core.protobuf.meta_graph_pb2 import TensorInfo
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    predict_pb2,
)
from tensorflow_serving.apis.classification_pb2 import ClassificationResult
from tensorflow_serving.apis.regression_pb2 import RegressionResult

from kerasgan.server.errors import ServingError, http_status
from kerasgan.server.inference import metadata
from kerasgan.server.metrics import Metric
from kerasgan.server.rest import json_examples
from kerasgan.server.rest.app import error_response, parse_target
from kerasgan.server.rest.json_tensor import read_request, write_response
from tests.server.cases import FILE, SKIP, cases, dtype_of, tensor_of


def _of_examples(level, examples):
    """The codec cases of classify and regress, or those of predict."""
    words = "classif", "regress"

    def about_examples(param):
        return any(word in f"{param.values[0]}".lower() for word in words)

    return [param for param in cases("rest", level) if about_examples(param) == examples]


def test_every_case_is_run_or_listed():
    levels = [("rest", "route"), ("rest", "e2e"), ("rest", "codec-request"), ("rest", "codec-response")]
    levels += [
        ("rest", "metrics"),
        ("rest", "status-map"),
        ("grpc", "e2e"),
        ("grpc", "config"),
        ("grpc", "storage"),
        ("grpc", "warmup"),
        ("grpc", "batching"),
    ]
    run = {param.id for kind, level in levels for param in cases(kind, level)}
    everything = {case["id"] for case in json.loads(FILE.read_text())}
    assert run | set(SKIP) == everything
    assert not run & set(SKIP)


# ---------------------------------------------------------------- REST


@pytest.mark.parametrize("case", cases("rest", "route"))
def test_route(case, rest):
    request, expect = case["request"], case["expect"]
    if "handled_by_api" in expect:
        status, headers, _, _ = rest(request["method"], request["path"])
        assert (headers["Content-Type"] == "application/json") == expect["handled_by_api"]
        assert status == expect.get("http_status", status)
        return
    try:
        name, version, label, verb = parse_target(request["method"], request["path"])
    except ServingError as error:
        assert error.code.name == expect.get("grpc_code", "INVALID_ARGUMENT")
        assert expect.get("error_contains", "Malformed request") in error.message
        assert not expect["parse_ok"] or "grpc_code" in expect
        return
    assert expect["parse_ok"]
    assert name == expect["model_name"]
    assert version == expect.get("version")
    assert label == expect.get("label")
    assert verb == expect.get("method", expect.get("subresource"))


@pytest.mark.parametrize("case", cases("rest", "e2e"))
def test_rest(case, rest, rest_with_cors):
    if "cors" in str(case["fixture"]):
        rest = rest_with_cors
    request, expect = case["request"], case["expect"]
    body = json.dumps(request["json"]).encode() if "json" in request else request.get("body", "").encode()
    headers = dict(request.get("headers", {}))
    if "(body gzipped)" in headers.get("Content-Encoding", ""):
        headers["Content-Encoding"], body = "gzip", gzip.compress(body)
    status, answered, text, parsed = rest(request["method"], request["path"], body, headers)
    assert status == expect["http_status"]
    for name, value in expect.get("headers", {}).items():
        assert answered[name] == value
    assert all(words in text for words in expect.get("body_contains", []))
    if "json" in expect:
        assert parsed == expect["json"]
    if "json_error_contains" in expect:
        assert expect["json_error_contains"] in parsed["error"]
    for path, value in expect.get("json_contains", {}).items():
        found = parsed
        for key in path.split("."):
            found = found[key]
        assert found == value


@pytest.mark.parametrize("case", cases("rest", "metrics"))
def test_metrics(case):
    fixture = case["fixture"]
    metric = Metric(fixture["name"], fixture["type"], list(fixture["labels"]))
    record = metric.add if fixture["type"] == "counter" else metric.set
    record(*fixture["labels"].values(), value=fixture["value"])
    assert set(case["expect"]["lines"]) <= set(metric.lines())


@pytest.mark.parametrize("case", cases("rest", "status-map"))
def test_status_map(case):
    assert http_status(grpc.StatusCode[case["request"]["grpc_code"]]) == case["expect"]["http_status"]


def _body(request):
    if "json" in request:
        return json.dumps(request["json"]).encode()
    if "body_recipe" in request:
        return b'{"signature_name":' + b"[" * 500_000 + b"]" * 500_000 + b"}"
    return request["body"].encode()


def _example(example):
    """A `tf.Example` as the cases write it."""
    return {
        name: {feature.WhichOneof("kind").removesuffix("_list"): _values(feature)}
        for name, feature in example.features.feature.items()
    }


def _values(feature):
    values = getattr(feature, feature.WhichOneof("kind")).value
    return [value.decode() if isinstance(value, bytes) else value for value in values]


@pytest.mark.parametrize("case", _of_examples("codec-request", True))
def test_request_of_examples(case):
    expect, body = case["expect"], json.dumps(case["request"]["json"]).encode()
    if "error_contains" in expect:
        with pytest.raises(ServingError) as raised:
            json_examples.read_request(body)
        assert raised.value.code.name == expect["error_code"]
        assert expect["error_contains"] in raised.value.message
        return
    _, request_input = json_examples.read_request(body)
    assert [_example(example) for example in request_input.example_list.examples] == expect["example_list"]


@pytest.mark.parametrize("case", _of_examples("codec-request", False))
def test_request(case):
    inputs = {
        name: TensorInfo(dtype=tf.as_dtype(dtype_of(dtype)).as_datatype_enum)
        for name, dtype in case["fixture"]["signature_inputs"].items()
    }
    expect = case["expect"]
    if "error_contains" in expect:
        with pytest.raises(ServingError) as raised:
            read_request(_body(case["request"]), lambda name: inputs)
        assert raised.value.code.name == expect["error_code"]
        assert expect["error_contains"] in raised.value.message
        return
    _, arrays, row = read_request(_body(case["request"]), lambda name: inputs)
    assert row == (expect["format"] == "row")
    assert set(arrays) == set(expect["tensors"])
    for name, spec in expect["tensors"].items():
        wanted = tensor_of(spec)
        assert arrays[name].dtype == wanted.dtype
        assert arrays[name].shape == wanted.shape
        assert (arrays[name] == wanted).all()


@pytest.mark.parametrize("case", _of_examples("codec-response", True))
def test_response_to_examples(case):
    fixture, expect = case["fixture"], case["expect"]
    if "classifications" in fixture:
        result, write = ClassificationResult(), json_examples.write_classifications
        for row in fixture["classifications"]:
            entries = result.classifications.add().classes
            for label, score in row:
                entries.add(label=label, score=score)
    else:
        write = json_examples.write_regressions
        result = RegressionResult(regressions=[{"value": value} for value in fixture["regressions"]])
    if "error_contains" in expect:
        with pytest.raises(ServingError, match=expect["error_contains"]) as raised:
            write(result)
        assert raised.value.code.name == expect["error_code"]
        return
    assert json.loads(write(result)) == expect["json"]


@pytest.mark.parametrize("case", _of_examples("codec-response", False))
def test_response(case, rest):
    expect = case["expect"]
    if case["request"]["format"] == "error":
        code = grpc.StatusCode[case["fixture"]["status"]]
        assert json.loads(error_response(http_status(code), case["fixture"]["message"])[2]) == expect["json"]
        return
    outputs = {name: tensor_of(spec) for name, spec in case["fixture"]["outputs"].items()}
    row = case["request"]["format"] == "row"
    if "error_contains" in expect:
        with pytest.raises(ServingError, match=expect["error_contains"]) as raised:
            write_response(outputs, row)
        assert raised.value.code.name == expect["error_code"]
        return
    text = write_response(outputs, row).decode()
    if "json" in expect:
        assert json.loads(text) == expect["json"]
    if "json_text_numbers_as_strings" in expect:
        assert text.replace(" ", "") == expect["json_text_numbers_as_strings"].replace(" ", "")


# ---------------------------------------------------------------- gRPC

_METHODS = {
    "Classify": (
        "PredictionService",
        classification_pb2.ClassificationRequest,
        classification_pb2.ClassificationResponse,
    ),
    "MultiInference": ("PredictionService", inference_pb2.MultiInferenceRequest, inference_pb2.MultiInferenceResponse),
    "Predict": ("PredictionService", predict_pb2.PredictRequest, predict_pb2.PredictResponse),
    "GetModelMetadata": (
        "PredictionService",
        get_model_metadata_pb2.GetModelMetadataRequest,
        get_model_metadata_pb2.GetModelMetadataResponse,
    ),
    "GetModelStatus": (
        "ModelService",
        get_model_status_pb2.GetModelStatusRequest,
        get_model_status_pb2.GetModelStatusResponse,
    ),
}


def _call(channel, request):
    """Make the request of a case with the official messages; return its answer."""
    method = request["rpc"].rpartition("/")[2]
    if method == "Check":
        stub = health_pb2_grpc.HealthStub(channel)
        return stub.Check(health_pb2.HealthCheckRequest(service=request["service"]), timeout=20)
    _, request_class, response_class = _METHODS[method]
    message = request_class()
    spec = request.get("model_spec")
    if spec is not None:
        message.model_spec.SetInParent()
        message.model_spec.name = spec.get("name", "")
        message.model_spec.signature_name = spec.get("signature_name", "")
        if "version" in spec:
            message.model_spec.version.value = spec["version"]
    for name, tensor in request.get("inputs", {}).items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(tensor_of(tensor), dtype=dtype_of(tensor["dtype"])))
    for task in request.get("tasks", ()):
        message.tasks.add(model_spec=task["model_spec"], method_name=task["method_name"])
    for example in request.get("examples", ()):
        features = message.input.example_list.examples.add().features.feature
        for name, values in example.items():
            features[name].float_list.value.extend(values)
    message.MergeFrom(
        request_class(**{key: request[key] for key in ("output_filter", "metadata_field") if key in request})
    )
    call = channel.unary_unary(
        f"/{request['rpc']}",
        request_serializer=request_class.SerializeToString,
        response_deserializer=response_class.FromString,
    )
    return call(message, timeout=20)


@pytest.mark.parametrize("case", cases("grpc", "e2e"))
def test_grpc(case, channel, two_versions, cors_server):
    request, expect = case["request"], case["expect"]
    if request["rpc"].endswith("Check") and "healthcheck" not in case["fixture"]:
        with grpc.insecure_channel(f"127.0.0.1:{cors_server.port}") as without, pytest.raises(grpc.RpcError) as raised:
            _call(without, request)
        assert raised.value.code().name == expect["code"]
        return
    if "both served" in str(case["fixture"]):
        versions = metadata.status(two_versions, request["model_spec"]["name"]).model_version_status
        assert {version.version for version in versions} == set(expect["versions_set"])
        assert all(version.status.error_code == 0 and not version.status.error_message for version in versions)
        return
    if request.get("order", 1) > 1:  # the cases between them, which reset the counter, are not in the file
        spec = {"name": "saved_model_counter", "signature_name": "reset_counter"}
        _call(channel, {"rpc": "tensorflow.serving.PredictionService/Predict", "model_spec": spec})
    if expect.get("code", "OK") != "OK":
        with pytest.raises(grpc.RpcError) as raised:
            _call(channel, request)
        assert raised.value.code().name == expect["code"]
        assert expect["details_contains"] in raised.value.details()
        return
    answer = _call(channel, request)
    if "status" in expect:
        assert health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status) == expect["status"]
    for name, spec in expect.get("outputs", {}).items():
        array = tf.make_ndarray(answer.outputs[name])
        wanted = tensor_of(spec)
        assert array.dtype == wanted.dtype and array.shape == wanted.shape and (array == wanted).all()
    if "results" in expect:
        found = [[entry.value for entry in result.regression_result.regressions] for result in answer.results]
        assert found == [result["regressions"] for result in expect["results"]]
    if "outputs" in expect:
        assert set(answer.outputs) == set(expect["outputs"])
    if "model_spec" in expect:
        wanted = expect["model_spec"]
        spec = answer.model_spec
        assert (spec.name, spec.version.value) == (wanted["name"], wanted["version"])
        assert spec.signature_name == wanted.get("signature_name", "")
    if "metadata_keys" in expect:
        assert list(answer.metadata) == expect["metadata_keys"]


def test_not_a_number_is_written_as_upstream_does():
    assert write_response({"y": np.array([math.nan])}, True) == b'{"predictions": [NaN]}'
