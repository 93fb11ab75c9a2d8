"""The embedded model server: TensorFlow Serving's gRPC and REST API over folders of SavedModels."""

from kerasgan.server.config.batching_parameters import BatchingParameters
from kerasgan.server.config.options import ModelOptions, ServerOptions, WatchOptions
from kerasgan.server.models.discovery import find_models
from kerasgan.server.models.models import Models
from kerasgan.server.models.watcher import Watcher
from kerasgan.server.server import ModelServer, serve, serve_config

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
