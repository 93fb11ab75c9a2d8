"""The kernel distance of two sets of features, with those of Inception v3 known as the KID."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kerasgan.metrics.evaluation import moments
from kerasgan.utils import validation


class KernelDistance(NamedTuple):
    """Mean and standard deviation (of the population) of the squared discrepancy over the subsets."""

    mean: float
    std: float


def kernel_distance(
    features_a: npt.ArrayLike, features_b: npt.ArrayLike, subsets: int = 100, subset_size: int = 1000, seed: int = 2020
) -> KernelDistance:
    """Squared maximum mean discrepancy with the kernel (x.y / D + 1)^3, as a mean over random subsets.

    Binkowski et al. 2018, "Demystifying MMD GANs", arXiv:1801.01401, section 4. Unbiased whatever the number of
    samples, so it may be below 0 where the distributions are alike. The subsets are drawn without replacement within
    each, by NumPy's `RandomState(seed)` in the order in which torch-fidelity 0.4 draws them: its numbers are these.
    The standard deviation is over subsets that overlap; it is no standard error of the mean.

    Args:
        features_a: numbers [N, D].
        features_b: numbers [M, D].
        subsets: number of subsets, at least 1.
        subset_size: rows of each set in a subset, from 2 to the smaller of N and M. The mean does not depend on it but
            by chance; the standard deviation does.
        seed: integer from 0 to 2^32 - 1.

    Returns:
        `KernelDistance`.

    Raises:
        ValueError: if the features are none, or fewer than a subset needs.
    """
    a, b = moments.pair_of(features_a, features_b, "features_a", "features_b", 2)
    validation.integer("subsets", subsets, 1)
    if validation.integer("subset_size", subset_size, 2) > min(len(a), len(b)):
        raise ValueError(
            f"subset_size: expected at most the number of rows of the smaller set, {min(len(a), len(b))}; got "
            f"{subset_size}"
        )
    rng = np.random.RandomState(validation.integer_within("seed", seed, np.uint32))
    values = []
    for _ in range(subsets):
        mine = a[rng.choice(len(a), subset_size, replace=False)]
        values.append(discrepancy(mine, b[rng.choice(len(b), subset_size, replace=False)]))
    return KernelDistance(float(np.mean(values)), float(np.std(values)))


def discrepancy(features_a: npt.ArrayLike, features_b: npt.ArrayLike) -> float:
    """Squared maximum mean discrepancy of all rows with the kernel k(x, y) = (x.y / D + 1)^3, without bias.

    The mean of k over the pairs of different rows of one set, plus that of the other, less twice the mean over all
    pairs of the two (Gretton et al. 2012, "A kernel two-sample test", equation 3). The time and the memory grow with
    the square of the rows.

    Args:
        features_a: numbers [N, D], N at least 2.
        features_b: numbers [M, D], M at least 2.

    Returns:
        A float.

    Raises:
        ValueError: if an array is not of that shape, or not finite.
    """
    a, b = moments.pair_of(features_a, features_b, "features_a", "features_b", 2)
    return _mean_within(a) + _mean_within(b) - 2.0 * float(_kernel(a, b).mean())


def _kernel(a, b):
    return (a @ b.T / a.shape[1] + 1.0) ** 3


def _mean_within(rows):
    values = _kernel(rows, rows)
    return float((values.sum() - np.trace(values)) / (len(rows) * (len(rows) - 1)))
