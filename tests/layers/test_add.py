"""`kerasgan.layers.Add`: the numbers of Keras's layer, and the operation that `kerasgan.precision` takes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan


def operations(layer, shapes):
    """The types of the operations of a layer called with tensors of shapes."""
    call = tf.function(lambda *inputs: layer(list(inputs)))
    graph = call.get_concrete_function(*(tf.TensorSpec(shape) for shape in shapes)).graph
    return {operation.type for operation in graph.get_operations()}


@pytest.mark.parametrize("count", [2, 3])
def test_the_sum_is_that_of_keras(count):
    inputs = [np.random.default_rng(i).normal(size=(2, 4, 4, 3)).astype("float32") for i in range(count)]
    np.testing.assert_array_equal(kerasgan.layers.Add()(inputs), keras.layers.Add()(inputs))


def test_the_sum_is_one_operation():
    shapes = 2 * [(None, 4, 4, 3)]
    assert "AddN" in operations(kerasgan.layers.Add(), shapes)
    assert "AddN" not in operations(keras.layers.Add(), shapes)


def test_shapes_that_differ_are_broadcast_as_keras_does():
    inputs = [np.ones((2, 1, 3), "float32"), np.ones((2, 4, 1), "float32")]
    np.testing.assert_array_equal(kerasgan.layers.Add()(inputs), np.full((2, 4, 3), 2.0))


def test_a_saved_network_has_it_again(tmp_path):
    x = keras.Input((4, 3))
    keras.Model(x, kerasgan.layers.Add()([x, x])).save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    assert type(loaded.layers[-1]) is kerasgan.layers.Add and loaded.layers[-1].name.startswith("add")
