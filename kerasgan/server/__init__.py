"""The embedded model server: TensorFlow Serving's gRPC and REST API over folders of SavedModels."""

from kerasgan.server.batching_parameters import BatchingParameters
from kerasgan.server.folders import find_models
from kerasgan.server.models import Models
from kerasgan.server.options import ModelOptions, ServerOptions, WatchOptions
from kerasgan.server.server import ModelServer, serve, serve_config
from kerasgan.server.watcher import Watcher

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
