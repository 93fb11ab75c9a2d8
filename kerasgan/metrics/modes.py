"""Modes covered and high-quality samples, for mixtures whose centres are known."""

import typing

import numpy as np
import numpy.typing as npt

from kerasgan.metrics import divergences
from kerasgan.utils import validation


class Modes(typing.NamedTuple):
    """What `modes` finds."""

    covered: int  # modes with at least one high-quality sample
    high_quality: float  # share of samples of high quality
    shares: np.ndarray  # float64 [K]: share of samples that are of high quality and belong to mode k
    kl: float  # KL, in nats, of the high-quality samples' distribution over modes to the uniform one; NaN if none is
    js: float  # JS, in nats, likewise


def modes(points: npt.ArrayLike, centres: npt.ArrayLike, std: float, radius: float = 3.0) -> Modes:
    """Count the modes that a sample covers.

    A sample is of high quality if it lies within `radius` standard deviations of its nearest mode; a mode is covered if
    a high-quality sample belongs to it (Srivastava et al. 2017, "VEEGAN", arXiv:1705.07761, section 4.1, with 2,500
    samples). Of a real sample in the plane, 1 - exp(-radius^2 / 2) are of high quality: 0.989 for a radius of 3. One
    sample covers a mode, so look at the smallest of `shares` too.

    Args:
        points: generated points, array [N, D].
        centres: the modes, array [K, D].
        std: standard deviation of each mode, a positive number.
        radius: positive number.

    Returns:
        `Modes`.

    Raises:
        ValueError: if `points` is not [N, D] and finite, or a number is not positive.
    """
    points, centres = np.asarray(points, "float64"), np.asarray(centres, "float64")
    if centres.ndim != 2 or points.ndim != 2 or points.shape[1] != centres.shape[1] or not len(points):
        raise ValueError(f"points: expected [N, D] as centres [K, D] are; got {points.shape} and {centres.shape}")
    if not np.isfinite(points).all():
        raise ValueError("points: expected finite numbers; got NaN or infinity")
    for name, value in (("std", std), ("radius", radius)):
        validation.positive(name, value)
    squares = (np.square(points).sum(axis=1)[:, None] - 2.0 * points @ centres.T) + np.square(centres).sum(axis=1)
    nearest = squares.argmin(axis=1)
    good = np.linalg.norm(points - centres[nearest], axis=1) <= radius * std
    counts = np.bincount(nearest[good], minlength=len(centres))
    uniform = np.ones(len(centres))
    any_good = counts.sum() > 0
    return Modes(
        covered=int((counts > 0).sum()),
        high_quality=float(good.mean()),
        shares=counts / len(points),
        kl=divergences.kl(counts, uniform) if any_good else float("nan"),
        js=divergences.js(counts, uniform) if any_good else float("nan"),
    )
