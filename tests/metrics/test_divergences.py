"""Divergences against SciPy, brute force over permutations, Monte Carlo and closed forms."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance

from kerasgan import data
from kerasgan.metrics import divergences

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("unit", "base"), [("nats", math.e), ("bits", 2)])
def test_kl_and_js_are_scipys(unit, base):
    for zeros in (0, 3):
        p, q = RNG.integers(1, 50, (2, 5, 4)).astype(float)
        p[0, :zeros] = 0
        kl = divergences.kl(p, q, unit)
        assert kl == pytest.approx(stats.entropy(p.ravel(), q.ravel(), base=base), rel=1e-12)
        assert kl == pytest.approx(divergences.kl(p / 7, q * 3, unit))
        q[1, :zeros] = 0
        assert divergences.js(p, q, unit) == pytest.approx(distance.jensenshannon(p.ravel(), q.ravel(), base) ** 2)


def test_kl_and_js_at_their_ends():
    assert divergences.kl([1, 0], [0.5, 0.5], "bits") == 1.0
    assert divergences.kl([0.5, 0.5], [1, 0]) == math.inf
    assert divergences.js([3, 0], [0, 5], "bits") == 1.0
    assert divergences.js([3, 0], [0, 5], "nats") == pytest.approx(math.log(2))
    assert divergences.kl([2, 1], [4, 2]) == divergences.js([2, 1], [4, 2]) == 0.0


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_w1_is_the_best_of_all_permutations(dim):
    a, b = RNG.normal(size=(2, 6, dim))
    costs = [
        np.mean([math.dist(a[i], b[j]) for i, j in enumerate(order)]) for order in itertools.permutations(range(6))
    ]
    assert divergences.w1(a, b) == pytest.approx(min(costs), rel=1e-12)
    assert min(costs) < 0.9 * np.mean(costs)


def test_w1_is_scipys_linear_program():
    a, b = RNG.normal(size=(2, 12, 2))
    assert divergences.w1(a, b) == pytest.approx(stats.wasserstein_distance_nd(a, b), rel=1e-6)


def test_w1_of_a_shifted_sample_is_the_shift():
    a = data.eight_gaussians().sample(300)
    assert divergences.w1(a, a[::-1]) == 0.0
    assert divergences.w1(a, a + np.float32([0.3, 0.4])) == pytest.approx(0.5, rel=1e-6)


def test_w1_line_is_scipys():
    for n, m in ((1, 1), (5, 5), (30, 7)):
        a, b = RNG.normal(size=n), RNG.integers(-2, 3, m)
        assert divergences.w1_line(a, b) == pytest.approx(stats.wasserstein_distance(a, b), rel=1e-12)
        a_weights, b_weights = RNG.uniform(0, 2, n), RNG.integers(1, 4, m)
        expected = stats.wasserstein_distance(a, b, a_weights, b_weights)
        assert divergences.w1_line(a, b, a_weights, b_weights) == pytest.approx(expected, rel=1e-12)


def test_w1_line_of_equal_samples_is_w1_in_one_dimension():
    a, b = RNG.normal(size=(2, 40, 1))
    assert divergences.w1_line(a[:, 0], b[:, 0]) == pytest.approx(divergences.w1(a, b), rel=1e-12)


def covariance(dim):
    root = RNG.normal(size=(dim, dim))
    return root @ root.T + 0.3 * np.eye(dim)


def test_gaussian_kl_is_the_expected_log_ratio():
    p, q = (RNG.normal(size=3), covariance(3)), (RNG.normal(size=3), covariance(3))
    x = stats.multivariate_normal(*p).rvs(400_000, random_state=1)
    ratios = stats.multivariate_normal(*p).logpdf(x) - stats.multivariate_normal(*q).logpdf(x)
    error = ratios.std() / math.sqrt(len(ratios))
    assert error < 0.03
    assert divergences.gaussian_kl(*p, *q) == pytest.approx(ratios.mean(), abs=4 * error)
    assert divergences.gaussian_kl(*p, *q, "bits") == pytest.approx(divergences.gaussian_kl(*p, *q) / math.log(2))
    assert divergences.gaussian_kl(*p, *p) == pytest.approx(0.0, abs=1e-12)


def test_gaussian_kl_on_the_line():
    expected = math.log(3 / 2) + (4 + 25) / 18 - 0.5  # log(s2 / s1) + (s1^2 + (m1 - m2)^2) / (2 s2^2) - 1 / 2
    assert divergences.gaussian_kl([1.0], [[4.0]], [6.0], [[9.0]]) == pytest.approx(expected, rel=1e-12)


def test_gaussian_w2_is_the_cost_of_the_optimal_map():
    """Brenier: x -> m2 + A (x - m1), A = S1^-1/2 (S1^1/2 S2 S1^1/2)^1/2 S1^-1/2, is optimal as A is positive."""
    from scipy import linalg

    (m1, s1), (m2, s2) = (RNG.normal(size=3), covariance(3)), (RNG.normal(size=3), covariance(3))
    root = linalg.sqrtm(s1).real
    inverse = np.linalg.inv(root)
    transport = inverse @ linalg.sqrtm(root @ s2 @ root).real @ inverse
    np.testing.assert_allclose(transport @ s1 @ transport.T, s2, atol=1e-9)
    moved = transport - np.eye(3)
    cost = np.square(m2 - m1).sum() + np.trace(moved @ s1 @ moved.T)
    assert divergences.gaussian_w2(m1, s1, m2, s2) == pytest.approx(math.sqrt(cost), rel=1e-9)
    assert divergences.gaussian_w2(m1, s1, m1, s1) == pytest.approx(0.0, abs=1e-6)


def test_gaussian_w2_on_the_line_and_of_points():
    assert divergences.gaussian_w2([1.0], [[4.0]], [4.0], [[36.0]]) == pytest.approx(5.0)  # sqrt(3^2 + (6 - 2)^2)
    zeros = np.zeros((2, 2))
    assert divergences.gaussian_w2([0.0, 0.0], zeros, [3.0, 4.0], zeros) == pytest.approx(5.0)


def test_js_to_density_is_js_of_counted_cells():
    eight = data.eight_gaussians()
    edges = np.linspace(-1.5, 1.5, 7)
    points = np.concatenate([eight.sample(300), [[9.0, 0.0], [0.0, -9.0]]])
    counts = np.zeros(37)
    for x, y in points:
        inside = max(abs(x), abs(y)) < 1.5
        counts[int((x + 1.5) // 0.5) * 6 + int((y + 1.5) // 0.5) if inside else 36] += 1
    masses = eight.cell_masses(edges).ravel()
    expected = distance.jensenshannon(counts, np.append(masses, 1 - masses.sum()), 2) ** 2
    assert divergences.js_to_density(points, eight, edges, "bits") == pytest.approx(expected, rel=1e-9)


def test_js_to_density_of_real_samples_has_the_bias_that_is_documented():
    eight = data.eight_gaussians()
    edges = np.array([-np.inf, -0.5, 0.5, np.inf])  # 8 cells hold one mode each
    samples = eight.sample(100_000).reshape(200, 500, 2)
    found = np.mean([divergences.js_to_density(sample, eight, edges) for sample in samples])
    assert found == pytest.approx(7 / (8 * 500), rel=0.15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: divergences.kl([1, 2], [1, 2, 3]), r"q: expected the shape of p, \(2,\); got \(3,\)"),
        (lambda: divergences.js([1, -2], [1, 2]), "p: expected finite numbers of at least 0, not all 0"),
        (lambda: divergences.js([1, 2], [0, 0]), "q: expected finite numbers of at least 0, not all 0"),
        (lambda: divergences.js([1, 2], [1, 2], "log2"), 'unit: expected "nats" or "bits"; got \'log2\''),
        (lambda: divergences.w1(np.ones((2, 2)), np.ones((3, 2))), r"b: expected the shape of a, \(2, 2\); got"),
        (lambda: divergences.w1(np.full((2, 2), np.nan), np.ones((2, 2))), "a: expected finite points"),
        (lambda: divergences.w1_line([], [1.0]), r"a: expected finite numbers \[N\]; got shape \(0,\)"),
        (lambda: divergences.w1_line([1.0], [1.0], [-1.0]), "a_weights: expected 1 numbers of at least 0"),
        (lambda: divergences.gaussian_kl([0, 0], np.eye(2), [0], np.eye(1)), r"mean_q: expected numbers \[2\]"),
        (lambda: divergences.gaussian_kl([0], [[0.0]], [0], [[1.0]]), "covariance_p: expected a positive definite"),
        (lambda: divergences.gaussian_w2([0], [[1.0]], [0], [[-1.0]]), "covariance_q: expected a positive semidef"),
        (lambda: divergences.gaussian_w2([0, 0], [[1, 2], [0, 1]], [0, 0], np.eye(2)), "covariance_p: expected a sym"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
