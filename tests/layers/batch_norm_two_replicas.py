"""Batch norm of two replicas that have 5 and 3 rows: Keras's and ours; run in a process of its own.

python batch_norm_two_replicas.py OUT.npz
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from kerasgan.layers import BatchNormalization


def main(out):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    rng = np.random.default_rng(0)
    x, seen = rng.normal(2.0, 3.0, (2, 8, 3, 2, 4)).astype("float32")
    parts = (tuple(tf.constant(each[rows]) for each in (x, seen)) for rows in (slice(0, 5), slice(5, 8)))
    parts = strategy.experimental_distribute_values_from_function(lambda _, parts=parts: next(parts))
    kept, sent = {}, []
    reduce = tf.distribute.ReplicaContext.all_reduce

    def counted(replica, *args, **options):
        sent.append(args)
        return reduce(replica, *args, **options)

    tf.distribute.ReplicaContext.all_reduce = counted
    for kind in (keras.layers.BatchNormalization, BatchNormalization):
        with strategy.scope():
            layer = kind(momentum=0.9, synchronized=True)
            layer.build(x.shape)
        sent.clear()

        @tf.function(autograph=False)
        def step(layer=layer):
            def replica(rows, weights):
                with tf.GradientTape() as tape:
                    tape.watch(rows)
                    made = layer(rows, training=True)
                    loss = tf.reduce_sum(made * weights)
                return made, tape.gradient(loss, rows)

            return strategy.run(replica, args=parts)

        made, gradients = (np.concatenate(strategy.experimental_local_results(each)) for each in step())
        name = "ours" if kind is BatchNormalization else "keras"
        kept |= {f"{name}_made": made, f"{name}_gradients": gradients, f"{name}_messages": len(sent)}
        kept |= {f"{name}_{variable.name}": variable.numpy() for variable in layer.non_trainable_variables}
    one = keras.layers.BatchNormalization(momentum=0.9)
    kept["one"] = one(x, training=True)
    np.savez(out, **kept)


main(sys.argv[1])
