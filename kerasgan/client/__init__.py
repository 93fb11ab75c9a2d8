"""Images from a served generator, over gRPC or REST, without TensorFlow.

Names are imported on first use, so that the help of `kerasgan` need not wait for NumPy.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import DEFAULT_GRPC_PORT, DEFAULT_REST_PORT, Client, connect
    from .served_classes import Classes

__all__ = ["DEFAULT_GRPC_PORT", "DEFAULT_REST_PORT", "Classes", "Client", "connect"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(".client", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
