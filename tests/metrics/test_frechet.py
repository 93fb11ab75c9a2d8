"""The Frechet distance against its formula with SciPy's matrix root, and where it is known."""

import numpy as np
import pytest
from scipy import linalg

from kerasgan.metrics.frechet import frechet_distance

RNG = np.random.default_rng(0)


def by_scipy(a, b):
    """The FID's formula, as it is usually computed."""
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    return np.square(a.mean(0) - b.mean(0)).sum() + np.trace(covariances[0] + covariances[1] - 2.0 * root)


@pytest.mark.parametrize(("rows", "others"), [(200, 300), (30, 500)])
def test_the_formula(rows, others):
    a = RNG.normal(size=(rows, 20)) @ RNG.normal(size=(20, 20)) + 0.5
    b = RNG.gamma(2.0, size=(others, 20)) @ RNG.normal(size=(20, 20))
    assert frechet_distance(a, b) == pytest.approx(by_scipy(a, b), rel=1e-6)
    assert frechet_distance(b, a) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_known_distances():
    a = RNG.normal(size=(100, 5))
    assert frechet_distance(a, a[::-1]) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(a, a + [3.0, 4.0, 0.0, 0.0, 0.0]) == pytest.approx(25.0)
    line = RNG.normal(size=(100, 1))
    wide = 3.0 * line
    assert frechet_distance(line, wide) == pytest.approx(4 * line.std(ddof=1) ** 2 + 4 * line.mean() ** 2)
    one_image = np.tile(a[:1], (50, 1))  # a collapsed generator: covariance 0
    expected = np.square(a.mean(0) - a[0]).sum() + np.trace(np.cov(a, rowvar=False))
    assert frechet_distance(one_image, a) == pytest.approx(expected)


def test_what_is_no_set_of_features_is_named():
    for wrong in (np.zeros(5), np.zeros((1, 3)), np.full((4, 3), np.nan), np.zeros((4, 0))):
        with pytest.raises(ValueError, match=r"features_b: expected finite numbers \[N, D\], N at least 2; got shape"):
            frechet_distance(np.zeros((4, 3)), wrong)
    with pytest.raises(ValueError, match="features_b: expected 3 numbers a row, as features_a has; got 2"):
        frechet_distance(np.zeros((4, 3)), np.zeros((4, 2)))
