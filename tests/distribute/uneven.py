"""Train on batches that replicas share unevenly and save all weights; run in a process of its own.

python uneven.py REPLICAS OUT.npz
"""

import sys

import keras
import numpy as np
import tensorflow as tf

import kerasgan
from kerasgan import layers
from tests import points


def plain(objective, **arguments):
    """Return networks in which no row depends on another, with activity regularizers."""
    keras.utils.set_random_seed(3)
    z, x = keras.Input((4,)), keras.Input((2,))
    kept = {"activity_regularizer": keras.regularizers.L2(0.1)}
    made = keras.layers.Dense(2, **kept)(keras.layers.Dense(8, "tanh")(z))
    scored = keras.layers.Dense(1, use_bias=False)(keras.layers.Dense(8, "tanh", **kept)(x))  # it would not move
    return getattr(kerasgan, objective)(keras.Model(z, made), keras.Model(x, scored), **arguments)


def virtual():
    """Return networks whose critic has virtual batch norm, with a reference of real points."""
    keras.utils.set_random_seed(3)
    z, x = keras.Input((4,)), keras.Input((2,))
    normal = layers.VirtualBatchNormalization(6)(keras.layers.Dense(8, use_bias=False)(layers.ReferenceBatch(6)(x)))
    hidden = keras.layers.Activation("tanh")(layers.DropReference(6)(normal))
    critic = keras.Model(x, keras.layers.Dense(1, use_bias=False)(hidden))
    return kerasgan.SGAN(keras.Model(z, keras.layers.Dense(2)(z)), critic)


def rows(count):
    """Return points of no meaning, float32 [count, 2]."""
    return np.random.default_rng(3).uniform(-1, 1, (count, 2)).astype("float32")


def batches(count, size):
    """Return a dataset whose last batch is smaller."""
    options = tf.data.Options()
    options.autotune.enabled = False  # of several devices, TensorFlow's tuner ends up to a minute late
    return tf.data.Dataset.from_tensor_slices(rows(count)).batch(size).with_options(options)


def fit(gan, data, strategy):
    """Train with `fit`, which shares the batches itself."""
    return gan.fit(data, verbose=0).history


def fit_shared(gan, data, strategy):
    """Train with `fit` on what TensorFlow has shared."""
    many = strategy.num_replicas_in_sync > 1
    return gan.fit(strategy.experimental_distribute_dataset(data) if many else data, verbose=0).history


def loop(gan, data, strategy):
    """Train with a loop of one's own; returns the logs after the last step."""
    step = tf.function(lambda batch: strategy.run(gan.train_step, args=(batch,)))
    for batch in strategy.experimental_distribute_dataset(data):
        logs = step(batch)
    return {name: float(strategy.experimental_local_results(value)[0]) for name, value in logs.items()}


CASES = {
    "batch norm": (lambda: points.gan("SGAN"), {}, (29, 12), fit),  # batches of 12, 12 and 5 rows
    "two critic steps": (
        lambda: points.gan("WGANGP", critic_steps=2),
        {},
        (23, 14),
        fit,
    ),  # 7 rows, then 4, and one over
    "means of their own": (lambda: points.gan("RaSGAN"), {}, (31, 20), fit),  # 10 rows, then 5 each, and one over
    "feature matching": (
        lambda: plain("SGAN", techniques=[kerasgan.techniques.FeatureMatching(order=2)]),
        {},
        (19, 12),
        fit,
    ),
    "accumulation": (lambda: plain("SGAN", critic_steps=2), {"parts": 2}, (47, 26), fit),
    "clipping": (lambda: plain("SGAN"), {"global_clipnorm": 0.05}, (19, 12), fit),
    "clipping of each": (lambda: plain("SGAN"), {"clipvalue": 0.01, "parts": 2}, (19, 12), fit),
    "shared by TensorFlow": (lambda: plain("WGANGP", critic_steps=3), {}, (47, 24), fit_shared),
    "virtual batch norm, shared by TensorFlow": (virtual, {}, (24, 12), fit_shared),
    "own loop": (lambda: plain("WGANGP", critic_steps=3), {}, (47, 24), loop),
}


def main(replicas, out):
    """Train every case, and save weights, how far they moved, and logs."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    strategy = tf.distribute.get_strategy()
    if replicas > 1:
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
    found = {}
    for name, (make, options, data, train) in CASES.items():
        with strategy.scope():
            gan = make()
            parts, clip = options.get("parts", 1), {key: value for key, value in options.items() if key != "parts"}
            gan.compile(*(keras.optimizers.SGD(0.05, **clip) for _ in range(2)), gradient_accumulation_steps=parts)
        before = [variable.numpy() for variable in gan.trainable_variables]
        logs = train(gan, batches(*data), strategy)
        for index, (variable, old) in enumerate(zip(gan.trainable_variables, before)):
            found[f"{name}: moved {index}"] = np.abs(variable.numpy() - old).max()
        for index, variable in enumerate(gan.variables):
            found[f"{name}: weight {index}"] = variable.numpy()
        found |= {f"{name}: log {log}": np.array(values) for log, values in logs.items()}
    np.savez(out, **found)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
