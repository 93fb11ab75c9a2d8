"""The embedded model server: TensorFlow Serving's gRPC and REST API over folders of SavedModels."""

from kerasgan.server.folders import find_models
from kerasgan.server.models import Models
from kerasgan.server.server import ModelServer, serve, serve_config
from kerasgan.server.watcher import Watcher

__all__ = ["ModelServer", "Models", "Watcher", "find_models", "serve", "serve_config"]
