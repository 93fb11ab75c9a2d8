"""Mean and covariance of features that come in batches."""

import dataclasses
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from kerasgan.utils import validation


class Moments:
    """Mean and covariance, in float64, of rows that are seen once and not kept.

    Memory is a matrix [D, D], whatever the number of rows. Each batch is centred on its own mean before it is squared
    (Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance"), so that features far from 0 lose no
    digits; their order and the sizes of the batches change the result by rounding alone.

    Args:
        dim: D, numbers in a row.

    Attributes:
        dim: D.
        count: rows seen.

    Raises:
        ValueError: if `dim` is not an integer of at least 1.
    """

    def __init__(self, dim: int):
        self.dim = validation.integer("dim", dim, 1)
        self.count = 0
        self._mean = np.zeros(self.dim)
        self._scatter = np.zeros((self.dim, self.dim))

    @classmethod
    def of(cls, features: npt.ArrayLike, name: str = "features") -> Self:
        """Return the moments of an array [N, D]; `name` is what errors call it."""
        rows = rows_of(features, name)
        return cls(rows.shape[1]).update(rows, name)

    @classmethod
    def restored(cls, count: int, mean: npt.ArrayLike, scatter: npt.ArrayLike) -> Self:
        """Return the moments with these numbers, as `count`, `mean` and `scatter` gave them.

        Raises:
            ValueError: if the shapes do not fit, or a number is not finite.
        """
        mean, scatter = np.array(mean, "float64"), np.array(scatter, "float64")
        if mean.ndim != 1 or scatter.shape != (len(mean), len(mean)):
            raise ValueError(f"scatter: expected [D, D] for a mean [D]; got {scatter.shape} and {mean.shape}")
        if not (np.isfinite(mean).all() and np.isfinite(scatter).all()):
            raise ValueError("mean, scatter: expected finite numbers; got NaN or infinity")
        moments = cls(len(mean))
        moments.count = validation.integer("count", count, 0)
        moments._mean, moments._scatter = mean, scatter
        return moments

    @property
    def mean(self) -> np.ndarray:
        """The mean, float64 [D]."""
        return self._mean.copy()

    @property
    def scatter(self) -> np.ndarray:
        """The sum of (x - mean)(x - mean)^T over the rows, float64 [D, D]."""
        return self._scatter.copy()

    @property
    def covariance(self) -> np.ndarray:
        """The covariance, divided by N - 1, float64 [D, D]; `ValueError` with fewer than two rows."""
        if self.count < 2:
            raise ValueError(f"moments: expected at least 2 rows for a covariance; got {self.count}")
        return self._scatter / (self.count - 1)

    def update(self, features: npt.ArrayLike, name: str = "features") -> Self:
        """Take in a batch of rows.

        Args:
            features: numbers [N, D], of any dtype.
            name: what errors call them.

        Returns:
            These moments.

        Raises:
            ValueError: if the shape is another, or a number is not finite; the moments are then as they were.
        """
        rows = rows_of(features, name)
        if rows.shape[1] != self.dim:
            raise ValueError(f"{name}: expected {self.dim} numbers a row; got {rows.shape[1]}")
        if not len(rows):
            return self
        mean = rows.mean(axis=0)
        shift = mean - self._mean
        total = self.count + len(rows)
        # the distance between the means is one more row of the sum of squares
        between = np.sqrt(self.count * len(rows) / total) * shift
        centred = np.concatenate([rows - mean, between[None]])
        self._scatter += centred.T @ centred
        self._mean += shift * (len(rows) / total)
        self.count = total
        return self


@dataclasses.dataclass(frozen=True)
class GivenMoments:
    """Mean and covariance of features that another program has seen; how many there were is not known.

    Args:
        mean: float64 [D].
        covariance: float64 [D, D], divided by N - 1.
    """

    count: ClassVar[None] = None

    mean: np.ndarray
    covariance: np.ndarray

    @property
    def dim(self) -> int:
        """D, numbers in a feature vector."""
        return len(self.mean)


def rows_of(features: npt.ArrayLike, name: str = "features") -> np.ndarray:
    """Return features as float64 [N, D].

    Raises:
        ValueError: if they are not numbers of that shape, or not finite.
    """
    rows = np.asarray(features)
    if rows.ndim != 2 or not rows.shape[1] or rows.dtype.kind not in "fiub":
        raise ValueError(f"{name}: expected numbers [N, D]; got {rows.dtype} of shape {rows.shape}")
    rows = rows.astype("float64")
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{name}: expected finite numbers; got NaN or infinity in {bad.sum()} of {len(rows)} rows, first in row "
            f"{bad.argmax()}"
        )
    return rows


def pair_of(a: npt.ArrayLike, b: npt.ArrayLike, name_a: str, name_b: str, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two sets of features as float64 [N, D] and [M, D], each of at least `least` rows.

    Raises:
        ValueError: if one is no set of features, has fewer rows, or D differs.
    """
    a, b = rows_of(a, name_a), rows_of(b, name_b)
    for name, rows in ((name_a, a), (name_b, b)):
        if len(rows) < least:
            raise ValueError(f"{name}: expected at least {least} rows; got {len(rows)}")
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"{name_b}: expected {a.shape[1]} numbers a row, as {name_a} has; got {b.shape[1]}")
    return a, b
