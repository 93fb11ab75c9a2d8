"""The Frechet distance within classes against that of each class."""

import numpy as np
import pytest

from kerasgan.metrics.frechet import frechet_distance
from kerasgan.metrics.intra_class import intra_class_distance

RNG = np.random.default_rng(0)


def test_each_class_has_its_distance():
    a, b = RNG.normal(size=(60, 4)), RNG.gamma(2.0, size=(90, 4))
    labels_a, labels_b = RNG.permutation(np.arange(60) % 3 * 5), RNG.permutation(np.arange(90) % 3 * 5)
    found = intra_class_distance(a, labels_a, b, labels_b)
    expected = {c: frechet_distance(a[labels_a == c], b[labels_b == c]) for c in (0, 5, 10)}
    assert found.by_class == pytest.approx(expected, rel=1e-12)
    assert found.mean == pytest.approx(np.mean(list(expected.values())))


def test_swapped_labels_are_seen_where_all_together_are_alike():
    labels = np.arange(200) % 2
    a, b = (RNG.normal(size=(200, 3)) + 10.0 * labels[:, None] for _ in range(2))
    assert intra_class_distance(a, labels, b, labels).mean < 1.0
    assert intra_class_distance(a, labels, b, 1 - labels).mean == pytest.approx(300.0, rel=0.05)
    assert frechet_distance(a, b) < 1.0


def test_what_cannot_be_measured_is_named():
    a, labels = RNG.normal(size=(6, 2)), np.array([0, 0, 0, 1, 1, 1])
    for arguments, message in [
        ((a, labels, a, labels * 2), r"labels_b: .* only one of the two has \[1, 2\]"),
        (
            (a, labels, a, np.array([0, 0, 0, 0, 0, 1])),
            r"labels_b: expected at least 2 samples a class; got 1 of \[1\]",
        ),
        ((a, labels[:5], a, labels), r"labels_a: expected 6 integers, one a row; got int64 of shape \(5,\)"),
        ((a, labels / 2, a, labels), "labels_a: expected 6 integers, one a row; got float64"),
        ((a, labels - 1, a, labels - 1), "labels_a: expected integers of at least 0; got -1"),
    ]:
        with pytest.raises(ValueError, match=message):
            intra_class_distance(*arguments)
