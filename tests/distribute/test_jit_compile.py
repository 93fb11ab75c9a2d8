"""XLA on several replicas, where TensorFlow fails in the first step, is refused before it."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]

PROGRAM = """
import numpy as np
import tensorflow as tf

import kerasgan
from tests import points

[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    made = points.gan("SGAN")
    gan = kerasgan.SGAN(made.generator, made.critic, made.latent)
    gan.compile(jit_compile=True)
try:
    gan.fit(np.zeros((8, 2), "float32"), batch_size=8, verbose=0)
except ValueError as error:
    print(error)
"""


def test_xla_is_refused_on_several_replicas():
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, check=True, timeout=300, cwd=ROOT, capture_output=True, text=True)
    assert "jit_compile: expected False in `compile` on 2 replicas" in done.stdout
