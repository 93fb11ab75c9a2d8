"""Points of a distribution that is known exactly: the toy data."""

from typing import ClassVar, Literal

from kerasgan.data import toy
from kerasgan.recipes.sections.base import Section, refused
from kerasgan.utils.messages import quoted

_STEPS_PER_EPOCH = 1000  # of endless data


class PointData(Section):
    """Which distribution the points are drawn from; see `kerasgan.data.toy`."""

    plural: ClassVar[str] = "points"

    toy: Literal["eight_gaussians", "twenty_five_gaussians", "swiss_roll"]

    @property
    def metrics(self):
        """The modes too, where there are some."""
        return "w1,js" if self.toy == "swiss_roll" else "modes,w1,js"

    @property
    def place(self):
        """The distribution's name."""
        return self.toy

    @property
    def is_local(self):
        """No: they need no files."""
        return False

    def open(self):
        """Return a `kerasgan.data.toy.Points`."""
        return getattr(toy, self.toy)()

    def noise(self):
        """Return the points: they need no files."""
        return self.open()

    def instead(self, path):
        """Refuse: points are at no path."""
        raise ValueError(f"data: expected none, as the recipe draws its points; got {quoted(str(path))}")

    def shape(self, source):
        """Return (2,)."""
        return (2,)

    def stream(self, source, batches_per_step, seed, start_step):
        """Return fresh points for each step; see `kerasgan.data.toy.Points.dataset`."""
        return source.dataset(self.batch_size, batches_per_step, seed, start_step)

    def steps_per_epoch(self, source, batches_per_step):
        """Return what is called an epoch here: 1,000 steps."""
        return _STEPS_PER_EPOCH

    def reference(self, shape, network=None, weights=None, split=None, data_dir=None, cache=None, verbose=False):
        """Return a `kerasgan.metrics.evaluation.point_reference.PointReference`; see `Section.reference`."""
        from kerasgan.metrics.evaluation.point_reference import PointReference

        for name, value in (("features", network), ("split", split), ("data_dir", data_dir)):
            refused(name, value, "points are compared with their distribution")
        if tuple(shape) != (2,):
            raise ValueError(f"model: expected points of shape (2,), as {self.toy} has; it makes {tuple(shape)}")
        return PointReference(self.open())
