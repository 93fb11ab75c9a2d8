"""The sliced Wasserstein distance against SciPy's along each line, and closed forms."""

import math

import numpy as np
import pytest
from scipy import stats

from kerasgan.metrics.sliced_wasserstein import directions, sliced_wasserstein

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("n", "m"), [(40, 40), (12, 35), (1, 6), (18, 12)])
def test_each_line_is_scipys(n, m):
    a, b = RNG.normal(size=(n, 5)), RNG.gamma(1.0, size=(m, 5))
    lines = directions(5, 20, seed=3)
    expected = [stats.wasserstein_distance(a @ line, b @ line) for line in lines.T]
    assert sliced_wasserstein(a, b, projections=20, order=1, seed=3) == pytest.approx(np.mean(expected), rel=1e-12)
    # order 2: repeat the samples until both sizes agree, then sorted places are matched one by one
    size = math.lcm(n, m)
    many = [np.sort(np.repeat(rows @ lines, size // len(rows), axis=0), axis=0) for rows in (a, b)]
    expected = math.sqrt(np.square(many[0] - many[1]).mean())
    assert sliced_wasserstein(a, b, projections=20, seed=3) == pytest.approx(expected, rel=1e-12)


def test_a_shift_and_a_change_of_width():
    a = RNG.normal(size=(200, 9))
    shift = np.full(9, 2.0)
    assert sliced_wasserstein(a, a + shift, projections=20_000) == pytest.approx(2.0, rel=0.02)  # |t| / sqrt(D)
    a -= a.mean(0)
    # along u all places are multiplied by 3: the distance is twice their root mean square
    assert sliced_wasserstein(a, 3 * a, 20_000) == pytest.approx(
        2 * math.sqrt(np.square(a).sum(1).mean() / 9), rel=0.02
    )
    assert sliced_wasserstein(a, a[::-1]) == pytest.approx(0.0, abs=1e-12)


def test_directions_are_uniform_on_the_sphere():
    vectors = directions(4, 20_000)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=0), 1.0, rtol=1e-12)
    np.testing.assert_allclose(vectors @ vectors.T / 20_000, np.eye(4) / 4, atol=0.01)
    np.testing.assert_allclose((vectors**4).mean(1), 3 / (4 * 6), atol=0.01)  # E u^4 = 3 / (D (D + 2))
    assert not np.array_equal(vectors, directions(4, 20_000, seed=1))


def test_what_cannot_be_measured_is_named():
    a = RNG.normal(size=(10, 3))
    for arguments, message in [
        ((a, a[:, :2]), "features_b: expected 3 numbers a row, as features_a has; got 2"),
        ((a[:0], a), "features_a: expected at least 1 rows; got 0"),
        ((a * np.nan, a), "features_a: expected finite numbers"),
        ((a, a, 0), "projections: expected an integer of at least 1, got 0"),
        ((a, a, 5, 0), "order: expected an integer of at least 1, got 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            sliced_wasserstein(*arguments)
