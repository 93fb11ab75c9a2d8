"""Extract and generate on two replicas; run in a process of its own: python -m tests.metrics.two_replicas OUT.npz."""

import sys

import numpy as np
import tensorflow as tf

from kerasgan.metrics.evaluator import generated
from kerasgan.metrics.extraction import extract, in_batches
from kerasgan.metrics.pipelining import spread


def main(out):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from tests.conftest import make_gan
    from tests.metrics.images import network, pictures

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    calls = []

    def counted(rows):
        calls.append(len(rows))
        return rows

    with strategy.scope():
        assert list(spread(strategy, counted)(np.arange(5))) == [0, 1, 2, 3, 4]
        assert sorted(calls) == [2, 3], calls
        images = pictures(41)
        found = extract(in_batches(images, batch_size=9), network(), 41)
        gan = make_gan(num_classes=3)
        gan.ema_generator.set_weights([8.0 * value for value in gan.ema_generator.get_weights()])  # lively images
        made = np.concatenate([some for some, _ in generated(gan, 7, seed=5, batch_size=4)])
    np.savez(
        out,
        mean=found.moments.mean,
        images=images,
        replicas=strategy.num_replicas_in_sync,
        calls=len(calls),
        generated=made,
        alone=gan.sample(7, seed=5),
    )


if __name__ == "__main__":
    main(sys.argv[1])
