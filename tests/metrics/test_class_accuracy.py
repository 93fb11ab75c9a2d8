"""The share of images of their label against Keras's own accuracy, and against counts by hand."""

import keras
import numpy as np
import pytest

from kerasgan.metrics.class_accuracy import class_accuracy

RNG = np.random.default_rng(0)


def test_the_share_is_keras_s_accuracy_of_all_and_of_each_class():
    probabilities, labels = RNG.dirichlet(np.full(5, 0.3), 400).astype("float32"), RNG.choice([0, 1, 3], 400)
    labels = np.where(RNG.random(400) < 0.6, probabilities.argmax(axis=1), labels)

    def by_keras(rows):
        accuracy = keras.metrics.SparseCategoricalAccuracy()
        accuracy.update_state(labels[rows], probabilities[rows])
        return float(accuracy.result())

    found = class_accuracy(probabilities, labels)
    assert found.of_all == pytest.approx(by_keras(np.arange(400)), rel=1e-6) and 0.5 < found.of_all < 0.9
    wanted = {label: by_keras(labels == label) for label in np.unique(labels).tolist()}
    assert found.by_class == pytest.approx(wanted, rel=1e-6)


def test_labels_that_say_nothing_are_seen():
    probabilities = np.eye(4)[np.arange(400) % 4]
    assert class_accuracy(probabilities, np.arange(400) % 4) == (1.0, dict.fromkeys(range(4), 1.0))
    assert class_accuracy(probabilities, np.arange(400) // 100) == (0.25, dict.fromkeys(range(4), 0.25))


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (np.ones((2, 3)), [0, 1], "probabilities: expected rows of numbers .* sums to 3"),
        ([[1, 0]], [0], r"probabilities: expected floats \[N, K\]; got int64"),
        (np.full((2, 2), 0.5), [0, 2], "labels: expected integers below 2, the classes; got 2"),
        (np.full((2, 2), 0.5), [0, 1, 1], "labels: expected 2 integers, one a row"),
        (np.full((2, 2), 0.5), [0, -1], "labels: expected integers of at least 0; got -1"),
    ],
)
def test_what_cannot_be_counted_is_named(probabilities, labels, message):
    with pytest.raises(ValueError, match=message):
        class_accuracy(probabilities, labels)
