"""Metrics, read back by Prometheus's own parser."""

import math

import grpc
import numpy as np
import pytest
import tensorflow as tf
from prometheus_client import parser
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc, regression_pb2

from kerasgan.server import Models, ModelServer, ServerOptions
from kerasgan.server.config.monitoring import DEFAULT_METRICS_PATH, read_metrics_path
from kerasgan.server.metrics import Metric, exponential
from tests.server.conftest import call

SERVING = ":tensorflow:serving:"


def samples(text):
    """`{(name, labels): value}`; the parser gives every counter's name the ending `_total`."""
    families = parser.text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def at(found, name, **labels):
    return found[name, frozenset(labels.items())]


def test_a_histogram_counts_as_numpy_does():
    values = np.random.default_rng(0).lognormal(6, 3, 1000)
    limits = exponential(10, 1.8, 33)
    metric = Metric("/a/b", "histogram", ["m"], limits)
    for value in [*values, 10.0, 1e30]:
        metric.add('a "b" \\', value=value)
    found = samples("\n".join(metric.lines()) + "\n")
    counts = np.cumsum(np.histogram([*values, 10.0, 1e30], [0, *limits])[0])
    for limit, count in zip(limits, counts, strict=True):
        le = "+Inf" if math.isinf(limit) else f"{limit:g}"
        assert at(found, ":a:b_bucket", m='a "b" \\', le=le) == count
    assert at(found, ":a:b_count", m='a "b" \\') == 1002
    assert at(found, ":a:b_sum", m='a "b" \\') == pytest.approx(values.sum() + 10 + 1e30)


def test_the_buckets_are_upstreams():
    limits = exponential(10, 1.8, 33)
    assert len(limits) == 34 and limits[0] == 10 and limits[2] == pytest.approx(32.4)
    assert limits[-2] == pytest.approx(10 * 1.8**32) and limits[-1] == math.inf


@pytest.fixture
def own_server(folders):
    with ModelServer(Models({"m": {7: folders["two"]}}), ServerOptions(port=0, rest_port=0)) as server:
        yield server


def test_requests_are_counted_and_timed(own_server):
    assert not samples(call(own_server, "GET", DEFAULT_METRICS_PATH)[2])
    with grpc.insecure_channel(f"127.0.0.1:{own_server.port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = predict_pb2.PredictRequest(model_spec={"name": "m"})
        request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([2])))
        for _ in range(3):
            stub.Predict(request, timeout=20)
        request.model_spec.signature_name = "no"
        with pytest.raises(grpc.RpcError):
            stub.Predict(request, timeout=20)
        for name in ("x", "y", "z"):
            request.model_spec.name = name
            with pytest.raises(grpc.RpcError):
                stub.Predict(request, timeout=20)
        regress = regression_pb2.RegressionRequest(model_spec={"name": "m", "signature_name": "regress_x_to_y"})
        example = tf.train.Example(features={"feature": {"x": {"float_list": {"value": [1.0]}}}})
        regress.input.example_list.examples.extend([example] * 5)
        stub.Regress(regress, timeout=20)
    for body in ({"instances": [2]}, {"instances": ["a"]}):
        call(own_server, "POST", "/v1/models/m:predict", body)
    page = call(own_server, "GET", DEFAULT_METRICS_PATH)[2]
    assert ':tensorflow:serving:request_count{model_name="m",status="OK"} 5\n' in page
    found = samples(page)
    assert at(found, SERVING + "request_count_total", model_name="m", status="FAILED_PRECONDITION") == 1
    assert at(found, SERVING + "request_count_total", model_name="m", status="INVALID_ARGUMENT") == 1
    assert at(found, SERVING + "request_count_total", model_name="", status="NOT_FOUND") == 3
    latency = SERVING + "request_latency"
    assert at(found, latency + "_count", model_name="m", API="Predict", entrypoint="GRPC") == 3
    assert at(found, latency + "_count", model_name="m", API="predict", entrypoint="REST") == 1
    assert at(found, latency + "_bucket", model_name="m", API="predict", entrypoint="REST", le="+Inf") == 1
    runtime = at(found, SERVING + "runtime_latency_sum", model_name="m", API="Regress", runtime="TF1")
    assert 0 < runtime < at(found, latency + "_sum", model_name="m", API="Regress", entrypoint="GRPC")
    assert at(found, SERVING + "request_example_count_total", model="m") == 5
    assert at(found, SERVING + "request_example_counts_bucket", model="m", le="8") == 1
    assert at(found, SERVING + "request_example_counts_bucket", model="m", le="4") == 0
    own = ":kerasgan:serving:signature_latency_count"
    assert at(found, own, model_name="m", version="7", signature_name="serving_default") == 4
    assert at(found, own, model_name="m", version="7", signature_name="regress_x_to_y") == 1


def test_without_a_path_there_is_no_page(folders):
    options = ServerOptions(port=0, rest_port=0, metrics_path=None)
    with ModelServer(Models({"m": {7: folders["two"]}}), options) as server:
        assert call(server, "GET", DEFAULT_METRICS_PATH)[0] == 404


@pytest.mark.parametrize(
    "text, path",
    [
        ('prometheus_config { enable: true path: "/m" }', "/m"),
        ("prometheus_config: < enable: true >", DEFAULT_METRICS_PATH),
        ('prometheus_config { path: "/m" }', None),
        ("", None),
    ],
)
def test_monitoring_config(tmp_path, text, path):
    (tmp_path / "monitoring.config").write_text(text)
    assert read_metrics_path(tmp_path / "monitoring.config") == path


@pytest.mark.parametrize(
    "text", ["prometheus_config { enabled: true }", 'prometheus_config { enable: true path: "m" }']
)
def test_a_wrong_monitoring_config_is_named(tmp_path, text):
    (tmp_path / "monitoring.config").write_text(text)
    with pytest.raises(ValueError, match="monitoring.config"):
        read_metrics_path(tmp_path / "monitoring.config")
