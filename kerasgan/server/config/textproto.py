"""TensorFlow Serving's configuration files: protos in text form."""

import pathlib

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from kerasgan.client import wire
from kerasgan.server.errors import cut

# These are not in tensorflow-serving-api. Names and numbers as in `config/monitoring_config.proto`,
# `config/ssl_config.proto` and `servables/tensorflow/session_bundle_config.proto`.
_MESSAGES = {
    "PrometheusConfig": {"enable": (1, "bool"), "path": (2, "string")},
    "MonitoringConfig": {"prometheus_config": (1, "PrometheusConfig")},
    "SSLConfig": {
        "server_key": (1, "string"),
        "server_cert": (2, "string"),
        "custom_ca": (3, "string"),
        "client_verify": (4, "bool"),
    },
    "Int64Value": {"value": (1, "int64")},
    "BoolValue": {"value": (1, "bool")},
    "StringValue": {"value": (1, "string")},
    "BatchingParameters": {
        "max_batch_size": (1, "Int64Value"),
        "batch_timeout_micros": (2, "Int64Value"),
        "max_enqueued_batches": (3, "Int64Value"),
        "num_batch_threads": (4, "Int64Value"),
        "thread_pool_name": (5, "StringValue"),
        "allowed_batch_sizes": (6, "[int64]"),
        "pad_variable_length_inputs": (7, "bool"),
        "enable_large_batch_splitting": (8, "BoolValue"),
        "max_execution_batch_size": (9, "Int64Value"),
    },
}
_classes = wire.message_classes(_MESSAGES, "kerasgan.server.config.models_config")
MonitoringConfig = _classes["MonitoringConfig"]
SSLConfig = _classes["SSLConfig"]
BatchingParameters = _classes["BatchingParameters"]
ModelServerConfig = model_server_config_pb2.ModelServerConfig


def parse(path, text, kind):
    """Parse a proto in text form.

    Args:
        path: the file it was read from, for errors.
        text: its content.
        kind: class of the message, one of this module's.

    Raises:
        ValueError: if it is not such a text; it names the file, the line and what is wrong.
    """
    try:
        return text_format.Parse(text, kind())
    except text_format.ParseError as error:
        raise ValueError(f"{path} is not a {kind.DESCRIPTOR.name} in text form: {cut(str(error))}") from error


def read_text(path):
    """The text of a file.

    Raises:
        OSError: if it cannot be read; it names the file.
        ValueError: if it is not UTF-8; it names the file.
    """
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise type(error)(f"cannot read the configuration file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text: it is not UTF-8") from error


def read(path, kind):
    """Read and parse a file, as `parse`.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not such a text.
    """
    return parse(path, read_text(path), kind)
