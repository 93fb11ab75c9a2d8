"""One step of a Projected GAN with its own networks; saves the weights before and after.

python -m tests.distribute.projected_step REPLICAS OUT.npz
"""

import sys

import keras
import numpy as np
import tensorflow as tf

import kerasgan


def main(replicas, out):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    strategy = tf.distribute.get_strategy()
    if replicas > 1:
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    with strategy.scope():
        keras.utils.set_random_seed(1)
        # not narrower: batch norm of a feature that hardly varies makes much of rounding
        generator = kerasgan.networks.fastgan.generator((16, 16, 3), latent_dim=8, num_classes=4, filters=4)
        for layer in generator.layers:
            if isinstance(layer, kerasgan.layers.NoiseInjection):
                layer.weight.assign(0.3)
        critic = kerasgan.networks.projected.critic((16, 16, 3), num_classes=4, filters=8, feature_size=128)
        gan = kerasgan.ProjectedGAN(generator, critic, num_classes=4, ema_decay=0.9, seed=5)
        gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
    before = [variable.numpy() for variable in gan.trainable_variables]
    rng = np.random.default_rng(0)
    images = rng.uniform(-0.9, 0.9, (8, 4, 4, 3)).repeat(4, 1).repeat(4, 2).astype("float32")
    gan.fit(tf.data.Dataset.from_tensors((images, np.arange(8, dtype="int32") % 4)), verbose=0)
    after = [variable.numpy() for variable in gan.trainable_variables]
    np.savez(
        out,
        **{
            f"{i} {when}": value
            for when, all_ in (("before", before), ("after", after))
            for i, value in enumerate(all_)
        },
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
