"""Train each objective three steps with SGD on fixed data and save all weights; run in a process of its own.

python three_steps.py REPLICAS OUT.npz
"""

import sys

import keras
import numpy as np
import tensorflow as tf

import kerasgan
from kerasgan.networks.pairwise import PairwiseCritic

IMAGES = ("SGAN", "WGANGP")


def images_gan(objective):
    """Return a class-conditional model of 32x32 images, with batch norm where the objective allows it."""
    networks = kerasgan.networks.dcgan
    normalization = "batch" if objective == "SGAN" else "layer"
    generator = networks.generator((32, 32, 3), latent_dim=16, filters=8, num_classes=4)
    critic = networks.critic((32, 32, 3), filters=8, num_classes=4, normalization=normalization)
    return getattr(kerasgan, objective)(generator, critic, num_classes=4, critic_steps=2, ema_decay=0.9, seed=5)


def points_gan(objective):
    """Return a model of points in the plane, its latents a learned mixture."""
    kind = getattr(kerasgan, objective)
    z, x = keras.Input((4,)), keras.Input((2,))
    hidden = keras.layers.BatchNormalization(synchronized=True)(keras.layers.Dense(16, use_bias=False)(z))
    features = keras.layers.Dense(16, activation="tanh")(x)
    # a bias at the end would not move where the loss is of differences
    critic = keras.Model(x, keras.layers.Dense(8 if kind.feature_critic else 1, use_bias=False)(features))
    return kind(
        keras.Model(z, keras.layers.Dense(2, use_bias=False)(hidden)),
        PairwiseCritic(critic) if kind.pairwise_critic else critic,
        latent=kerasgan.latents.GaussianMixture(4, components=3, by_slot=True),
        ema_decay=0.9,
        seed=5,
        **({"clip": 0.5} if objective == "WGAN" else {}),
    )


def data(gan, rows=12):
    """Return three batches for the model."""
    numbers = np.random.default_rng(3)
    count = 3 * rows * gan.batches_per_step
    values = numbers.uniform(-1, 1, (count, *gan.image_shape)).astype("float32")
    parts = values if gan.num_classes is None else (values, numbers.integers(0, gan.num_classes, count))
    return tf.data.Dataset.from_tensor_slices(parts).batch(count // 3, drop_remainder=True)


def main(replicas, out, objectives):
    """Train, and save weights, how far they moved, and logs."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    strategy = tf.distribute.get_strategy()
    if replicas > 1:
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    found = {}
    for objective in objectives:
        keras.utils.set_random_seed(1)
        with strategy.scope():
            gan = images_gan(objective) if objective in IMAGES else points_gan(objective)
            # rates at which three steps move the weights far more than the tolerance of the comparison
            rate = 0.02 if objective in IMAGES else 0.1 if gan.critic_steps == 1 else 0.008
            gan.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
        before = [variable.numpy() for variable in gan.variables]
        history = gan.fit(data(gan), verbose=0).history
        for i, (variable, old) in enumerate(zip(gan.variables, before)):
            found[f"{objective} weight {i} {variable.path}"] = variable.numpy()
            found[f"{objective} moved {i} {variable.path}"] = np.abs(variable.numpy() - old).max()
        found |= {f"{objective} log {name}": np.array(values) for name, values in history.items()}
    np.savez(out, **found)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
