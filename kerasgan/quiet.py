"""Starting TensorFlow without noise."""

import os

from kerasgan import backend


def import_tensorflow():
    """Import TensorFlow without the lines it writes to standard error while it starts, unless a log level is set.

    Raises:
        ImportError: if Keras is set to compute with something else.
    """
    backend.check()
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import tensorflow  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)
