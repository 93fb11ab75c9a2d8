"""The Frechet distance of two sets of features."""

import numpy as np

from kerasgan.metrics import divergences


def frechet_distance(features_a, features_b):
    """Squared Wasserstein-2 distance of the normal distributions with the features' means and covariances.

    ||ma - mb||^2 + tr(Sa + Sb - 2 (Sa Sb)^1/2), with the features of Inception v3 known as the FID (Heusel et al. 2017,
    arXiv:1706.08500, equation 6). The features of another network give a distance on a scale of its own. It is biased:
    two samples of one distribution are at a distance above 0 that grows with D and falls with N, so compare distances
    of the same N alone, and quote that of a second real sample.

    Args:
        features_a: float array [N, D], N at least 2.
        features_b: float array [M, D], M at least 2.

    Returns:
        A float of at least 0.

    Raises:
        ValueError: if an array is not of that shape, or not finite.
    """
    a, b = (np.asarray(features, "float64") for features in (features_a, features_b))
    for name, rows in (("features_a", a), ("features_b", b)):
        if rows.ndim != 2 or len(rows) < 2 or not rows.shape[1] or not np.isfinite(rows).all():
            raise ValueError(f"{name}: expected finite numbers [N, D], N at least 2; got shape {rows.shape}")
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"features_b: expected {a.shape[1]} numbers a row, as features_a has; got {b.shape[1]}")
    (mean_a, covariance_a), (mean_b, covariance_b) = (
        (rows.mean(axis=0), np.atleast_2d(np.cov(rows, rowvar=False))) for rows in (a, b)
    )
    return divergences.gaussian_w2(mean_a, covariance_a, mean_b, covariance_b) ** 2
