"""What Keras computes with. kerasgan trains and exports with TensorFlow, and samples with whatever it is."""

import os
import sys

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


def _name():
    keras = sys.modules.get("keras")
    return os.environ.get("KERAS_BACKEND") or "tensorflow" if keras is None else keras.config.backend()
