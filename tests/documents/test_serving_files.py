"""The files of serving/, each against the schema of the program that reads it."""

import ast
import importlib.util
import itertools
import json
import pathlib
import re
import subprocess
import sys
import zipfile

import kubernetes_validate
import promql_parser
import pytest
import yaml
from google.protobuf import text_format
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import parser
from tensorflow_serving.config import model_server_config_pb2

from kerasgan.server import ModelOptions, Models, ModelServer, ServerOptions
from kerasgan.server.config import models_config as configs
from kerasgan.server.config import monitoring
from kerasgan.server.config.batching_parameters import read_parameters
from kerasgan.server.metrics import ServingMetrics
from kerasgan.server.server import serve_config
from tests.server import saved_models
from tests.server.conftest import call

SERVING = pathlib.Path(__file__).parents[2] / "serving"
MANIFESTS = sorted((SERVING / "kubernetes").glob("*.yaml"))


def test_models_config_is_one():
    text = (SERVING / "models.config").read_text()
    parsed = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    [model] = parsed.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("garments", "/models/garments", "tensorflow")
    assert model.model_version_policy.latest.num_versions == 2
    configs.check_config(parsed)


def test_models_config_serves_the_two_newest_versions(tmp_path):
    for version in ("1", "2", "10"):
        saved_models.half_plus(tmp_path / "garments" / version)
    text = (SERVING / "models.config").read_text().replace('"/models/', f'"{tmp_path}/')
    (tmp_path / "models.config").write_text(text)
    with serve_config(tmp_path / "models.config", ServerOptions(port=0, rest_port=0)) as server:
        states = call(server, "GET", "/v1/models/garments")[3]["model_version_status"]
        assert [(state["version"], state["state"]) for state in states] == [("2", "AVAILABLE"), ("10", "AVAILABLE")]
        # what the probes of Kubernetes ask
        assert call(server, "GET", "/v1/models/garments/metadata")[0] == 200
        assert call(server, "GET", "/v1/models/boots/metadata")[0] == 404


def test_batching_parameters_are_such():
    parameters = read_parameters(SERVING / "batching_parameters.txt")
    assert (parameters.batch_rows, parameters.batch_timeout_micros) == (32, 0)
    assert (parameters.max_enqueued_batches, parameters.num_batch_threads) == (64, 1)


def test_monitoring_config_is_one():
    path = monitoring.read_metrics_path(SERVING / "monitoring.config")
    assert path == "/monitoring/prometheus/metrics"
    [job] = yaml.safe_load((SERVING / "prometheus.yml").read_text())["scrape_configs"]
    assert job["metrics_path"] == path
    deployment = yaml.safe_load((SERVING / "kubernetes" / "deployment.yaml").read_text())
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == path


def test_compose_file_is_one():
    line = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*line, str(SERVING / "compose.yaml")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    services = yaml.safe_load((SERVING / "compose.yaml").read_text())["services"]
    sources = [volume.split(":")[0] for service in services.values() for volume in service["volumes"]]
    files = [source for source in sources if source.startswith("./")]
    assert len(files) == 7 and all((SERVING / file).is_file() for file in files)


def test_a_wrong_compose_file_is_not(tmp_path):
    (tmp_path / "compose.yaml").write_text((SERVING / "compose.yaml").read_text().replace("volumes:", "volumse:"))
    line = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    assert subprocess.run([*line, str(tmp_path / "compose.yaml")], capture_output=True).returncode == 1


@pytest.mark.parametrize("version", ["1.30.0", "1.35.0"])
@pytest.mark.parametrize("path", [path for path in MANIFESTS if path.stem != "kserve"], ids=lambda path: path.stem)
def test_manifests_are_kubernetes(path, version):
    manifest = yaml.safe_load(path.read_text())
    kubernetes_validate.validate(manifest, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest | {"spec": manifest["spec"] | {"replica": 1}}, version, strict=True)


def test_manifests_belong_together():
    deployment, service, autoscaler, models, kserve = (
        yaml.safe_load((SERVING / "kubernetes" / f"{name}.yaml").read_text())
        for name in ("deployment", "service", "autoscaler", "models", "kserve")
    )
    pod = deployment["spec"]["template"]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
    assert autoscaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    [container] = pod["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    assert {port["targetPort"] for port in service["spec"]["ports"]} == set(ports)
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert volumes["models"]["persistentVolumeClaim"]["claimName"] == models["metadata"]["name"]
    assert kserve["spec"]["predictor"]["model"]["storageUri"] == f"pvc://{models['metadata']['name']}/garments"
    kustomization = yaml.safe_load((SERVING / "kustomization.yaml").read_text())
    [generated] = kustomization["configMapGenerator"]
    assert volumes["config"]["configMap"]["name"] == generated["name"]
    mounted = {re.sub(r"^--\w+=/config/", "", argument) for argument in container["args"] if "/config/" in argument}
    assert mounted == set(generated["files"]) and all((SERVING / file).is_file() for file in mounted)
    assert all((SERVING / file).is_file() for file in kustomization["resources"])
    compose = yaml.safe_load((SERVING / "compose.yaml").read_text())["services"]["serving"]
    assert (compose["image"], compose["command"]) == (container["image"], container["args"])


def test_the_autoscaler_by_requests_reads_a_metric_that_is_exported():
    """The adapter's name for it, a query that Prometheus can parse, and a metric that counts what it says."""
    by_cpu, autoscaler = (
        yaml.safe_load((SERVING / "kubernetes" / f"{name}.yaml").read_text())
        for name in ("autoscaler", "autoscaler_by_requests")
    )
    assert autoscaler["spec"]["scaleTargetRef"] == by_cpu["spec"]["scaleTargetRef"]
    assert autoscaler["metadata"] == by_cpu["metadata"]  # one of them, not both
    [rule] = yaml.safe_load((SERVING / "prometheus_adapter.yaml").read_text())["rules"]["custom"]
    [metric] = autoscaler["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    [series] = re.findall(r'__name__="([^"]+)"', rule["seriesQuery"])
    query = rule["metricsQuery"]
    for placeholder, value in (("Series", series), ("LabelMatchers", 'pod=~"a|b"'), ("GroupBy", "pod")):
        assert f"<<.{placeholder}>>" in query
        query = query.replace(f"<<.{placeholder}>>", value)
    promql_parser.parse(query)
    promql_parser.parse(rule["seriesQuery"])
    latency = ServingMetrics().latency
    latency.add("m", "Predict", "GRPC", value=2_500_000)  # microseconds: 2.5 requests under way in a second
    [line] = [line for line in latency.lines() if line.startswith(f"{series}{{")]
    assert float(line.rpartition(" ")[2]) / 1e6 == 2.5


@pytest.mark.slow  # downloads KServe's SDK, whose dependencies do not go with ours
def test_the_inference_service_is_kserves(tmp_path):
    line = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(tmp_path), "kserve==0.21.0"]
    subprocess.run(line, check=True)
    [wheel] = tmp_path.glob("*.whl")
    types = dict(itertools.chain.from_iterable(map(_openapi_tables, _models(wheel))))
    manifest = yaml.safe_load((SERVING / "kubernetes" / "kserve.yaml").read_text())
    checked = _check("V1beta1InferenceService", manifest, types)
    assert {"spec.predictor.model.modelFormat.name", "spec.predictor.scaleTarget"} <= set(checked)
    manifest["spec"]["predictor"]["model"]["storageURI"] = "x"
    with pytest.raises(AssertionError, match="storageURI"):
        _check("V1beta1InferenceService", manifest, types)


def _models(wheel):
    archive = zipfile.ZipFile(wheel)
    return [archive.read(name).decode() for name in archive.namelist() if name.startswith("kserve/models/v1beta1_")]


def _openapi_tables(source):
    """(class, {JSON key: type}) of each class of a module that the OpenAPI generator wrote; nothing is imported."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            tables = {
                statement.targets[0].id: ast.literal_eval(statement.value)
                for statement in node.body
                if isinstance(statement, ast.Assign) and statement.targets[0].id in ("openapi_types", "attribute_map")
            }
            yield node.name, {key: tables["openapi_types"][name] for name, key in tables["attribute_map"].items()}


def _check(kind, value, types, where=""):
    """Check keys and plain values as far as KServe's own types go; yields what was looked at."""
    seen = []
    for key, item in value.items():
        assert key in types[kind], f"{where}{key}: {kind} has no such field"
        expected = types[kind][key]
        if expected in types:
            seen += _check(expected, item, types, f"{where}{key}.")
        elif expected in ("str", "int", "bool", "float"):
            assert type(item).__name__ == expected, f"{where}{key}: expected {expected}"
        seen.append(f"{where}{key}")
    return seen


@pytest.mark.slow  # two times some seconds of load; locust must not be imported here: it patches the standard library
@pytest.mark.skipif(importlib.util.find_spec("locust") is None, reason="no locust: pip install 'kerasgan[load]'")
@pytest.mark.parametrize("transport", ["gRPC", "REST"])
def test_the_load_test_loads(tmp_path, transport):
    saved_models.generator(tmp_path / "m")
    with ModelServer(Models({"m": {1: tmp_path / "m"}}), ServerOptions(port=0, rest_port=0)) as server:
        host = f"127.0.0.1:{server.port}" if transport == "gRPC" else f"http://127.0.0.1:{server.rest_port}"
        line = [sys.executable, "-m", "locust", "-f", SERVING / "locustfile.py", "--headless", "--users", "4"]
        line += ["--spawn-rate", "4", "--run-time", "3s", "--host", host, "--model", "m", "--classes", "10", "--json"]
        done = subprocess.run(list(map(str, line)), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        [told] = json.loads(done.stdout)
        page = call(server, "GET", monitoring.DEFAULT_METRICS_PATH)[2]
    assert (told["method"], told["name"], told["num_failures"]) == (transport, "1 of m", 0)
    served = int(re.search(r':tensorflow:serving:request_count{model_name="m",status="OK"} (\d+)', page)[1])
    assert 20 < told["num_requests"] <= served <= told["num_requests"] + 4


def _expressions(dashboard):
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m").replace("$model", ".*")


@pytest.fixture(scope="module")
def dashboard():
    return json.loads((SERVING / "grafana" / "dashboard.json").read_text())


def test_the_dashboard_is_grafanas(dashboard):
    understood = json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))
    _is_within(dashboard, understood)  # a key that Grafana's schema does not have would be gone
    with pytest.raises(AssertionError, match="refrehs"):
        _is_within(dashboard | {"refrehs": "1s"}, understood)
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells)) and max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)


def _is_within(part, whole, where="dashboard"):
    if isinstance(part, dict):
        for key, item in part.items():
            assert key in whole, f"{where}.{key} is no field"
            _is_within(item, whole[key], f"{where}.{key}")
    elif isinstance(part, list):
        assert len(part) == len(whole), where
        for index, item in enumerate(part):
            _is_within(item, whole[index], f"{where}[{index}]")
    else:
        assert part == whole, where


def test_every_metric_of_the_dashboard_is_exported(dashboard, tmp_path):
    saved_models.half_plus(tmp_path / "m")
    options = ModelOptions(batching=read_parameters(SERVING / "batching_parameters.txt"))
    models = Models({"m": {7: tmp_path / "m"}}, options=options)
    with ModelServer(models, ServerOptions(port=0, rest_port=0)) as server:
        for rows in (1, 100):  # more than a batch
            assert call(server, "POST", "/v1/models/m:predict", {"instances": [1.0] * rows})[0] == 200
        page = call(server, "GET", monitoring.DEFAULT_METRICS_PATH)[2]
    exported = {}
    for family in parser.text_string_to_metric_families(page):
        for sample in family.samples:  # the parser gives every counter's name the ending `_total`
            name = sample.name.removesuffix("_total") if family.type == "counter" else sample.name
            exported.setdefault(name, set()).update(sample.labels)
    used = {}
    for expression in _expressions(dashboard):
        promql_parser.parse(expression)  # raises where it is no PromQL
        for name, labels in re.findall(r"(:[\w:]+)(?:\{([^}]*)\})?", expression):
            used.setdefault(name, set()).update(re.findall(r"(\w+)[!=]", labels))
    assert len(used) >= 12
    for name, labels in used.items():
        assert name in exported and labels <= exported[name], name
    by = {label for expression in _expressions(dashboard) for label in re.findall(r"by \(([^)]*)\)", expression)}
    grouped = {label.strip() for labels in by for label in labels.split(",")}
    assert grouped <= set.union(*exported.values())
