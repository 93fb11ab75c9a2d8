"""The kinds of data that a recipe trains on, one file a kind: its `data` section, and all that depends on the kind."""

from typing import Annotated

import pydantic

from kerasgan.recipes.sections.base import Section
from kerasgan.recipes.sections.images import ImageData
from kerasgan.recipes.sections.points import PointData
from kerasgan.recipes.sections.text import LineData
from kerasgan.utils import outside

__all__ = ["BY_NAME", "AnySection", "ImageData", "LineData", "PointData", "Section", "plain"]

BY_NAME = {"images": ImageData, "lines": LineData, "points": PointData}
_KEYS = {"text": "lines", "toy": "points"}  # that a section of another kind than images has
_USERS = "a user's"


def _name(section):
    """Which kind a section is of; what is no section at all is taken for one of images, and refused as such."""
    given = section if isinstance(section, dict) else getattr(section, "__dict__", {})
    if len(given) == 1 and "." in str(next(iter(given))):
        return _USERS
    return next((name for key, name in _KEYS.items() if key in given), "images")


def _of_a_user(given):
    """The section that `{MODULE.NAME: {argument: value}}` names, a subclass of `Section` in a user's module."""
    [(name, arguments)] = given.items()
    try:
        kind = outside.find(name)
    except LookupError:
        there = ", ".join(outside.known()) or "none"
        raise ValueError(f"unknown kind of data {name}, of modules given with --import ({there})") from None
    if not (isinstance(kind, type) and issubclass(kind, Section)):
        raise ValueError(f"{name}: expected a subclass of kerasgan.recipes.sections.Section")
    try:
        section = kind.model_validate(arguments)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join([name, *map(str, first['loc'])])}: {first['msg']}") from None
    section._named = name
    return section


def plain(section):
    """Return a section as a recipe has it, a dict."""
    values = {key: value for key, value in section.model_dump().items() if value is not None}
    return values if section._named is None else {section._named: values}


# a section of any kind, in a pydantic model
AnySection = Annotated[
    Annotated[ImageData, pydantic.Tag("images")]
    | Annotated[LineData, pydantic.Tag("lines")]
    | Annotated[PointData, pydantic.Tag("points")]
    | Annotated[pydantic.InstanceOf[Section], pydantic.BeforeValidator(_of_a_user), pydantic.Tag(_USERS)],
    pydantic.Discriminator(_name),
]
