"""Points in the plane whose distribution is known exactly: 8 and 25 Gaussians, and the Swiss roll.

The data of Gulrajani et al. 2017, arXiv:1704.00028, figure 1, with the constants of the authors' code. Each is a
mixture of round normal distributions of one standard deviation: of a few at known centres, or, for the Swiss roll, of
one for each place on a spiral.
"""

import abc
import dataclasses
import math

import numpy as np
import tensorflow as tf

from kerasgan.utils import keyed_random, validation

_ROWS_AT_ONCE = 1024  # points by components of one density's array


class Points(abc.ABC):
    """Base of the toy data: what can be asked of each.

    A subclass has `name` and `std`, and defines `uniforms`, `_points` and `_components`. Random numbers are keyed, as
    in training: the same seed gives the same points on any machine.
    """

    uniforms = 3  # uniform numbers for one point
    count = None  # of a source of examples: they are drawn as needed, and have no labels
    class_names = None
    fingerprint = None  # of data: the recipe tells all

    def sample(self, n, seed=0):
        """Draw points.

        Args:
            n: number of points.
            seed: integer; different seeds give independent points.

        Returns:
            float32 NumPy array [n, 2].

        Raises:
            ValueError: if `n` is not a positive integer, or the seed is none of 64 bits.
        """
        shape = [validation.integer("n", n, 1), self.uniforms]
        validation.integer_within("seed", seed, np.int64)
        return self._points(keyed_random.uniform(shape, seed, 0, ("toy", self.name, "sample"))).numpy()

    def dataset(self, batch_size=256, batches_per_step=1, seed=0, start_step=0):
        """Return endless fresh points for `GAN.fit`; element k depends on (seed, k) alone.

        Args:
            batch_size: points in a minibatch.
            batches_per_step: minibatches in a training step, `batches_per_step` of the GAN.
            seed: integer.
            start_step: begin where a dataset that was read this many steps would go on.

        Returns:
            A `tf.data.Dataset` of float32 [batch_size * batches_per_step, 2], of infinite cardinality.

        Raises:
            ValueError: naming the argument that is wrong.
        """
        rows = validation.integer("batch_size", batch_size, 1)
        rows *= validation.integer("batches_per_step", batches_per_step, 1)
        validation.integer_within("seed", seed, np.int64)
        purpose = ("toy", self.name, "training")
        steps = tf.data.Dataset.range(validation.integer("start_step", start_step, 0), tf.int64.max)
        points = steps.map(lambda step: self._points(keyed_random.uniform([rows, self.uniforms], seed, step, purpose)))
        points = points.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
        return points.prefetch(tf.data.AUTOTUNE)

    def density(self, points):
        """Return the probability density at points.

        Args:
            points: array [N, 2].

        Returns:
            float64 NumPy array [N].

        Raises:
            ValueError: if `points` is not [N, 2].
        """
        points = np.asarray(points, "float64")
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"points: expected [N, 2]; got {points.shape}")
        centres, weights = self._components()
        densities = []
        for part in np.array_split(points, 1 + len(points) // _ROWS_AT_ONCE):
            squares = ((part[:, None] - centres) ** 2).sum(axis=-1)
            densities.append(np.exp(-squares / (2.0 * self.std**2)) @ weights)
        return np.concatenate(densities) / (2.0 * math.pi * self.std**2)

    def cell_masses(self, edges):
        """Return the probability of each cell of a square grid, from the normal distribution function.

        Args:
            edges: increasing numbers [M + 1], the grid's lines in both directions; the first and the last may be
                infinite, and the masses then sum to 1.

        Returns:
            float64 NumPy array [M, M]; cell [i, j] has edges[i] < x < edges[i + 1] and edges[j] < y < edges[j + 1].

        Raises:
            ValueError: if `edges` do not increase.
        """
        from scipy import special

        edges = np.asarray(edges, "float64")
        if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
            raise ValueError(f"edges: expected at least two increasing numbers; got shape {edges.shape}, {edges}")
        centres, weights = self._components()
        # [2, M, K]: the mass of each component between two lines
        between = np.diff(special.ndtr((edges[:, None] - centres.T[:, None]) / self.std), axis=1)
        return (between[0] * weights) @ between[1].T

    @abc.abstractmethod
    def _points(self, uniforms):
        """Map uniform numbers, a float64 tensor [N, uniforms], to points, a float32 tensor [N, 2]."""

    @abc.abstractmethod
    def _components(self):
        """Return centres [K, 2] and weights [K], arrays of float64, of the normal distributions of which this is."""


@dataclasses.dataclass(frozen=True, eq=False)
class Mixture(Points):
    """Equally likely round normal distributions.

    Args:
        name: what it is called.
        centres: float64 array [K, 2].
        std: standard deviation of each, in each direction.
    """

    name: str
    centres: np.ndarray
    std: float

    def _points(self, uniforms):
        component = tf.cast(uniforms[:, 0] * len(self.centres), tf.int32)
        return tf.cast(tf.gather(self.centres, component) + self.std * _normal(uniforms[:, 1:]), tf.float32)

    def _components(self):
        return self.centres, np.full(len(self.centres), 1.0 / len(self.centres))


@dataclasses.dataclass(frozen=True, eq=False)
class SwissRoll(Points):
    """(t cos t, t sin t) plus normal noise, t uniform between 1.5 pi and 4.5 pi, all divided by `scale`.

    Args:
        name: what it is called.
        noise: standard deviation of the noise before the division.
        scale: what points are divided by.
    """

    name: str
    noise: float
    scale: float

    @property
    def std(self):
        """Standard deviation of the noise after the division."""
        return self.noise / self.scale

    def spiral(self, fractions):
        """Return the points [N, 2], float64, at fractions [N] in [0, 1] of the way along t, without noise."""
        t = 1.5 * math.pi * (1.0 + 2.0 * np.asarray(fractions, "float64"))
        return np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / self.scale

    def _points(self, uniforms):
        t = 1.5 * math.pi * (1.0 + 2.0 * uniforms[:, :1])
        spiral = tf.concat([t * tf.cos(t), t * tf.sin(t)], axis=1)
        return tf.cast((spiral + self.noise * _normal(uniforms[:, 1:])) / self.scale, tf.float32)

    def _components(self):
        # An integral over t as a sum: 100 pieces of at most 5.3 standard deviations, Gauss and Legendre's rule in each.
        nodes, weights = np.polynomial.legendre.leggauss(12)
        fractions = (np.arange(100)[:, None] + (nodes + 1.0) / 2.0) / 100
        return self.spiral(fractions.ravel()), np.tile(weights / 200.0, 100)


def eight_gaussians() -> Mixture:
    """8 Gaussians on a circle: radius 2 and standard deviation 0.02, divided by 1.414; a `Mixture`."""
    angles = np.arange(8) * (math.pi / 4.0)
    centres = 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1) / 1.414
    return Mixture("eight_gaussians", centres, 0.02 / 1.414)


def twenty_five_gaussians() -> Mixture:
    """25 Gaussians on a grid: -4, -2, ..., 4 and standard deviation 0.05, divided by 2.828; a `Mixture`."""
    places = np.arange(-4.0, 5.0, 2.0)
    centres = np.stack(np.meshgrid(places, places, indexing="ij"), axis=-1).reshape(-1, 2) / 2.828
    return Mixture("twenty_five_gaussians", centres, 0.05 / 2.828)


def swiss_roll() -> SwissRoll:
    """scikit-learn's Swiss roll without its middle coordinate: noise 0.25, divided by 7.5; a `SwissRoll`."""
    return SwissRoll("swiss_roll", 0.25, 7.5)


def _normal(uniforms):
    """Map uniform numbers between 0 and 1, a float64 tensor, to standard normal ones."""
    return math.sqrt(2.0) * tf.math.erfinv(2.0 * uniforms - 1.0)
