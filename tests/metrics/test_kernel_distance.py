"""The kernel distance against double loops and torch-fidelity."""

import numpy as np
import pytest

from kerasgan.metrics.kernel_distance import discrepancy, kernel_distance
from tests.data import peers

RNG = np.random.default_rng(0)


def by_loops(a, b):
    def kernel(x, y):
        return (sum(p * q for p, q in zip(x, y)) / len(x) + 1) ** 3

    within = [
        sum(kernel(x, y) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j)
        / len(rows)
        / (len(rows) - 1)
        for rows in (a.tolist(), b.tolist())
    ]
    return sum(within) - 2 * sum(kernel(x, y) for x in a.tolist() for y in b.tolist()) / len(a) / len(b)


@pytest.mark.parametrize(("rows", "others", "dim"), [(2, 2, 1), (7, 12, 3), (20, 9, 15)])
def test_discrepancy_equals_double_loops(rows, others, dim):
    a, b = RNG.normal(size=(rows, dim)), RNG.gamma(1.0, size=(others, dim))
    assert discrepancy(a, b) == pytest.approx(by_loops(a, b), rel=1e-10)
    assert discrepancy(b, a) == pytest.approx(discrepancy(a, b), rel=1e-12)


def test_subsets_are_those_of_the_seed():
    a, b = RNG.normal(size=(30, 4)), RNG.normal(0.5, size=(40, 4))
    drawn, expected = np.random.RandomState(7), []
    for _ in range(3):
        mine = a[drawn.choice(30, 10, replace=False)]
        expected.append(by_loops(mine, b[drawn.choice(40, 10, replace=False)]))
    got = kernel_distance(a, b, subsets=3, subset_size=10, seed=7)
    assert got == pytest.approx((np.mean(expected), np.std(expected)), rel=1e-10)
    assert kernel_distance(a, b, subsets=3, subset_size=10, seed=8) != got


def test_by_default_there_are_a_hundred_subsets_of_torch_fidelitys_seed():
    a, b = RNG.normal(size=(30, 4)), RNG.normal(0.5, size=(40, 4))
    assert kernel_distance(a, b, subset_size=10) == kernel_distance(a, b, 100, 10, 2020)


def test_it_is_unbiased():
    # normal features of mean 0 and m in one dimension: E k(x, y) = E (xy + 1)^3 by the moments of x and y
    def mean_kernel(m, n):
        third = (m**3 + 3 * m) * (n**3 + 3 * n)
        return third + 3 * (m**2 + 1) * (n**2 + 1) + 3 * m * n + 1

    expected = mean_kernel(0, 0) + mean_kernel(1, 1) - 2 * mean_kernel(0, 1)
    found = [discrepancy(RNG.normal(size=(10, 1)), RNG.normal(1.0, size=(10, 1))) for _ in range(20_000)]
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - expected) < 4 * error < 0.1 * expected


def test_it_is_torch_fidelitys():
    theirs = np.load(peers.FILE)["kernel"]
    found = kernel_distance(*peers.kernel_features(), subsets=5, subset_size=20)
    assert found == pytest.approx(tuple(theirs), rel=1e-9)


def test_what_cannot_be_measured_is_named():
    a = RNG.normal(size=(30, 4))
    for arguments, message in [
        ((a, a[:20]), "subset_size: expected at most the number of rows of the smaller set, 20; got 1000"),
        ((a, a[:, :3], 1, 5), "features_b: expected 4 numbers a row, as features_a has; got 3"),
        ((a[:1], a, 1, 5), "features_a: expected at least 2 rows; got 1"),
        ((a, a * np.nan, 1, 5), "features_b: expected finite numbers"),
        ((a, a, 1, 1), "subset_size: expected an integer of at least 2, got 1"),
        ((a, a, 0, 5), "subsets: expected an integer of at least 1, got 0"),
        ((a, a, 1, 5, 2**32), "seed: expected an integer from 0 to 4294967295, got 4294967296"),
        ((a, a, 1, 5, -1), "seed: expected an integer from 0 to 4294967295, got -1"),
    ]:
        with pytest.raises(ValueError, match=message):
            kernel_distance(*arguments)
