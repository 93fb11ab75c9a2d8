"""The Frechet distance against its formula with SciPy's matrix root, and where it is known."""

import numpy as np
import pytest
from scipy import linalg

from kerasgan.metrics.evaluation.moments import Moments
from kerasgan.metrics.frechet import between_normals, expected_distance, frechet_distance, from_moments
from tests.data import peers

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


@pytest.mark.parametrize(("rows", "others"), peers.FRECHET_CASES)
def test_the_peers_functions_where_they_are_regular_and_where_singular(rows, others):
    theirs = np.load(peers.FILE)[f"frechet/{rows}-{others}"]  # pytorch-fid's, clean-fid's, torch-fidelity's
    found = frechet_distance(*peers.frechet_features(rows, others))
    assert theirs == pytest.approx([found] * 3, rel=1e-4)


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


@pytest.mark.parametrize("dim", [1, 4, 30])
def test_normal_distributions_whose_covariances_commute(dim):
    # with common eigenvectors the distance is that of the means plus that of the standard deviations
    axes = np.linalg.qr(RNG.normal(size=(dim, dim)))[0]
    stds = RNG.uniform(0.1, 3.0, (2, dim)) * (RNG.uniform(size=(2, dim)) > 0.2)  # some directions of no width
    means = RNG.normal(size=(2, dim))
    normals = [(mean, (axes * std**2) @ axes.T) for mean, std in zip(means, stds)]
    expected = np.square(means[0] - means[1]).sum() + np.square(stds[0] - stds[1]).sum()
    assert between_normals(*normals[0], *normals[1]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("rows", "others"), [(5, 7), (5, 300), (12, 12)])
def test_fewer_samples_than_features_by_singular_values_of_the_samples(rows, others):
    # without covariances: the trace of the root is the nuclear norm of the product of the centred features
    a, b = RNG.normal(size=(rows, 40)) * 5, RNG.gamma(1.0, size=(others, 40))
    centred = [(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b)]
    common = np.linalg.svd(centred[0] @ centred[1].T, compute_uv=False).sum()
    expected = np.square(a.mean(0) - b.mean(0)).sum() + sum(np.square(x).sum() for x in centred) - 2 * common
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-11)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-11 * np.square(centred[0]).sum())


def test_a_spectrum_as_features_have_it():
    # eigenvalues over 8 orders of magnitude, as those of deep features
    widths = np.logspace(0, -4, 100)
    a, b = RNG.normal(size=(400, 100)) * widths, RNG.normal(size=(500, 100)) * widths * 1.1 + 0.01
    assert frechet_distance(a, b) == pytest.approx(by_scipy(a, b), rel=1e-6)


def test_streamed_moments_give_the_same_distance():
    a, b = RNG.normal(size=(90, 8)), RNG.gamma(2.0, size=(70, 8))
    streamed = Moments(8)
    for first in range(0, 90, 32):
        streamed.update(a[first : first + 32])
    assert from_moments(streamed, Moments.of(b)) == pytest.approx(by_scipy(a, b), rel=1e-9)
    with pytest.raises(ValueError, match="b: expected moments of at least 2 rows; got 1"):
        from_moments(streamed, Moments.of(b[:1]))
    with pytest.raises(ValueError, match="b: expected moments of 8 numbers a row, as a has; got 5"):
        from_moments(streamed, Moments.of(b[:, :5]))


@pytest.mark.parametrize(
    ("count", "other", "tolerance"), [(400, 800, 0.03), (60, 400, 0.06), (20, None, 0.1), (5, None, 0.24)]
)
def test_the_expected_distance_of_samples_of_one_normal_distribution(count, other, tolerance):
    widths = np.logspace(0.5, -1.5, 20)
    known = np.zeros(20), np.diag(widths**2)
    found = []
    for _ in range(80):
        a = RNG.normal(size=(count, 20)) * widths
        if other is None:
            found.append(between_normals(a.mean(0), np.cov(a, rowvar=False), *known, rank_a=count - 1))
        else:
            found.append(frechet_distance(a, RNG.normal(size=(other, 20)) * widths))
    expected = expected_distance(known[1], count, other)
    error = 3 * np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - expected) < tolerance * expected + error
    assert error < 0.2 * expected
    with pytest.raises(ValueError, match="count: expected at least 2 samples; got 1"):
        expected_distance(known[1], 1)


def test_what_is_no_set_of_features_is_named():
    for wrong, message in [
        (np.zeros(5), r"expected numbers \[N, D\]; got float64 of shape \(5,\)"),
        (np.zeros((1, 3)), "expected at least 2 rows; got 1"),
        (np.full((4, 3), np.nan), "expected finite numbers; got NaN or infinity in 4 of 4 rows"),
        (np.zeros((4, 0)), r"expected numbers \[N, D\]; got float64 of shape \(4, 0\)"),
        (np.zeros((4, 2)), "expected 3 numbers a row, as features_a has; got 2"),
    ]:
        with pytest.raises(ValueError, match="features_b: " + message):
            frechet_distance(np.zeros((4, 3)), wrong)
