"""The sliced Wasserstein distance of two sets of features."""

import numpy as np
import numpy.typing as npt

from kerasgan.metrics.evaluation import moments
from kerasgan.utils import validation


def sliced_wasserstein(
    features_a: npt.ArrayLike, features_b: npt.ArrayLike, projections: int = 256, order: int = 2, seed: int = 0
) -> float:
    """Wasserstein distance along random lines, (E[W_p(u.a, u.b)^p])^(1/p) over directions u uniform on the sphere.

    Rabin et al. 2011, "Wasserstein barycenter and its application to texture mixing", equation 8. Each distance on a
    line is exact, for sets of different sizes too; the mean is over `projections` directions drawn with the seed. A
    shift by t alone is at |t| / sqrt(D) for p = 2. Two samples of one distribution are above 0: quote a second real
    sample of the same size.

    Args:
        features_a: numbers [N, D].
        features_b: numbers [M, D].
        projections: number of directions, at least 1.
        order: p, at least 1.
        seed: integer of at least 0.

    Returns:
        A float of at least 0.

    Raises:
        ValueError: if the features are none, or a number is not as said.
    """
    a, b = moments.pair_of(features_a, features_b, "features_a", "features_b", 1)
    validation.integer("order", order, 1)
    lines = directions(a.shape[1], projections, seed)
    places_a, places_b = np.sort(a @ lines, axis=0), np.sort(b @ lines, axis=0)
    # the quantile functions are steps; between two neighbouring steps of either, both are constant
    ends = np.union1d(np.arange(1, len(a) + 1) * len(b), np.arange(1, len(b) + 1) * len(a))
    masses = np.diff(ends, prepend=0) / (len(a) * len(b))
    gaps = np.abs(places_a[(ends - 1) // len(b)] - places_b[(ends - 1) // len(a)])
    return float((masses @ gaps**order).mean() ** (1.0 / order))


def directions(dim: int, projections: int, seed: int = 0) -> np.ndarray:
    """Return random unit vectors, float64 [dim, projections], uniform on the sphere.

    Raises:
        ValueError: if a number is no integer, or too small.
    """
    rng = np.random.default_rng(validation.integer("seed", seed, 0))
    validation.integer("projections", projections, 1)
    vectors = rng.normal(size=(validation.integer("dim", dim, 1), projections))
    return vectors / np.linalg.norm(vectors, axis=0)
