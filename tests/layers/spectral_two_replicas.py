"""Three steps of a spectrally normalized layer on two replicas, and on one; run in a process of its own.

python spectral_two_replicas.py OUT.npz
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from kerasgan.layers import SpectralNormalization


def make(x):
    layer = SpectralNormalization(keras.layers.Conv2D(6, 4, strides=2, activation="tanh"), power_iterations=2)
    layer.build(x.shape)
    return layer, keras.optimizers.SGD(0.01)


def train(layer, optimizer, x):
    layer.update()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x, training=True) ** 2)
    gradients = tape.gradient(loss, layer.trainable_variables)
    optimizer.apply(gradients, layer.trainable_variables)
    return gradients[0]


def main(out):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    x = np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype("float32")

    one, one_optimizer = make(x)
    with strategy.scope():
        two, two_optimizer = make(x)
        two_optimizer.build(two.trainable_variables)
        two.set_weights(one.get_weights())
    before = {"before u": one.u.numpy(), "before v": one.v.numpy(), "before kernel": one.kernel.numpy()}

    halves = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(x[context.replica_id_in_sync_group :: 2])
    )
    step = tf.function(lambda part: strategy.run(train, (two, two_optimizer, part)))
    for _ in range(3):
        gradient = train(one, one_optimizer, x)
        gradients = strategy.experimental_local_results(step(halves))

    arrays = {"one u": one.u, "one v": one.v, "one kernel": one.kernel, "one gradient": gradient}
    for name, variable in {"u": two.u, "v": two.v, "kernel": two.kernel}.items():
        arrays[f"replicas {name}"] = np.stack(strategy.experimental_local_results(variable.value))
    np.savez(
        out, **before, **{"replicas gradients": np.stack(gradients)}, **{k: np.array(a) for k, a in arrays.items()}
    )


if __name__ == "__main__":
    main(sys.argv[1])
