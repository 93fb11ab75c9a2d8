"""`kerasgan.layers.Add`: the numbers of Keras's layer, and the operation that `kerasgan.precision` takes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

import kerasgan


def operations(layer, shapes):
    """The types of the operations of a layer called with tensors of shapes."""
    call = tf.function(lambda *inputs: layer(list(inputs)))
    graph = call.get_concrete_function(*(tf.TensorSpec(shape) for shape in shapes)).graph
    return {operation.type for operation in graph.get_operations()}


def optimized(function):
    """The types of the operations of a function without arguments, as TensorFlow runs it."""
    context.enable_run_metadata()
    try:
        function()
        graphs = context.export_run_metadata().function_graphs
    finally:
        context.disable_run_metadata()
    return [node.op for graph in graphs for node in graph.post_optimization_graph.node]


def of_a_step(network, train):
    """Those of a call of a network, or of the gradients of its weights."""

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(network(tf.ones((2, 8, 8, 4))) ** 2)
        return tape.gradient(loss, network.trainable_variables) if train else loss

    return optimized(step)


def residual(grow):
    """Two residual blocks that may double the size each; a convolution on each branch."""
    size = keras.layers.UpSampling2D if grow else keras.layers.Identity
    x = images = keras.Input((8, 8, 4))
    for _ in range(2):
        y = keras.layers.Conv2D(4, 3, padding="same")(size()(keras.layers.ReLU()(x)))
        y = keras.layers.Conv2D(4, 3, padding="same")(keras.layers.ReLU()(y))
        x = kerasgan.layers.Add()([keras.layers.Conv2D(4, 1)(size()(x)), y])
    return keras.Model(images, keras.layers.Conv2D(4, 3)(keras.layers.ReLU()(x)))


@pytest.mark.parametrize("grow", [False, True])
@pytest.mark.parametrize("train", [False, True])
def test_convolutions_of_residual_networks_are_fused(grow, train):
    operations = of_a_step(residual(grow), train)
    assert "Conv2D" not in operations and operations.count("_FusedConv2D") == 7


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
