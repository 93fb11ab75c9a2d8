"""An SGAN of points in the plane, for tests of what `fit` looks at before its first step."""

import keras
import numpy as np
import tensorflow as tf

import kerasgan
from kerasgan.networks import mlp

POINTS = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")


def points_gan(of_gan=None, **arguments):
    keras.utils.set_random_seed(0)
    gan = kerasgan.SGAN(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8), **(of_gan or {}))
    gan.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05), **arguments)
    return gan


def fit(gan, *given, **arguments):
    return gan.fit(POINTS, batch_size=16, verbose=0, callbacks=list(given), **arguments)


def moved_by(gan, variable, data=POINTS):
    """How far a step of SGD at rate 0.1 has moved a variable."""
    before = variable.numpy()
    gan.fit(tf.data.Dataset.from_tensors(data), verbose=0)
    return variable.numpy() - before
