"""Precision, recall, density and coverage: how far two sets of features lie among each other's neighbours."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kerasgan.metrics.evaluation import moments
from kerasgan.utils import validation

_BLOCK = 1024
_ROUNDING = 1e-12  # of squared distances, relative to the squared lengths they are differences of


class Neighbours(NamedTuple):
    """What `neighbours` finds, each for radii from every point to its k-th nearest neighbour in its own set."""

    precision: float  # share of generated points within the radius of a real one
    recall: float  # share of real points within the radius of a generated one
    density: float  # mean number of real points within whose radius a generated point lies, divided by k
    coverage: float  # share of real points within whose radius a generated one lies


def neighbours(real: npt.ArrayLike, generated: npt.ArrayLike, k: int = 5) -> Neighbours:
    """Compare two sets of features by nearest neighbours.

    Precision and recall are those of Kynkaanniemi et al. 2019, arXiv:1904.06991, equations 1 and 2 (who use VGG's
    features and k = 3); density and coverage those of Naeem et al. 2020, arXiv:2002.09797, equations 2 and 3 (k = 5).
    A point on the very edge is outside, as in the package prdc. Where the two distributions are one, and no features
    are equal, density is 1 on average and coverage 1 - (M - 1)...(M - k) / ((2M - 1)...(2M - k)) for N = M, about
    1 - 2^-k; precision and recall depend on the dimension and the number of samples, so compare with a second real
    sample of the same size.

    Time grows with N M D. Memory does with (N + M) D: distances are made in blocks.

    Args:
        real: numbers [N, D], N above k.
        generated: numbers [M, D], M above k.
        k: which neighbour, at least 1; a point is no neighbour of its own.

    Returns:
        `Neighbours`.

    Raises:
        ValueError: if the features are none, or too few.
    """
    validation.integer("k", k, 1)
    real, generated = moments.pair_of(real, generated, "real", "generated", k + 1)
    centre = (real.mean(axis=0) + generated.mean(axis=0)) / 2.0  # the distances stay, and rounding matters less
    real, generated = real - centre, generated - centre
    real_radii, generated_radii = _radii(real, k), _radii(generated, k)
    inside = np.zeros(len(generated), int)  # real points within whose radius each generated one lies
    recalled, covered = 0, 0
    for first in range(0, len(real), _BLOCK):
        squares, rounding = _squares(real[first : first + _BLOCK], generated)
        squares += rounding  # a point on the very edge, such as a copy of the k-th neighbour, is outside
        within = squares < real_radii[first : first + _BLOCK, None]
        inside += within.sum(axis=0)
        covered += within.any(axis=1).sum()
        recalled += (squares < generated_radii).any(axis=1).sum()
    return Neighbours(
        precision=float((inside > 0).mean()),
        recall=float(recalled / len(real)),
        density=float(inside.mean() / k),
        coverage=float(covered / len(real)),
    )


def _radii(rows, k):
    """Squared distances [N] of points to their k-th nearest neighbours."""
    radii = []
    for first in range(0, len(rows), _BLOCK):
        squares, _ = _squares(rows[first : first + _BLOCK], rows)
        own = np.arange(len(squares))
        squares[own, first + own] = np.inf
        radii.append(np.partition(squares, k - 1, axis=1)[:, k - 1])
    return np.concatenate(radii)


def _squares(a, b):
    """Squared distances [N, M], those of equal points 0, and what rounding may have moved them by."""
    lengths = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)
    squares, rounding = lengths - 2.0 * a @ b.T, _ROUNDING * lengths
    squares[squares <= rounding] = 0.0
    return squares, rounding
