"""Train a small model on arrays, on one device of the processor or on several, and save its weights.

python -m tests.distribute.fit_arrays REPLICAS OUT.npz
"""

import sys

import numpy as np
import tensorflow as tf

import kerasgan
from tests import points


def main(replicas, out):
    """Train and save."""
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    names = [f"CPU:{index}" for index in range(replicas)]
    strategy = tf.distribute.get_strategy() if replicas == 1 else tf.distribute.MirroredStrategy(names)
    values = np.random.default_rng(0).normal(size=(50, 2)).astype("float32")
    with strategy.scope():
        made = points.gan("SGAN")
        gan = kerasgan.SGAN(made.generator, made.critic, made.latent, ema_decay=0.9, seed=3)
        gan.compile("sgd", "sgd")
    for _ in range(2):  # the second goes on where the first has ended
        gan.fit(values, batch_size=12, verbose=0)
    weights = {f"{index} {variable.path}": variable.numpy() for index, variable in enumerate(gan.variables)}
    np.savez(out, step=int(gan.step.numpy()), **weights)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
