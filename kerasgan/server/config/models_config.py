"""`models.config`: which models to serve, as TensorFlow Serving's `ModelServerConfig`."""

import re

from tensorflow_serving.config import model_server_config_pb2

from kerasgan.server.errors import cut, invalid_argument
from kerasgan.server.models.discovery import find_versions

PLATFORM = "tensorflow"


def check_config(config, current=None):
    """Raise what TensorFlow Serving raises for a config that cannot be taken.

    Args:
        config: `ModelServerConfig`.
        current: the one now in force, or None.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise invalid_argument(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        )
    names = set()
    for model in config.model_config_list.config:
        if model.name in names:
            raise invalid_argument(f"Illegal to list model {cut(model.name)} multiple times in config list")
        if not model.name:
            raise invalid_argument(f"Expected every model to have a name; the one at {cut(model.base_path)!r} has none")
        names.add(model.name)
    for model in config.model_config_list.config:
        if not (model.base_path.startswith("/") or re.match(r"[A-Za-z][\w+.-]*://", model.base_path)):
            raise invalid_argument(
                f"Expected model {cut(model.name)} to have an absolute path or URI; "
                f"got base_path()={cut(model.base_path)}"
            )
    old = {model.name: _platform(model) for model in current.model_config_list.config} if current else {}
    for model in config.model_config_list.config:
        platform = _platform(model)
        if platform != old.get(model.name, platform):
            raise invalid_argument(
                f"Illegal to change a model's platform. For model {cut(model.name)} platform was {old[model.name]} "
                f"and new platform requested is {cut(platform)}"
            )
        if platform != PLATFORM:
            raise invalid_argument(f"Model {cut(model.name)} requests unsupported platform {cut(platform)}")


def _platform(model):
    if model.model_type:
        if model.model_platform:
            raise invalid_argument(
                "Illegal setting both ModelServerConfig::model_type (deprecated) and ModelServerConfig::model_platform."
            )
        if model.model_type != model_server_config_pb2.TENSORFLOW:
            raise invalid_argument(f"ModelServerConfig::model_type choice {model.model_type} not supported.")
        return PLATFORM
    if not model.model_platform:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform."
        )
    return model.model_platform


def models_config(base_paths):
    """The config of some models, of each the latest version: `base_paths` is `{name: absolute base path}`."""
    config = model_server_config_pb2.ModelServerConfig()
    for name, base_path in base_paths.items():
        config.model_config_list.config.add(name=name, base_path=str(base_path), model_platform=PLATFORM)
    return config


def configured_versions(config):
    """What a checked config wants now: `{model name: {version number: folder}}`, as `Models.update` takes it.

    A model whose base path cannot be read is None: it stays as it is.
    """
    return {model.name: _versions_or_none(model) for model in config.model_config_list.config}


def _versions_or_none(model):
    try:
        return find_versions(model.base_path, model.model_version_policy)
    except OSError:
        return None


def without_versions(config, versions):
    """A text for each model of a config for which `configured_versions` has found none."""
    for model in config.model_config_list.config:
        if versions[model.name] is None:
            yield f"model {model.name} waits: its base path {model.base_path} cannot be read"
        elif not versions[model.name]:
            yield f"model {model.name} waits: {model.base_path} has none of the versions that are to be served"


def configured_labels(config):
    """The labels of a config: `{model name: {label: version number}}`."""
    return {model.name: dict(model.version_labels) for model in config.model_config_list.config}
