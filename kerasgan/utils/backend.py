"""Whether Keras computes with TensorFlow, which kerasgan needs."""

import os
import sys

from kerasgan.utils import messages


def check():
    """Raise `ImportError` if Keras computes, or is set to compute, with something else than TensorFlow."""
    keras = sys.modules.get("keras")
    name = os.environ.get("KERAS_BACKEND") or "tensorflow" if keras is None else keras.config.backend()
    if name != "tensorflow":
        raise ImportError(
            f"kerasgan needs Keras with TensorFlow, and KERAS_BACKEND (or ~/.keras/keras.json) says "
            f"{messages.quoted(name)}: unset it, or set KERAS_BACKEND=tensorflow, before Keras is imported"
        )
