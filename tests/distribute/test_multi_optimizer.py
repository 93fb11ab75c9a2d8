"""The optimizers in a `MultiOptimizer` clip the gradients of all replicas together."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]

PROGRAM = """
import keras
import tensorflow as tf

from kerasgan.utils import replica_shares

[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
GRADIENTS = tf.constant([[[3.0, 0.0], [0.3, 0.0], [5.0, 0.0]], [[0.0, 4.0], [0.0, 0.4], [0.0, 6.0]]])
with strategy.scope():
    variables = [keras.Variable([0.0, 0.0], name=name) for name in ("clipped", "of_all", "plain")]
    kinds = keras.optimizers.OptimizerMap(
        keras.optimizers.SGD(1.0), {"clipped": keras.optimizers.SGD(1.0, clipnorm=1.0),
                                    "of_all": keras.optimizers.SGD(1.0, global_clipnorm=0.1)})
    optimizer = keras.optimizers.MultiOptimizer(kinds)
    optimizer.build(variables)


def step():
    own = tf.unstack(GRADIENTS[tf.distribute.get_replica_context().replica_id_in_sync_group])
    optimizer.apply(replica_shares.for_all(optimizer, own, variables), variables)


strategy.run(step)
print(*(number for variable in variables for number in variable.numpy()))
"""


def test_each_clips_the_sum_of_the_replicas_gradients():
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, check=True, timeout=300, cwd=ROOT, capture_output=True, text=True)
    moved = np.array(done.stdout.split(), float)
    # the sums are [3, 4], [0.3, 0.4] and [5, 6], the first two of the norms 5 and 0.5
    assert moved == pytest.approx([-0.6, -0.8, -0.06, -0.08, -5, -6], rel=1e-5)
