"""Distances between distributions where they can be computed exactly: Kullback-Leibler, Jensen-Shannon, Wasserstein.

A divergence of samples is itself random, and that of two samples of the same distribution is not 0: quote beside it the
same quantity for a second sample of the real data, its floor.
"""

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from kerasgan.data import toy
from kerasgan.metrics import frechet
from kerasgan.utils.messages import quoted

Unit = Literal["nats", "bits"]

_UNITS = {"nats": 1.0, "bits": math.log(2.0)}


def kl(p: npt.ArrayLike, q: npt.ArrayLike, unit: Unit = "nats") -> float:
    """Kullback-Leibler divergence KL(p || q) = sum p log(p / q) of two discrete distributions.

    Args:
        p: probabilities or counts, an array of any shape; divided by their sum.
        q: the same for the second distribution, of the same shape.
        unit: "nats" or "bits".

    Returns:
        A float; infinite where q is 0 and p is not.

    Raises:
        ValueError: if the shapes differ, a number is negative or not finite, or all are 0.
    """
    p, q = _distributions(p, q)
    return _kl(p, q) / _log_unit(unit)


def js(p: npt.ArrayLike, q: npt.ArrayLike, unit: Unit = "nats") -> float:
    """Jensen-Shannon divergence of two discrete distributions, (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2.

    Args:
        p: probabilities or counts, an array of any shape; divided by their sum.
        q: the same for the second distribution, of the same shape.
        unit: "nats" or "bits".

    Returns:
        A float from 0 to log 2 (1 bit). SciPy's `jensenshannon` is its square root.

    Raises:
        ValueError: if the shapes differ, a number is negative or not finite, or all are 0.
    """
    p, q = _distributions(p, q)
    middle = (p + q) / 2.0
    return (_kl(p, middle) + _kl(q, middle)) / 2.0 / _log_unit(unit)


def js_to_density(points: npt.ArrayLike, data: toy.Points, edges: npt.ArrayLike, unit: Unit = "nats") -> float:
    """Jensen-Shannon divergence between a sample on a grid and the exact probabilities of the grid's cells.

    What lies outside the grid is one more cell. The result is biased in two ways: structure within a cell is not seen,
    which lowers it, and a finite sample of the right distribution is above 0, about (occupied cells - 1) / (8 n) nats
    where all have many points. Compare with the value of a real sample of the same size.

    Args:
        points: array [N, 2].
        data: toy data with `cell_masses`, of `kerasgan.data.toy`.
        edges: increasing numbers [M + 1], the grid's lines in both directions.
        unit: "nats" or "bits".

    Returns:
        A float from 0 to log 2 (1 bit).

    Raises:
        ValueError: if `points` is not [N, 2] and finite, or `edges` do not increase.
    """
    points = _points("points", points)
    masses = data.cell_masses(edges).ravel()
    counts = np.histogram2d(*points.T, bins=(edges, edges))[0].ravel()
    outside = max(0.0, 1.0 - masses.sum())  # rounding may take it below 0
    return js(np.append(counts, len(points) - counts.sum()), np.append(masses, outside), unit)


def w1(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Wasserstein-1 distance between two samples of the same size, exactly: the cheapest one-to-one assignment.

    As an estimate of the distance between the distributions it is too high, by what falls as n^(-1/2) in one dimension,
    about so in two and n^(-1/d) in d > 2. The time grows with the cube of n: seconds for 2,500 points.

    Args:
        a: array [N, D].
        b: array [N, D].

    Returns:
        A float, the mean Euclidean distance of assigned points.

    Raises:
        ValueError: if the arrays are not of the same shape [N, D], or not finite.
    """
    from scipy import optimize
    from scipy.spatial import distance

    a, b = _points("a", a), _points("b", b)
    if a.shape != b.shape:
        raise ValueError(f"b: expected the shape of a, {a.shape}; got {b.shape}")
    costs = distance.cdist(a, b)
    return float(costs[optimize.linear_sum_assignment(costs)].mean())


def w1_line(
    a: npt.ArrayLike, b: npt.ArrayLike, a_weights: npt.ArrayLike | None = None, b_weights: npt.ArrayLike | None = None
) -> float:
    """Wasserstein-1 distance between two distributions on the line: the area between their distribution functions.

    Args:
        a: places [N] of the first one's mass: a sample, or the values of a discrete distribution.
        b: places [M] of the second one's mass.
        a_weights: masses [N], divided by their sum; equal ones by default.
        b_weights: masses [M], divided by their sum; equal ones by default.

    Returns:
        A float.

    Raises:
        ValueError: if an array is empty, not finite or not of one dimension, or a weight is negative.
    """
    a, b = _line("a", a), _line("b", b)
    a_masses, b_masses = _masses("a_weights", a_weights, a), _masses("b_weights", b_weights, b)
    places = np.concatenate([a, b])
    order = np.argsort(places, kind="stable")
    difference = np.cumsum(np.concatenate([a_masses, -b_masses])[order])[:-1]
    return float(np.abs(difference) @ np.diff(places[order]))


def gaussian_kl(
    mean_p: npt.ArrayLike,
    covariance_p: npt.ArrayLike,
    mean_q: npt.ArrayLike,
    covariance_q: npt.ArrayLike,
    unit: Unit = "nats",
) -> float:
    """Kullback-Leibler divergence KL(p || q) of two normal distributions.

    (tr(Sq^-1 Sp) + (mq - mp)^T Sq^-1 (mq - mp) - D + log(det Sq / det Sp)) / 2.

    Args:
        mean_p: array [D].
        covariance_p: symmetric positive definite array [D, D].
        mean_q: array [D].
        covariance_q: symmetric positive definite array [D, D].
        unit: "nats" or "bits".

    Returns:
        A float.

    Raises:
        ValueError: if the shapes do not fit, or a covariance is not symmetric and positive definite.
    """
    mean_p, covariance_p = _normal("p", mean_p, covariance_p)
    mean_q, covariance_q = _normal("q", mean_q, covariance_q, len(mean_p))
    roots = []
    for name, covariance in (("p", covariance_p), ("q", covariance_q)):
        try:
            roots.append(np.linalg.cholesky(covariance))
        except np.linalg.LinAlgError:
            raise ValueError(f"covariance_{name}: expected a positive definite matrix; got {covariance}") from None
    whitened = np.linalg.solve(roots[1], np.column_stack([roots[0], mean_q - mean_p]))
    log_ratio = 2.0 * (np.log(np.diag(roots[1])) - np.log(np.diag(roots[0]))).sum()
    return float((np.square(whitened).sum() - len(mean_p) + log_ratio) / 2.0) / _log_unit(unit)


def gaussian_w2(
    mean_p: npt.ArrayLike, covariance_p: npt.ArrayLike, mean_q: npt.ArrayLike, covariance_q: npt.ArrayLike
) -> float:
    """Wasserstein-2 distance of two normal distributions (not squared).

    Its square is ||mp - mq||^2 + tr(Sp + Sq - 2 (Sp^1/2 Sq Sp^1/2)^1/2) (Dowson and Landau 1982).

    Args:
        mean_p: array [D].
        covariance_p: symmetric positive semidefinite array [D, D].
        mean_q: array [D].
        covariance_q: symmetric positive semidefinite array [D, D].

    Returns:
        A float.

    Raises:
        ValueError: if the shapes do not fit, or a covariance is not symmetric and positive semidefinite.
    """
    mean_p, covariance_p = _normal("p", mean_p, covariance_p)
    mean_q, covariance_q = _normal("q", mean_q, covariance_q, len(mean_p))
    _check_semidefinite("covariance_p", covariance_p)
    _check_semidefinite("covariance_q", covariance_q)
    square = frechet.between_normals(mean_p, covariance_p, mean_q, covariance_q)
    return math.sqrt(max(square, 0.0))  # rounding may take it below 0


def _kl(p, q):
    held = p > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(p[held] * np.log(p[held] / q[held])))


def _log_unit(unit):
    if unit not in _UNITS:
        raise ValueError(f'unit: expected "nats" or "bits"; got {quoted(unit)}')
    return _UNITS[unit]


def _distributions(p, q):
    p, q = np.asarray(p, "float64"), np.asarray(q, "float64")
    if p.shape != q.shape:
        raise ValueError(f"q: expected the shape of p, {p.shape}; got {q.shape}")
    for name, values in (("p", p), ("q", q)):
        if not (np.isfinite(values) & (values >= 0)).all() or not values.sum() > 0:
            raise ValueError(f"{name}: expected finite numbers of at least 0, not all 0; got {values}")
    return p / p.sum(), q / q.sum()


def _points(name, points):
    points = np.asarray(points, "float64")
    if points.ndim != 2 or not points.size or not np.isfinite(points).all():
        raise ValueError(f"{name}: expected finite points [N, D]; got shape {points.shape}")
    return points


def _line(name, values):
    values = np.asarray(values, "float64")
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"{name}: expected finite numbers [N]; got shape {values.shape}")
    return values


def _masses(name, weights, places):
    weights = np.ones(len(places)) if weights is None else np.asarray(weights, "float64")
    if weights.shape != places.shape or not (np.isfinite(weights) & (weights >= 0)).all() or not weights.sum() > 0:
        raise ValueError(f"{name}: expected {len(places)} numbers of at least 0, not all 0; got {weights}")
    return weights / weights.sum()


def _normal(which, mean, covariance, dim=None):
    mean, covariance = np.asarray(mean, "float64"), np.asarray(covariance, "float64")
    if mean.ndim != 1 or (dim is not None and len(mean) != dim):
        raise ValueError(f"mean_{which}: expected numbers [{'D' if dim is None else dim}]; got shape {mean.shape}")
    if covariance.shape != (len(mean), len(mean)) or not np.allclose(covariance, covariance.T):
        raise ValueError(f"covariance_{which}: expected a symmetric {len(mean)} x {len(mean)} matrix; got {covariance}")
    return mean, covariance


def _check_semidefinite(name, covariance):
    values = np.linalg.eigvalsh(covariance)
    if values[0] < -1e-9 * max(values[-1], 1e-300):
        raise ValueError(f"{name}: expected a positive semidefinite matrix; got smallest eigenvalue {values[0]}")
