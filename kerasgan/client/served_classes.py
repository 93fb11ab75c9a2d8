"""What a server tells of a model's classes."""

from typing import Any, NamedTuple

from ..utils import classes


class Classes(NamedTuple):
    """What a server tells of a model's classes; TensorFlow Serving tells nothing of them.

    Attributes:
        version: the version of the model that has them, or `None` where nothing is told.
        count: how many there are; `None` where there are none, or nothing is told.
        names: their names, a tuple of strings in the order of the labels, or `None` where they are not known.
    """

    version: int | None = None
    count: int | None = None  # type: ignore[assignment]  # it takes the place of tuple.count
    names: tuple[str, ...] | None = None


def told(version: int | None, facts: dict[str, Any]) -> Classes:
    """The `Classes` of a version; what cannot be right is passed over."""
    count = facts.get("num_classes")
    if not (isinstance(count, int) or (isinstance(count, float) and count.is_integer())) or count < 1:
        return Classes(version)
    return Classes(version, int(count), classes.known(facts.get("class_names"), int(count)))
