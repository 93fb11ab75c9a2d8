"""What Keras computes with. kerasgan trains and exports with TensorFlow, and samples with whatever it is."""

import os
import sys
from typing import Any

from kerasgan.utils import messages


def is_tensorflow() -> bool:
    """Whether Keras computes with TensorFlow; where it is not imported yet, whether it is set to."""
    return _name() == "tensorflow"


def check(what: str = "kerasgan") -> None:
    """Raise `ImportError`, which names `what`, if Keras computes, or is set to compute, without TensorFlow."""
    if not is_tensorflow():
        raise ImportError(
            f"{what} needs Keras with TensorFlow, and KERAS_BACKEND (or ~/.keras/keras.json) says "
            f"{messages.quoted(_name())}: unset it, or set KERAS_BACKEND=tensorflow, before Keras is imported. "
            "kerasgan.from_preset(name) samples with any backend"
        )


def without_replicas(config: Any) -> Any:
    """A serialized Keras object whose batch norms are not synchronized between replicas: other backends refuse it."""
    if isinstance(config, dict):
        kept = {name: without_replicas(value) for name, value in config.items()}
        return kept | {"synchronized": False} if "synchronized" in kept else kept
    return [without_replicas(value) for value in config] if isinstance(config, list) else config


def _name():
    keras = sys.modules.get("keras")
    return os.environ.get("KERAS_BACKEND") or "tensorflow" if keras is None else keras.config.backend()
