"""What every study leaves behind: a JSON result with its protocol, and pictures."""

import json
import pathlib
import platform
import sys

import keras
import numpy as np
import tensorflow as tf

from kerasgan.utils import atomic_files
from kerasgan.utils.progress import Bar as Bar
from kerasgan.utils.version import __version__
from kerasgan.visualization.figures import save as save_figure  # noqa: F401  for the studies


def write_result(folder, settings, result):
    """Write `result.json` with what a number needs beside it.

    Args:
        folder: the study's output folder; made where missing.
        settings: dict of all arguments of the study, seed included.
        result: dict of what was found; NumPy numbers and arrays are allowed.

    Returns:
        `pathlib.Path` of the file, written whole or not at all.
    """
    content = {
        "command": [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]],
        "settings": settings,
        "versions": {
            "kerasgan": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        },
        "result": result,
    }
    path = pathlib.Path(folder) / "result.json"
    with atomic_files.written_whole(path) as beside:
        beside.write_text(json.dumps(content, indent=2, default=_plain) + "\n")
    return path


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, pathlib.Path):
        return str(value)
    raise TypeError(f"not JSON: {type(value).__name__}")
