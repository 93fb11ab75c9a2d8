"""The classifier of CIFAR-10 as what a Projected GAN looks through; what it computes is tested with the metrics."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import metrics
from kerasgan.metrics import features
from kerasgan.networks import cifar10_classifier, dcgan, projected


def images_of(rows=2):
    return np.random.default_rng(0).uniform(-1, 1, (rows, 32, 32, 3)).astype("float32")


def test_the_trunk_is_the_network_that_judges():
    network = features.load("cifar10").model
    images = images_of()
    maps = cifar10_classifier.trunk()(tf.constant(images))
    assert [tuple(found.shape[1:]) for found in maps] == [(32, 32, 32), (16, 16, 64), (8, 8, 128), (4, 4, 256)]
    relus = [layer.output for layer in network.layers if isinstance(layer, keras.layers.ReLU)]
    residual = [layer.output for layer in network.layers if isinstance(layer, keras.layers.Add)]
    pooled = [layer.output for layer in network.layers if isinstance(layer, keras.layers.MaxPooling2D)]
    wanted = keras.Model(network.input, [relus[0], residual[0], pooled[1], residual[1]])(images, training=False)
    for found, expected in zip(maps, wanted, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)
    judged = network(images, training=False)["features"]
    np.testing.assert_allclose(np.mean(maps[3], axis=(1, 2)), judged, atol=1e-4)


def test_making_the_trunk_draws_nothing():
    """Weights of what is built after it would be others the first time."""
    drawn_after = []
    for _ in range(2):
        cifar10_classifier._trunk.cache_clear()
        keras.utils.set_random_seed(0)
        cifar10_classifier.trunk()
        drawn_after.append(keras.layers.Dense(2))
        drawn_after[-1].build((None, 3))
        cifar10_classifier.trunk()
    keras.utils.set_random_seed(0)
    alone = keras.layers.Dense(2)
    alone.build((None, 3))
    for layer in drawn_after:
        np.testing.assert_array_equal(layer.kernel, alone.kernel)


def test_the_critic_through_the_classifier(tmp_path):
    network = projected.critic((32, 32, 3), filters=2, network="cifar10")
    assert network.output_shape == (None, 4) and network.get_layer("features").feature_size == 32
    assert projected.critic((32, 32, 3), filters=2, feature_size=48, network="cifar10").output_shape == (None, 36)
    images = images_of()
    maps = network.get_layer("features")(images)
    assert [tuple(found.shape[1:]) for found in maps] == [(64, 64, 2), (32, 32, 2), (16, 16, 4), (8, 8, 8)]
    network.save(tmp_path / "critic.keras")
    again = keras.models.load_model(tmp_path / "critic.keras")
    np.testing.assert_array_equal(again(images), network(images))
    with tf.GradientTape() as tape:
        watched = tf.Variable(images)
        loss = tf.reduce_sum(network(watched, training=True))
    assert np.abs(tape.gradient(loss, watched)).max() > 0


def test_another_classifiers_weights_are_refused(monkeypatch, tmp_path):
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "cifar10.weights.h5").write_bytes(b"other")
    monkeypatch.setattr(cifar10_classifier, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="expected the classifier of kerasgan's zoo, SHA-256 e27cc"):
        projected.critic((32, 32, 3), filters=2, network="cifar10")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"feature_size": 24}, "feature_size: expected .*32"),
        ({"feature_size": 36}, "feature_size: expected a multiple of 8; got 36"),
        ({"network": "garments"}, "network: expected .*cifar10"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        projected.critic((32, 32, 3), filters=2, **{"network": "cifar10", **arguments})


def test_the_classifier_does_not_judge_what_learned_to_please_it():
    critic = projected.critic((32, 32, 3), filters=2, network="cifar10")
    gan = kerasgan.ProjectedGAN(dcgan.generator((32, 32, 3), 8, filters=2), critic)
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
    judge = metrics.Reference.of_arrays(images, features.load("cifar10"))
    with pytest.raises(ValueError, match=r"expected a feature network other than cifar10, .* got cifar10"):
        metrics.evaluate(gan, judge, "fid", n=8)
