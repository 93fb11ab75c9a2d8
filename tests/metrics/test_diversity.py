"""Mean pairwise distance against SciPy."""

import numpy as np
import pytest
from scipy.spatial import distance

from kerasgan.metrics.diversity import mean_pairwise_distance

RNG = np.random.default_rng(0)


def test_all_pairs():
    images = RNG.normal(size=(23, 4, 5, 1)) + 100.0
    assert mean_pairwise_distance(images) == pytest.approx(distance.pdist(images.reshape(23, -1)).mean(), rel=1e-9)
    assert mean_pairwise_distance(np.array([[0.0, 0.0], [3.0, 4.0]])) == 5.0


def test_pairs_of_one_label():
    rows, labels = RNG.normal(size=(40, 3)), RNG.integers(0, 5, 40)
    labels[0] = 9  # alone
    distances = distance.squareform(distance.pdist(rows))
    same = (labels[:, None] == labels) & ~np.eye(40, dtype=bool)
    assert mean_pairwise_distance(rows, labels) == pytest.approx(distances[same].mean(), rel=1e-9)
    # classes far apart, each of one image: gone within the classes, not between them
    collapsed = 10.0 * np.eye(5)[np.arange(40) % 5]
    assert mean_pairwise_distance(collapsed, np.arange(40) % 5) < 1e-6 < mean_pairwise_distance(collapsed)


def test_what_is_not_finite_is_seen():
    rows = RNG.normal(size=(6, 3))
    rows[2, 1] = np.nan
    assert np.isnan(mean_pairwise_distance(rows))


def test_no_pair_is_an_error():
    with pytest.raises(ValueError, match="samples: expected two with the same label; got 3 samples, each alone"):
        mean_pairwise_distance(np.zeros((3, 2)), np.arange(3))
    with pytest.raises(ValueError, match=r"labels: expected 3, one a sample; got shape \(2,\)"):
        mean_pairwise_distance(np.zeros((3, 2)), np.arange(2))
