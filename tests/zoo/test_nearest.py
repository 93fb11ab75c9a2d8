"""The training images nearest to generated ones."""

import numpy as np
import pytest

from kerasgan import metrics
from kerasgan.zoo import nearest

RNG = np.random.default_rng(0)
REAL = RNG.integers(0, 256, (250, 32, 32, 1), "uint8")


@pytest.fixture(scope="module")
def network():
    return metrics.features.load("garments")


def by_scikit_learn(network, images, real, neighbours):
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=neighbours).fit(network(real)["features"].astype("float64"))
    return search.kneighbors(network(images)["features"].astype("float64"))


def test_they_are_those_that_scikit_learn_finds(network):
    pytest.importorskip("sklearn", reason="needs scikit-learn, which prdc brings: make parity")
    images = RNG.integers(0, 200, (20, 32, 32, 1), "uint8")
    found = nearest.nearest(images, metrics.Reference.of_arrays(REAL, network))
    distances, places = by_scikit_learn(network, images, REAL, 1)
    np.testing.assert_array_equal(found.images, REAL[places[:, 0]])
    np.testing.assert_allclose(found.distances, distances[:, 0], rtol=1e-4)
    between, _ = by_scikit_learn(network, REAL[:20], REAL, 2)
    np.testing.assert_allclose(found.between_real, between[:, 1], rtol=1e-4)


def test_copies_are_at_zero_and_shown(network):
    places = RNG.permutation(250)[:30]
    found = nearest.nearest(REAL[places], metrics.Reference.of_arrays(REAL, network))
    np.testing.assert_array_equal(found.images, REAL[places])
    assert np.median(found.distances) <= 1e-3 * np.median(found.between_real) != 0
    assert (found.between_real > 0).all()


def test_rows_of_pairs():
    images, others = np.arange(6), np.arange(10, 16)
    assert nearest.rows(images, others, 3).tolist() == [0, 1, 2, 10, 11, 12, 3, 4, 5, 13, 14, 15]
