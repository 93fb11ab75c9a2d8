"""Extract, generate and evaluate on two replicas; run in a process of its own.

python -m tests.metrics.two_replicas OUT.npz [FOLDER]; with a folder it trains too.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from kerasgan.callbacks import EvaluateGAN
from kerasgan.metrics import Reference, evaluate
from kerasgan.metrics.evaluation.evaluator import generated
from kerasgan.metrics.evaluation.extraction import extract, in_batches
from kerasgan.metrics.evaluation.prefetch import spread
from kerasgan.metrics.features import FeatureNetwork


def main(out, folder=None):
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
        assert (
            list(spread(strategy, counted)(np.arange(5, 10))) == [5, 6, 7, 8, 9] and len(calls) == 2
        )  # not traced again
        images = pictures(41)
        found = extract(in_batches(images, batch_size=9), network(), 41)
        gan = make_gan(num_classes=3)
        gan.ema_generator.set_weights([8.0 * value for value in gan.ema_generator.get_weights()])  # lively images
        made = np.concatenate([some for some, _ in generated(gan, 7, seed=5, batch_size=4)])
        real = np.random.default_rng(3).integers(0, 256, (60, 32, 32, 1), dtype="uint8")
        judge = FeatureNetwork("toy", network().model, lambda x: x[:, ::4, ::4] / 255, "every fourth pixel", 1)
        reference = Reference.of_arrays(real, judge, np.arange(60) % 3)
        alone, measured_on = gan.sample(7, seed=5), gan.sample(41, seed=5)
    [measured] = evaluate(gan, reference, n=41, seed=5, batch_size=9)
    if folder:
        fit(gan, reference, folder)
    np.savez(
        out,
        mean=found.moments.mean,
        images=images,
        replicas=strategy.num_replicas_in_sync,
        calls=len(calls),
        generated=made,
        alone=alone,
        real=real,
        measured=measured.value,
        measured_on=measured_on,
    )


def fit(gan, reference, folder):
    """Train four steps that change the moving average's images, measure every second, and save the model."""
    gan.ema_decay = 0.5
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    images = np.random.default_rng(4).integers(0, 256, (32, 32, 32, 1), dtype="uint8")
    callback = EvaluateGAN(reference, folder, every=2, n=41, seed=5, grid=0, verbose=False)
    gan.fit(images, np.arange(32) % 3, batch_size=8, verbose=0, callbacks=[callback])
    gan.save(f"{folder}/trained.keras")


if __name__ == "__main__":
    main(*sys.argv[1:])
