"""Layer and instance norm against Keras's, and the second derivative that Keras's lacks against finite differences."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.layers import SampleNormalization

RNG = np.random.default_rng(0)
X = RNG.normal(1, 2, (3, 4, 5, 6)).astype("float32")


@pytest.mark.parametrize("per_channel", [False, True])
def test_the_function_is_that_of_keras(per_channel):
    layer = SampleNormalization(per_channel)
    reference = keras.layers.GroupNormalization(-1 if per_channel else 1, epsilon=1e-5)
    weights = list(RNG.normal(size=(2, 6)))
    for each in (layer, reference):
        each.build(X.shape)
        each.set_weights(weights)
    np.testing.assert_allclose(layer(X), reference(X), rtol=1e-4, atol=1e-5)
    again = SampleNormalization.from_config(layer.get_config())
    again.build(X.shape)
    again.set_weights(weights)
    np.testing.assert_array_equal(again(X), layer(X))


@pytest.mark.parametrize("per_channel", [False, True])
def test_the_second_derivative_is_the_difference_of_first_ones(per_channel):
    layer = SampleNormalization(per_channel, dtype="float64")
    x, direction, weights = RNG.normal(size=(3, 2, 4, 3, 2))
    layer.build(x.shape)

    def slope(at):
        at = tf.constant(at)
        with tf.GradientTape() as tape:
            tape.watch(at)
            value = tf.reduce_sum(weights * layer(at) ** 3)
        return tape.gradient(value, at)

    point = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(point)
        with tf.GradientTape() as inner:
            inner.watch(point)
            value = tf.reduce_sum(weights * layer(point) ** 3)
        along = tf.reduce_sum(inner.gradient(value, point) * direction)
    second = outer.gradient(along, point).numpy()
    numeric = (slope(x + 1e-5 * direction) - slope(x - 1e-5 * direction)).numpy() / 2e-5
    np.testing.assert_allclose(second, numeric, rtol=1e-5, atol=1e-6)
    assert np.abs(second).max() > 0.1


def test_a_gradient_penalty_warns_of_keras_own():
    z, x = keras.Input((2,)), keras.Input((2,))
    generator = keras.Model(z, keras.layers.Dense(2)(z))
    for layer in (keras.layers.LayerNormalization(), keras.layers.GroupNormalization(1)):
        critic = keras.Model(x, keras.layers.Dense(1)(layer(keras.layers.Dense(4)(x))))
        with pytest.warns(UserWarning, match="use kerasgan.layers.SampleNormalization"):
            kerasgan.WGANGP(generator, critic)
    critic = keras.Model(x, keras.layers.Dense(1)(SampleNormalization()(keras.layers.Dense(4)(x))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kerasgan.WGANGP(generator, critic)


def test_one_number_a_channel_has_no_statistics():
    with pytest.raises(ValueError, match=r"inputs: expected \[N, ..., C\] with per_channel=True; got shape \(2, 3\)"):
        SampleNormalization(per_channel=True)(np.ones((2, 3), "float32"))
    shape = (None, 4, 4, 3)
    assert SampleNormalization().compute_output_shape(shape) == shape
