"""Batch norm as one operation, whose replicas send one message: the numbers of Keras's layer."""

import functools
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasgan.layers import BatchNormalization

ROOT = pathlib.Path(__file__).parents[2]


def test_two_replicas_compute_what_keras_does_in_fewer_messages(tmp_path):
    command = [sys.executable, "-m", "tests.layers.batch_norm_two_replicas", tmp_path / "out.npz"]
    subprocess.run(command, check=True, timeout=300, cwd=ROOT)
    found = np.load(tmp_path / "out.npz")
    for name in ("made", "gradients", "moving_mean", "moving_variance"):
        np.testing.assert_allclose(found[f"ours_{name}"], found[f"keras_{name}"], atol=2e-5, err_msg=name)
    np.testing.assert_allclose(found["ours_made"], found["one"], atol=2e-5)
    assert (found["keras_messages"], found["ours_messages"]) == (2 * 5, 2 * 2), "forth and back, of two replicas"


class Written(keras.layers.Layer):
    """Batch norm as its paper writes it."""

    def __init__(self, momentum, center=True, scale=True, **arguments):
        super().__init__(**arguments)
        self.momentum, self.center, self.scale = momentum, center, scale

    def build(self, shape):
        weight = functools.partial(self.add_weight, (shape[-1],))
        self.gamma = weight("ones", name="gamma") if self.scale else 1.0
        self.beta = weight("zeros", name="beta") if self.center else 0.0
        self.moving_mean = weight("zeros", trainable=False, name="mean")
        self.moving_variance = weight("ones", trainable=False, name="variance")

    def call(self, x, training):
        axes = list(range(x.shape.rank - 1))
        mean = tf.reduce_mean(x, axes)
        variance = tf.reduce_mean((x - mean) ** 2, axes)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(self.momentum * moving + (1 - self.momentum) * now)
        return self.gamma * (x - mean) / tf.sqrt(variance + 1e-3) + self.beta


def _steps(layer, x, upstream, weights):
    """A layer's images, moving statistics, and gradients of first and second order in training, as float64."""
    x = tf.Variable(tf.cast(x, layer.dtype))
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            made = layer(x, training=True)
            loss = tf.reduce_sum(tf.cast(made, x.dtype) * tf.cast(upstream, x.dtype))
        first = inner.gradient(loss, [x, *layer.trainable_variables])
        penalty = tf.reduce_sum(tf.cast(weights, x.dtype) * tf.square(first[0]))
    second = outer.gradient(penalty, [x, *layer.trainable_variables])
    found = [made, layer.moving_mean, layer.moving_variance, *first, *second]
    return [np.asarray(each, "float64") for each in found if each is not None]


@pytest.mark.parametrize("shape", [(6, 3, 2, 4), (1, 1, 1, 4), (6, 4), (6, 5, 4), (2, 3, 2, 2, 4)])
@pytest.mark.parametrize("arguments", [{}, {"center": False}, {"scale": False}, {"center": False, "scale": False}])
@pytest.mark.parametrize("dtype", ["float32", "float64"])  # the latter as Keras's operations
def test_alone_it_is_the_papers_to_the_second_derivative(shape, arguments, dtype):
    rng = np.random.default_rng(0)
    x, upstream, weights = rng.normal(2.0, 3.0, shape), rng.normal(size=shape), rng.uniform(size=shape)
    layers = Written(0.7, dtype="float64", **arguments), BatchNormalization(momentum=0.7, dtype=dtype, **arguments)
    wanted, found = (_steps(layer, x, upstream, weights) for layer in layers)
    assert len(found) == len(wanted)
    for theirs, ours in zip(wanted, found):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5 * max(1.0, np.abs(theirs).max()))


@pytest.mark.parametrize("synchronized", [False, True])
@pytest.mark.parametrize("shape", [(64, 4, 4, 3), (1024, 3)])
def test_variance_of_numbers_far_from_zero(synchronized, shape):
    x = np.random.default_rng(0).normal(3000.0, 1.0, shape).astype("float32")
    layer = BatchNormalization(momentum=0.0, synchronized=synchronized)
    made = layer(x, training=True)
    exact = x.astype("float64").reshape(-1, 3)
    np.testing.assert_allclose(layer.moving_mean, exact.mean(0), rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, exact.var(0), rtol=1e-3)
    np.testing.assert_allclose(np.std(np.reshape(made, (-1, 3)), 0), 1.0, rtol=1e-3)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"])
def test_narrow_images_have_statistics_in_float32(dtype):
    x = np.random.default_rng(0).normal(2.0, 0.5, (64, 16, 16, 3)).astype(dtype.removeprefix("mixed_"))
    layer = BatchNormalization(momentum=0.0, dtype=dtype)
    made = layer(x, training=True)
    assert keras.backend.standardize_dtype(made.dtype) == dtype.removeprefix("mixed_")
    exact = x.astype("float64").reshape(-1, 3)
    kept = 1e-4 if dtype.startswith("mixed_") else 1e-2  # the variables themselves are narrow
    np.testing.assert_allclose(np.asarray(layer.moving_mean, "float64"), exact.mean(0), rtol=kept)
    np.testing.assert_allclose(np.asarray(layer.moving_variance, "float64"), exact.var(0), rtol=kept)
    wanted = ((exact - exact.mean(0)) / np.sqrt(exact.var(0) + layer.epsilon)).reshape(x.shape)
    np.testing.assert_allclose(np.asarray(made, "float64"), wanted, atol=0.02)


@pytest.mark.parametrize("frozen", [False, True])
def test_moving_statistics_are_those_of_kerass_layer(frozen):
    """Outside training, and where the layer is frozen, they normalize and stay."""
    x = np.random.default_rng(0).normal(2.0, 3.0, (6, 3, 2, 4)).astype("float32")
    layers = [kind() for kind in (keras.layers.BatchNormalization, BatchNormalization)]
    for layer in layers:
        layer(x, training=True)
        layer.trainable = not frozen
    layers[0].set_weights(layers[1].get_weights())
    made = [layer(x, training=frozen) for layer in layers]
    np.testing.assert_array_equal(*made)
    for theirs, ours in zip(*(layer.weights for layer in layers), strict=True):
        np.testing.assert_array_equal(theirs, ours)


def test_images_are_normalized_in_one_operation():
    layer = BatchNormalization(synchronized=True)
    layer.build((None, 4, 4, 3))
    step = tf.function(lambda x: layer(x, training=True)).get_concrete_function(tf.TensorSpec((None, 4, 4, 3)))
    operations = [operation.type for operation in step.graph.get_operations()]
    assert operations.count("FusedBatchNormV3") == 1
    assert not {"Rsqrt", "SquaredDifference", "Square"} & set(operations)


def test_files_are_those_of_kerass_layer(tmp_path):
    """Weights that were saved with it are found; so are checkpoints of runs from before."""
    before = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
    after = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), BatchNormalization()])
    before.layers[1].moving_mean.assign([3.0, 4.0])
    before.save_weights(tmp_path / "before.weights.h5")
    after.load_weights(tmp_path / "before.weights.h5")
    for theirs, ours in zip(before.weights, after.weights, strict=True):
        np.testing.assert_array_equal(theirs, ours)
    after.save(tmp_path / "after.keras")
    again = keras.models.load_model(tmp_path / "after.keras")
    assert type(again.layers[1]) is BatchNormalization
    np.testing.assert_array_equal(again.layers[1].moving_mean, [3.0, 4.0])
