"""Images from a served generator, over gRPC or REST, without TensorFlow."""

from .client import DEFAULT_GRPC_PORT, DEFAULT_REST_PORT, Client, connect
from .served_classes import Classes

__all__ = ["DEFAULT_GRPC_PORT", "DEFAULT_REST_PORT", "Classes", "Client", "connect"]
