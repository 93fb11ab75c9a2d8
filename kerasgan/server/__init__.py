"""The embedded model server: TensorFlow Serving's gRPC and REST API over a folder of SavedModels."""

from kerasgan.server.models import Models, find_models
from kerasgan.server.server import ModelServer, serve

__all__ = ["ModelServer", "Models", "find_models", "serve"]
