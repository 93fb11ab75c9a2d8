"""The devices that the commands use."""

import tensorflow as tf


def all_gpus():
    """Return the strategy of all GPUs of the machine where there are several, else that of the one device."""
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()
