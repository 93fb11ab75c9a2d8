"""Train five steps with a guard that rolls back after the third, and save all weights; run in a process of its own.

python roll_back.py REPLICAS OUT.npz
"""

import pathlib
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf

from kerasgan import callbacks
from tests import points
from tests.callbacks.test_collapse_guard import Planned


def main(replicas, out):
    """Train, and save weights, rates and what the guard saw."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    strategy = tf.distribute.get_strategy()
    if replicas > 1:
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    with strategy.scope():
        gan = points.gan("HingeGAN", True)
        gan.compile(keras.optimizers.SGD(0.02), keras.optimizers.SGD(0.02))
    with tempfile.TemporaryDirectory() as folder:
        guard = callbacks.CollapseGuard(pathlib.Path(folder), 1, callbacks.RollBack(0.5), Planned(3))
        gan.fit(points.data(gan, 5), verbose=0, callbacks=[guard])
    found = {f"weight {i} {variable.path}": variable.numpy() for i, variable in enumerate(gan.variables)}
    found |= {f"look {look['step']}": np.array([*look["variety"].values()]) for look in guard.looks}
    rates = [keras.ops.convert_to_numpy(side.learning_rate) for side in (gan.generator_optimizer, gan.critic_optimizer)]
    np.savez(out, actions=[look["action"] for look in guard.looks], rates=rates, **found)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
