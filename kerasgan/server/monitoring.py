"""`monitoring.config`: whether and where metrics are shown, as TensorFlow Serving's `MonitoringConfig`."""

import pathlib

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

DEFAULT_METRICS_PATH = "/monitoring/prometheus/metrics"


def _message_class():
    # tensorflow-serving-api has no monitoring_config_pb2; names and numbers as in config/monitoring_config.proto
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="kerasgan/monitoring_config.proto", package="tensorflow.serving", syntax="proto3"
    )
    prometheus = file.message_type.add(name="PrometheusConfig")
    prometheus.field.add(name="enable", number=1, type=field.TYPE_BOOL, label=field.LABEL_OPTIONAL)
    prometheus.field.add(name="path", number=2, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    file.message_type.add(name="MonitoringConfig").field.add(
        name="prometheus_config",
        number=1,
        type=field.TYPE_MESSAGE,
        type_name=".tensorflow.serving.PrometheusConfig",
        label=field.LABEL_OPTIONAL,
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.serving.MonitoringConfig"))


_MonitoringConfig = _message_class()


def read_metrics_path(path):
    """Read a `MonitoringConfig` in text form.

    Args:
        path: the file, such as `prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }`.

    Returns:
        The path of the page of metrics; None if they are not enabled.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not such a text, or its path does not begin with "/"; it names the file.
    """
    try:
        prometheus = text_format.Parse(pathlib.Path(path).read_text(), _MonitoringConfig()).prometheus_config
    except text_format.ParseError as error:
        raise ValueError(f"{path} is not a MonitoringConfig in text form: {error}") from error
    if not prometheus.enable:
        return None
    found = prometheus.path or DEFAULT_METRICS_PATH
    if not found.startswith("/"):
        raise ValueError(f"{path}: expected prometheus_config.path to begin with '/'; got {found!r}")
    return found
