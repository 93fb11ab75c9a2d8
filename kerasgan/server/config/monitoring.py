"""`monitoring.config`: whether and where metrics are shown, as TensorFlow Serving's `MonitoringConfig`."""

from kerasgan.server.config import textproto
from kerasgan.server.config.options import DEFAULT_METRICS_PATH


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
    prometheus = textproto.read(path, textproto.MonitoringConfig).prometheus_config
    if not prometheus.enable:
        return None
    metrics_path = prometheus.path or DEFAULT_METRICS_PATH
    if not metrics_path.startswith("/"):
        raise ValueError(f"{path}: expected prometheus_config.path to begin with '/'; got {metrics_path!r}")
    return metrics_path
