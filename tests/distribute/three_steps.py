"""Train each objective three steps with SGD on fixed data and save all weights; run in a process of its own.

python three_steps.py REPLICAS OUT.npz NAME ...    (of `points.named`)
"""

import os
import sys

import keras
import numpy as np
import tensorflow as tf

import kerasgan
from tests import points
from tests.techniques import augmented

IMAGES = ("SGAN", "WGANGP")
AUGMENTED = "SGAN+augmentation"


def images_gan(objective):
    """Return a class-conditional model of 32x32 images, with batch norm where the objective allows it."""
    keras.utils.set_random_seed(1)
    networks = kerasgan.networks.dcgan
    normalization = "batch" if objective == "SGAN" else "layer"
    generator = networks.generator((32, 32, 3), latent_dim=16, filters=8, num_classes=4)
    critic = networks.critic((32, 32, 3), filters=8, num_classes=4, normalization=normalization)
    return getattr(kerasgan, objective)(generator, critic, num_classes=4, critic_steps=2, ema_decay=0.9, seed=5)


def points_gan(name):
    """Return a model of points in the plane."""
    special = {"WGAN": {"clip": 0.5, "long_critic_steps": 10}}  # three steps of five: the generator's second is due
    return points.named(name, **special.get(name, {}))


def augmented_gan():
    """Return a model of images whose critic sees them augmented in both ways; p rises at the fourth of six updates."""
    techniques = kerasgan.techniques
    adaptive = techniques.AdaptiveAugmentation(target=-0.99, images=100, color=1.0)
    plug_ins = [adaptive, techniques.DiffAugment(), techniques.R1(0.1, every=2)]
    return augmented.model(plug_ins, critic_steps=2, ema_decay=0.9)


def main(replicas, out, names):
    """Train, and save weights, how far they moved, and logs."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    strategy = tf.distribute.get_strategy()
    if "TF_CONFIG" in os.environ:  # one of several workers
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    elif replicas > 1:
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    found = {}
    for name in names:
        with strategy.scope():
            gan = images_gan(name) if name in IMAGES else augmented_gan() if name == AUGMENTED else points_gan(name)
            # rates at which three steps move the weights far more than the tolerance of the comparison
            gentle = name in IMAGES or name == "WGAN" or gan.techniques
            rate = 0.01 if name in IMAGES else 0.02 if gentle else 0.1 if gan.critic_steps == 1 else 0.008
            gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
        before = [variable.numpy() for variable in gan.variables]
        history = gan.fit(points.data(gan, 3), verbose=0).history
        for i, (variable, old) in enumerate(zip(gan.variables, before)):
            found[f"{name} weight {i} {variable.path}"] = variable.numpy()
            moved = np.abs(variable.numpy().astype("float64") - old.astype("float64")).max()
            found[f"{name} moved {i} {variable.path}"] = moved
        found |= {f"{name} log {log}": np.array(values) for log, values in history.items()}
    np.savez(out, **found)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
