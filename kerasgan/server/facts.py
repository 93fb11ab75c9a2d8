"""What kerasgan's exports tell of themselves beside the SavedModel: their classes."""

import json
from typing import NamedTuple

from kerasgan import classes

_MOST_BYTES = 2**22


class Facts(NamedTuple):
    """The file `assets.extra/kerasgan.json` of an export.

    Attributes:
        num_classes: number of classes; None of an unconditional model, and of another program's SavedModel.
        class_names: their names, a tuple of strings in the order of the labels, or None where they are not known.
    """

    num_classes: int | None = None
    class_names: tuple[str, ...] | None = None


def read_facts(folder):
    """The `Facts` of the SavedModel in a folder; what cannot be right is passed over."""
    try:
        with open(folder / "assets.extra" / "kerasgan.json", "rb") as file:
            found = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return Facts()
    count = found.get("num_classes") if isinstance(found, dict) else None
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        return Facts()
    return Facts(count, classes.known(found.get("class_names"), count))
