"""What kerasgan's exports tell of themselves beside the SavedModel, in `assets.extra/kerasgan.json`."""

import json
from typing import NamedTuple

from kerasgan.utils import classes

_MOST_BYTES = 2**22


class Facts(NamedTuple):
    """What an export tells; the defaults are those of another program's SavedModel.

    Attributes:
        num_classes: number of classes; None of an unconditional model.
        class_names: their names, a tuple of strings in the order of the labels, or None where they are not known.
        independent_rows: whether a row of the output depends on that row of the input alone.
    """

    num_classes: int | None = None
    class_names: tuple[str, ...] | None = None
    independent_rows: bool = False


def read_facts(folder):
    """The `Facts` of the SavedModel in a folder; what cannot be right is passed over."""
    try:
        with open(folder / "assets.extra" / "kerasgan.json", "rb") as file:
            facts = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return Facts()
    if not isinstance(facts, dict):
        return Facts()
    independent = facts.get("independent_rows") is True
    count = facts.get("num_classes")
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        return Facts(independent_rows=independent)
    return Facts(count, classes.known(facts.get("class_names"), count), independent)
