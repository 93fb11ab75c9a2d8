"""Train a small model over the end of an epoch with all callbacks, alone or as a worker, and save all weights.

python -m tests.distribute.two_epochs OUT.npz FOLDER
"""

import os
import sys

import keras
import numpy as np
import tensorflow as tf

import kerasgan
from kerasgan import callbacks, metrics
from kerasgan.utils import workers

STEPS, EPOCHS = 5, 2


def main(out, folder):
    """Train and save."""
    several = "TF_CONFIG" in os.environ
    strategy = tf.distribute.MultiWorkerMirroredStrategy() if several else tf.distribute.get_strategy()
    images = np.random.default_rng(0).integers(0, 256, (12 * STEPS * 2, 32, 32, 1), "uint8")
    with strategy.scope():
        keras.utils.set_random_seed(1)
        networks = kerasgan.networks.dcgan
        generator = networks.generator((32, 32, 1), 8, filters=4, num_classes=3)
        critic = networks.critic((32, 32, 1), filters=4, num_classes=3)
        gan = kerasgan.SGAN(generator, critic, num_classes=3, critic_steps=2, ema_decay=0.9, seed=3)
        # Weights that begin 1e-7 off end up to 3e-4 off at a rate of 1e-3, where a ReLU switched, and 3e-7 at this one
        gan.compile(keras.optimizers.SGD(2e-4), keras.optimizers.SGD(2e-4))
        network = metrics.features.load("garments")
    labels = np.arange(len(images)) % 3
    source = kerasgan.data.arrays(images, labels)
    # 12 a minibatch: whole shares for 1, 2 and 3 workers; 120 images and minibatches of 11 leave uneven ones
    size = int(os.environ.get("BATCH", "12"))
    data = kerasgan.data.load(source, image_size=32, batch_size=size, critic_steps=2, labels=True, seed=1)
    before = [variable.numpy() for variable in gan.variables]
    history = gan.fit(
        data,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[
            callbacks.EvaluateGAN(
                metrics.Reference.of_arrays(images, network), f"{folder}/measured", every=4, n=20, grid=4
            ),
            callbacks.MetricsLog(f"{folder}/metrics.jsonl", 24, f"{folder}/tensorboard", every=2),
            callbacks.SampleGrid(f"{folder}/samples", every=4, n=6),
            callbacks.SingularValues(folder, every=4),
            callbacks.CollapseGuard(f"{folder}/guard", every=3),
            callbacks.Checkpoint(f"{folder}/checkpoints", every=3),
            callbacks.Progress(STEPS * EPOCHS, 24),
            callbacks.FiniteLosses(),
        ],
    ).history
    saved = {f"weight {index} {variable.path}": variable.numpy() for index, variable in enumerate(gan.variables)}
    moved = max(float(np.abs(value - old).max()) for value, old in zip(saved.values(), before))
    saved |= {f"log {name}": np.array(values) for name, values in history.items()}
    np.savez(out, moved=moved, step=int(gan.step.numpy()), chief=workers.is_chief(strategy), **saved)


if __name__ == "__main__":
    main(*sys.argv[1:])
