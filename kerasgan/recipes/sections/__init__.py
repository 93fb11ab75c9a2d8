"""The kinds of data that a recipe trains on, one file a kind: its `data` section, and all that depends on the kind."""

from typing import Annotated

import pydantic

from kerasgan.recipes.sections.base import Section
from kerasgan.recipes.sections.images import ImageData
from kerasgan.recipes.sections.points import PointData
from kerasgan.recipes.sections.text import LineData

__all__ = ["BY_NAME", "AnySection", "ImageData", "LineData", "PointData", "Section"]

BY_NAME = {"images": ImageData, "lines": LineData, "points": PointData}
_KEYS = {"text": "lines", "toy": "points"}  # that a section of another kind than images has


def _name(section):
    """Which kind a section is of; what is no section at all is taken for one of images, and refused as such."""
    given = section if isinstance(section, dict) else getattr(section, "__dict__", {})
    return next((name for key, name in _KEYS.items() if key in given), "images")


# a section of any kind, in a pydantic model
AnySection = Annotated[
    Annotated[ImageData, pydantic.Tag("images")]
    | Annotated[LineData, pydantic.Tag("lines")]
    | Annotated[PointData, pydantic.Tag("points")],
    pydantic.Discriminator(_name),
]
