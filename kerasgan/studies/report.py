"""What every study leaves behind: a JSON result with its protocol, and pictures."""

import json
import pathlib

import numpy as np

from kerasgan.metrics.evaluation import result as result_module
from kerasgan.utils import atomic_files
from kerasgan.utils.progress import Bar as Bar
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
        "command": result_module.command(),
        "settings": settings,
        "versions": result_module.versions(),
        "result": result,
    }
    path = pathlib.Path(folder) / "result.json"
    with atomic_files.written_whole(path) as beside:
        beside.write_text(json.dumps(content, indent=2, default=_plain) + "\n")
    return path


def earlier(folder, settings):
    """Return what a study of the same settings left in a folder, the `result` of its file; or `None`.

    Raises:
        ValueError: if the folder holds a result of other settings, which this study would replace.
    """
    path = pathlib.Path(folder) / "result.json"
    if not path.is_file():
        return None
    known = json.loads(path.read_text())
    if known.get("settings") != json.loads(json.dumps(settings, default=_plain)):
        raise ValueError(
            f"out: {folder} holds a result of other settings, {known.get('settings')}; give another folder"
        )
    return known["result"]


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, pathlib.Path):
        return str(value)
    raise TypeError(f"not JSON: {type(value).__name__}")
