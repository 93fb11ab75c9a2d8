"""Precision, recall, density and coverage against loops over points, prdc, and what is known of equal sets."""

import contextlib
import io
import math

import numpy as np
import pytest

from kerasgan.metrics import precision_recall as module
from kerasgan.metrics.precision_recall import neighbours

RNG = np.random.default_rng(0)


def by_loops(real, generated, k):
    def radius(rows, i):
        return sorted(math.dist(rows[i], other) for j, other in enumerate(rows) if j != i)[k - 1]

    real, generated = real.tolist(), generated.tolist()
    real_radii = [radius(real, i) for i in range(len(real))]
    generated_radii = [radius(generated, j) for j in range(len(generated))]
    held = [[math.dist(x, y) < r for x, r in zip(real, real_radii)] for y in generated]
    recalled = [any(math.dist(x, y) < r for y, r in zip(generated, generated_radii)) for x in real]
    return (
        np.mean([any(row) for row in held]),
        np.mean(recalled),
        np.sum(held) / k / len(generated),
        np.mean(np.any(held, axis=0)),
    )


@pytest.mark.parametrize(("n", "m", "dim", "k"), [(30, 30, 2, 5), (40, 25, 6, 1), (12, 50, 3, 3), (6, 6, 1, 5)])
@pytest.mark.parametrize("block", [7, 1024])
def test_all_four_equal_loops_over_points(n, m, dim, k, block, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", block)
    real, generated = RNG.normal(100.0, 1.0, (n, dim)), RNG.normal(100.3, 0.7, (m, dim))
    assert neighbours(real, generated, k) == pytest.approx(by_loops(real, generated, k), abs=1e-12)


def test_copies_and_collapse_are_seen_exactly():
    real = RNG.normal(50.0, 1.0, (30, 64))
    copied = real[[3] * 20 + [8] * 5]  # radii of 0: nothing is nearer
    found = neighbours(real, copied, 3)
    assert found == pytest.approx(by_loops(real, copied, 3), abs=1e-12)
    assert found.precision == 1.0 and found.recall == 0.0 and found.coverage < 0.5
    assert neighbours(copied, real, 3) == pytest.approx(by_loops(copied, real, 3), abs=1e-12)


@pytest.mark.parametrize("k", [1, 3])
def test_points_on_the_very_edge_are_outside(k):
    """On a lattice many distances are the same, and copies in another order are as far as what they are copies of."""
    real, generated = RNG.integers(0, 4, (40, 3)), RNG.integers(0, 4, (50, 3))
    assert neighbours(real, generated, k) == pytest.approx(by_loops(real, generated, k), abs=1e-12)
    real = RNG.normal(5.0, 3.0, (200, 16))
    assert neighbours(real, real[::-1], k) == (1.0, 1.0, 1.0, 1.0)


@pytest.mark.parity
def test_it_is_prdcs():
    import prdc

    real, generated = RNG.normal(size=(150, 20)), RNG.normal(0.2, 0.8, size=(120, 20))
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = prdc.compute_prdc(real, generated, nearest_k=5)
    assert neighbours(real, generated)._asdict() == pytest.approx(theirs, abs=1e-12)
    assert 0.1 < theirs["recall"] < 0.9


def test_two_samples_of_one_distribution():
    found = np.mean([neighbours(*RNG.normal(size=(2, 60, 8)), k=5) for _ in range(150)], axis=0)
    assert found[2] == pytest.approx(1.0, abs=0.03)
    expected = 1 - math.prod(60 - i for i in range(1, 6)) / math.prod(120 - i for i in range(1, 6))
    assert found[3] == pytest.approx(expected, abs=0.01)


def test_sets_far_apart_have_nothing_in_common():
    assert neighbours(RNG.normal(size=(20, 3)), RNG.normal(1e4, 1.0, size=(30, 3))) == (0.0, 0.0, 0.0, 0.0)


def test_what_cannot_be_measured_is_named():
    a = RNG.normal(size=(10, 3))
    for arguments, message in [
        ((a[:5], a), "real: expected at least 6 rows; got 5"),
        ((a, a[:3], 3), "generated: expected at least 4 rows; got 3"),
        ((a, a[:, :2]), "generated: expected 3 numbers a row, as real has; got 2"),
        ((a, a + np.inf), "generated: expected finite numbers"),
        ((a, a, 0), "k: expected an integer of at least 1, got 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            neighbours(*arguments)
