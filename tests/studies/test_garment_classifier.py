"""The garment classifier and the garments it learns from."""

import keras
import numpy as np
import pytest

from kerasgan import data
from kerasgan.data import fashion_mnist_arrays
from kerasgan.metrics.features import garment_classifier
from tests.conftest import needs_fashion_mnist
from tests.networks import numpy_layers as np_layers

RNG = np.random.default_rng(0)


def bright_and_dark(count):
    """Images of two kinds that are told apart by their brightness, and the labels."""
    labels, rng = np.arange(count) % 2, np.random.default_rng(count)
    return rng.integers(0, 100, (count, 32, 32, 1), "uint8") + (155 * labels).astype("uint8")[
        :, None, None, None
    ], labels


@pytest.fixture
def few_garments(monkeypatch):
    """Fashion-MNIST in small: two classes."""
    monkeypatch.setattr(fashion_mnist_arrays, "arrays", lambda split, data_dir=None: bright_and_dark(1280))


def test_parameters_and_the_function_computed():
    network = garment_classifier.build(filters=3)
    convolutions = 9 * (1 * 3 + 3 * 6 + 6 * 12) + 2 * (3 + 6 + 12)
    assert np_layers.parameters(network) == convolutions + (16 * 12 + 1) * 10
    np_layers.randomize(network)
    x = images = RNG.uniform(-1, 1, (4, 32, 32, 1))
    convolutions = np_layers.weights_of(network, np_layers.CONV)
    norms = np_layers.weights_of(network, np_layers.BATCH_NORM)
    for (kernel,), norm in zip(convolutions, norms):
        padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))  # TensorFlow pads an odd kernel behind
        x = np_layers.conv2d(padded, kernel, stride=2, padding="valid")
        x = np_layers.relu(np_layers.batch_norm(x, *norm, epsilon=1e-3))
    logits = np_layers.dense(x.reshape(4, -1), *next(np_layers.weights_of(network, np_layers.DENSE)))
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(network(images), expected, rtol=1e-3, atol=1e-5)


def test_probabilities_and_accuracy_of_uint8_images():
    network = garment_classifier.build(filters=2)
    images = RNG.integers(0, 256, (700, 32, 32, 1), "uint8")
    rows = garment_classifier.probabilities(network, images)
    np.testing.assert_allclose(rows, network(images / np.float32(127.5) - 1), atol=1e-5)
    labels = rows.argmax(axis=1)
    labels[:70] += 1
    assert garment_classifier.accuracy(network, images, labels) == pytest.approx(0.9)


def test_trained_once_and_then_read(few_garments, tmp_path, monkeypatch):
    network, learned = garment_classifier.load_or_train(tmp_path / "deep" / "folder")
    assert learned > 0.9
    monkeypatch.setattr(garment_classifier, "train", None)
    again, accuracy = garment_classifier.load_or_train(tmp_path / "deep" / "folder")
    assert accuracy == learned
    for mine, other in zip(network.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_file_that_is_no_classifier_is_named(few_garments, tmp_path):
    path = tmp_path / garment_classifier.FILE
    path.write_bytes(b"no zip")
    with pytest.raises(
        ValueError, match=rf"{garment_classifier.FILE}: not a readable .keras file: .*; delete it to train"
    ):
        garment_classifier.load_or_train(tmp_path)
    path.unlink()
    garment_classifier.build((28, 28, 1), filters=2).save(path)
    with pytest.raises(ValueError, match=r"expected a model from \[N, 32, 32, 1\] to \[N, 10\]; it maps .*28"):
        garment_classifier.load_or_train(tmp_path)


def test_arrays_keep_the_order_of_the_source(monkeypatch):
    images = np.broadcast_to(np.arange(200, dtype="uint8").repeat(10)[:, None, None, None], (2000, 32, 32, 1))
    labels = np.arange(2000) % 10
    asked = []
    source = data.arrays(images, labels)
    monkeypatch.setattr(data, "tfds", lambda name, split, data_dir: asked.append((name, split, data_dir)) or source)
    got, got_labels = fashion_mnist_arrays.arrays("test", "somewhere")
    np.testing.assert_array_equal(got, images)
    np.testing.assert_array_equal(got_labels, labels)
    assert got.dtype == np.uint8 and asked == [("fashion_mnist", "test", "somewhere")]


def test_per_class_draws_without_replacement():
    labels = RNG.integers(0, 3, 300)
    numbers = np.arange(300)
    drawn = fashion_mnist_arrays.per_class(numbers, labels, 50)
    assert len(set(drawn)) == 150
    np.testing.assert_array_equal(labels[drawn], np.repeat([0, 1, 2], 50))
    np.testing.assert_array_equal(drawn, fashion_mnist_arrays.per_class(numbers, labels, 50))
    assert not np.array_equal(drawn, fashion_mnist_arrays.per_class(numbers, labels, 50, seed=1))
    rarest = np.bincount(labels).min()
    with pytest.raises(ValueError, match=f"expected at most {rarest}, the images of the rarest class; got 200"):
        fashion_mnist_arrays.per_class(numbers, labels, 200)


@pytest.mark.slow
@needs_fashion_mnist
def test_nine_of_ten_garments_are_told(tmp_path):
    network, accuracy = garment_classifier.load_or_train(tmp_path)
    assert accuracy >= 0.9
    assert keras.saving.load_model(tmp_path / garment_classifier.FILE, safe_mode=True).count_params() < 150_000
