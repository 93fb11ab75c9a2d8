"""The embedded model server: TensorFlow Serving's gRPC and REST API over folders of SavedModels.

Names are imported on first use, so that the help of `kerasgan serve` need not wait for TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasgan.server.config.batching_parameters import BatchingParameters
    from kerasgan.server.config.options import ModelOptions, ServerOptions, WatchOptions
    from kerasgan.server.models.discovery import find_models
    from kerasgan.server.models.models import Models
    from kerasgan.server.models.watcher import Watcher
    from kerasgan.server.server import ModelServer, serve, serve_config

_NAMES = {
    "BatchingParameters": "config.batching_parameters",
    "ModelOptions": "config.options",
    "ModelServer": "server",
    "Models": "models.models",
    "ServerOptions": "config.options",
    "WatchOptions": "config.options",
    "Watcher": "models.watcher",
    "find_models": "models.discovery",
    "serve": "server",
    "serve_config": "server",
}
__all__ = [
    "BatchingParameters",
    "ModelOptions",
    "ModelServer",
    "Models",
    "ServerOptions",
    "WatchOptions",
    "Watcher",
    "find_models",
    "serve",
    "serve_config",
]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
