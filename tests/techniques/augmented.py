"""What the tests of augmentations share: uniform numbers of one's choice, and a small model of images."""

import types

import keras
import numpy as np
import tensorflow as tf

import kerasgan
from kerasgan.models.batch import Batch


def disturbed(technique, images, numbers):
    """Return images [N, H, W, C] as a technique disturbs them with these uniform numbers [N, K], a float32 array."""
    return seen(technique, tf.constant(images, tf.float32), numbers).numpy()


def seen(technique, images, numbers):
    """Return what `disturbed` does, of a tensor, as a tensor through which gradients run."""
    asked = []

    def uniform(batch, shape, *purpose):
        asked.append(purpose)
        assert shape == (np.shape(numbers)[1],)
        return tf.constant(numbers, tf.float64)

    gan = types.SimpleNamespace(uniform=uniform, step=tf.constant(0, tf.int64), track=lambda **_: None)
    batch = technique.disturb(gan, Batch(images, None), "real", 0)
    assert len(asked) == 1 and asked[0][1:] == ("real", 0)
    return batch.images


def check_second_derivative(technique, numbers):
    """Compare the derivative of a penalty on gradients with its differences, in the direction of a random kernel.

    The score is a nonlinear function of the image as the technique disturbs it, the penalty the squared norm of its
    gradient with respect to the image before.
    """
    images, rng = some((5, 4, 3), rows=len(numbers))
    kernel, direction = (rng.normal(size=(5, 4, 3)).astype("float32") for _ in range(2))

    def penalty(kernel):
        with tf.GradientTape() as tape:
            x = tf.constant(images)
            tape.watch(x)
            score = tf.reduce_sum(tf.tanh(tf.reduce_sum(seen(technique, x, numbers) * kernel, [1, 2, 3]) / 4))
        return tf.reduce_sum(tf.square(tape.gradient(score, x)))

    with tf.GradientTape() as tape:
        variable = tf.Variable(kernel)
        value = penalty(variable)
    exact = float(np.sum(tape.gradient(value, variable) * direction))
    low, high = (float(penalty(kernel + step * direction)) for step in (-1e-2, 1e-2))
    assert abs(exact) > 0.01
    np.testing.assert_allclose(exact, (high - low) / 2e-2, rtol=2e-2)


def some(shape, rows=6, seed=0):
    """Return images [rows, *shape] in [-1, 1], float32, and a generator of random numbers."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (rows, *shape)).astype("float32"), rng


def model(techniques, shape=(8, 12, 3), objective=kerasgan.SGAN, **arguments):
    """Return a model of images, not compiled, whose critic has a second derivative; the same at each call."""
    keras.utils.set_random_seed(3)
    z, image = keras.Input((4,)), keras.Input(shape)
    made = keras.layers.Dense(int(np.prod(shape)), activation="tanh")(keras.layers.Dense(8, activation="tanh")(z))
    x = keras.layers.Conv2D(4, 3, strides=2, activation="tanh")(image)
    return objective(
        keras.Model(z, keras.layers.Reshape(shape)(made)),
        keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(x))),
        techniques=techniques,
        seed=5,
        **arguments,
    )
