"""Feature networks and images for the tests of evaluation."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from kerasgan.metrics.features import FeatureNetwork

CLASSES = 3


def network(name="toy", channels=1, dim=4, sides=None):
    """A network whose features are `dim` fixed mixtures of the pixels, and whose classes follow from them.

    Its arithmetic is `features_of` and `probabilities_of`.
    """
    inputs = keras.Input((8, 8, channels))
    kernel = np.random.default_rng(5).normal(size=(64 * channels, dim)).astype("float32")
    features = layers.Dense(dim, use_bias=False, name="mix")(layers.Flatten()(inputs))
    probabilities = layers.Softmax()(layers.Dense(CLASSES, use_bias=False, name="head")(features))
    model = keras.Model(inputs, {"features": features, "probabilities": probabilities})
    model.get_layer("mix").set_weights([kernel])
    model.get_layer("head").set_weights([np.eye(dim, CLASSES, dtype="float32")])
    return FeatureNetwork(name, model, lambda x: tf.cast(x, tf.float32) / 255.0, "x / 255", channels, sides)


def features_of(images, dim=4):
    rows = images.reshape(len(images), -1) / 255.0
    return rows @ np.random.default_rng(5).normal(size=(rows.shape[1], dim)).astype("float32")


def probabilities_of(images):
    powers = np.exp(features_of(images)[:, :CLASSES])
    return powers / powers.sum(axis=1, keepdims=True)


def pictures(count, seed=0, channels=1, low=0, high=256):
    """uint8 [count, 8, 8, channels], of no meaning."""
    return np.random.default_rng(seed).integers(low, high, (count, 8, 8, channels), dtype="uint8")
