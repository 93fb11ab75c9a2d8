"""What generated points are compared with."""

import functools
from typing import ClassVar

from kerasgan.data import fingerprints, toy


class PointReference:
    """A distribution of points that is known exactly.

    Args:
        points: `kerasgan.data.toy.Points`.
    """

    class_counts: ClassVar[None] = None
    class_names: ClassVar[None] = None
    count: ClassVar[int] = 0  # of examples: it has none

    def __init__(self, points: toy.Points):
        self.points = points
        self.name = points.name
        self.image_shape = (2,)
        self.of = ("points", "mixtures") if isinstance(points, toy.Mixture) else ("points",)

    @functools.cached_property
    def data(self) -> str:
        """Fingerprint of a thousand of its points."""
        return fingerprints.of_arrays(self.points.sample(1000))

    def kept(self, batch):
        """Return what the measures need of a batch of generated points: all."""
        return batch
