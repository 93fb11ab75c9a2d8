"""What kerasgan's exports tell of themselves, in `assets.extra/kerasgan.json`."""

import json

_MAX_BYTES = 2**16


def read(folder):
    """The facts of the SavedModel in `folder` (a `pathlib.Path`), a dict; {} for other SavedModels."""
    try:
        with open(folder / "assets.extra" / "kerasgan.json", "rb") as file:
            facts = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
