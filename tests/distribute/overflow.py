"""Take two float16 steps on two replicas, the first with an overflow on the second replica alone; print what is left.

python -m tests.distribute.overflow
"""

import json

import keras
import numpy as np
import tensorflow as tf

import kerasgan

LARGE = 1e4  # a float16, but its square is none, and the critic is penalised for the square of what it gives


def steps(clipvalue):
    """Train on two rows, one a replica, of which the second is too large, and then on two of which none is."""
    z, x = keras.Input((2,)), keras.Input((2,))
    half = {"dtype": "mixed_float16", "kernel_initializer": "ones"}
    generator = keras.Model(z, keras.layers.Dense(2, **half)(z))
    critic = keras.Model(x, keras.layers.Dense(1, activity_regularizer=keras.regularizers.L2(1e-3), **half)(x))
    gan = kerasgan.SGAN(generator, critic)
    gan.compile(*(keras.optimizers.SGD(1e-3, clipvalue=clipvalue) for _ in range(2)))
    for large in (LARGE, 1.0):
        rows = np.array([[1, 1], [1, large]], "float32")
        gan.fit(tf.data.Dataset.from_tensors(rows), verbose=0)
        yield {
            "kernel": gan.critic.layers[-1].kernel.numpy().ravel().tolist(),
            "updates": int(gan.critic_optimizer.iterations.numpy()),
            "scale": float(gan.critic_optimizer.dynamic_scale.numpy()),
        }


def main():
    """Print the steps without clipping and with it."""
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        print(json.dumps([list(steps(clipvalue)) for clipvalue in (None, 0.01)]))


if __name__ == "__main__":
    main()
