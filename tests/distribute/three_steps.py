"""Train three steps with SGD on fixed data and save all weights; run in a process of its own.

python three_steps.py OBJECTIVE REPLICAS OUT.npz
"""

import sys

import keras
import numpy as np
import tensorflow as tf

import kerasgan


def main(objective, replicas, out):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    strategy = tf.distribute.get_strategy()
    if replicas > 1:
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    keras.utils.set_random_seed(1)
    with strategy.scope():
        networks = {
            "generator": kerasgan.networks.dcgan.generator((32, 32, 3), latent_dim=16, filters=8, num_classes=4),
            "critic": kerasgan.networks.dcgan.critic(
                (32, 32, 3), filters=8, num_classes=4, normalization="batch" if objective == "SGAN" else "layer"
            ),
        }
        gan = getattr(kerasgan, objective)(**networks, num_classes=4, critic_steps=2, ema_decay=0.9, seed=5)
        # rates at which three steps move the weights far more than the tolerance of the comparison
        gan.compile(keras.optimizers.SGD(0.02), keras.optimizers.SGD(0.02))
    before = [v.numpy() for v in gan.variables]
    numbers = np.random.default_rng(3)
    images = numbers.uniform(-1, 1, (3 * 16, 32, 32, 3)).astype("float32")
    labels = numbers.integers(0, 4, 3 * 16)
    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(16, drop_remainder=True)
    history = gan.fit(data, verbose=0).history
    arrays = {f"weight {i} {v.path}": v.numpy() for i, v in enumerate(gan.variables)}
    moved = {f"moved {i}": np.abs(v.numpy() - old).max() for i, (v, old) in enumerate(zip(gan.variables, before))}
    logs = {f"log {name}": np.array(values) for name, values in history.items()}
    np.savez(out, **arrays, **moved, **logs)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
