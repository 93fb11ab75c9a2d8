"""Batch norm as a part of the convolution before it: the same outputs, where it may be."""

import keras
import numpy as np
import pytest
from keras import layers

import kerasgan
from kerasgan.metrics.features.folding import folded


def drawn(outputs_of):
    """A model of images [8, 8, 3] whose weights are all random, variances positive."""
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, outputs_of(images))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape) * rng.choice([-1, 1] if "kernel" in weight.path else [1]))
    return model


def norms(model):
    return sum(isinstance(layer, layers.BatchNormalization) for layer in model.layers)


def conv(x, **arguments):
    return layers.Conv2D(4, 3, padding="same", **arguments)(x)


def residual(x):
    x = layers.ReLU(6.0)(layers.BatchNormalization(epsilon=1e-2)(conv(x, use_bias=False)))
    y = layers.BatchNormalization(scale=False)(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
    return layers.Add()([x, kerasgan.layers.BatchNormalization(center=False)(conv(y, bias_initializer="ones"))])


def two_uses(x):
    x = conv(x)
    return {"normalized": layers.BatchNormalization()(x), "as it is": layers.ReLU()(x)}


def an_output(x):
    x = conv(x)
    return [layers.BatchNormalization()(x), x]


@pytest.mark.parametrize(
    ("outputs_of", "left"),
    [
        (residual, 0),
        (two_uses, 1),
        (an_output, 1),
        (lambda x: layers.BatchNormalization()(conv(x, activation="relu")), 1),
        (lambda x: layers.BatchNormalization(axis=1)(conv(x)), 1),
        (lambda x: layers.BatchNormalization()(layers.AveragePooling2D(2)(conv(x))), 1),
    ],
    ids=["residual", "two uses", "an output", "an activation", "over rows", "pooling between"],
)
def test_outputs_are_the_same(outputs_of, left):
    model = drawn(outputs_of)
    images = np.random.default_rng(1).normal(size=(2, 8, 8, 3)).astype("float32")
    wanted = model(images, training=False)
    made = folded(model)
    assert norms(made) == left
    keras.tree.map_structure(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4), made(images), wanted
    )
    keras.tree.map_structure(np.testing.assert_array_equal, model(images, training=False), wanted)


def test_models_that_are_not_known_stay():
    class Own(layers.Layer):
        def call(self, x):
            return x

    class Subclassed(keras.Model):
        def call(self, x):
            return x

    own, subclassed = drawn(lambda x: layers.BatchNormalization()(conv(Own()(x)))), Subclassed()
    assert folded(own) is own and folded(subclassed) is subclassed


def in_a_row(conv, x):
    return layers.BatchNormalization()(conv(conv(x)))


def side_by_side(conv, x):
    return [layers.BatchNormalization()(conv(x)), layers.ReLU()(conv(layers.ReLU()(x)))]


def given_out(conv, x):
    return [layers.BatchNormalization()(conv(x)), conv(layers.ReLU()(x))]


@pytest.mark.parametrize("outputs_of", [in_a_row, side_by_side, given_out])
def test_a_model_that_calls_a_layer_twice_stays(outputs_of):
    shared = layers.Conv2D(3, 3, padding="same")
    model = drawn(lambda x: outputs_of(shared, x))
    assert folded(model) is model


def test_a_feature_network_counts_as_before():
    """Its digest is of the weights that were given."""
    model = drawn(lambda x: {"features": layers.GlobalAveragePooling2D()(residual(x))})
    network = kerasgan.metrics.features.FeatureNetwork("own", model, lambda images: images / 255, "/ 255")
    images = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3)).astype("uint8")
    digest = network.digest
    np.testing.assert_allclose(network(images)["features"], model(images / np.float32(255))["features"], rtol=1e-4)
    assert network.digest == digest and norms(network.model) == 3
