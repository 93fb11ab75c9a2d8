"""Numbers of techniques that may change along the training: a number, or one of Keras's schedules."""

import keras
from keras import ops

Schedule = keras.optimizers.schedules.LearningRateSchedule


def at(number, step):
    """Return the number at a training step, a float32 scalar."""
    return ops.cast(number(step) if isinstance(number, Schedule) else number, "float32")


def serialized(number):
    """Return what `get_config` says of the number."""
    return keras.saving.serialize_keras_object(number) if isinstance(number, Schedule) else number


def deserialized(config, name):
    """Return a technique's config with the number that `serialized` has put under `name`."""
    number = config[name]
    return {**config, name: keras.saving.deserialize_keras_object(number) if isinstance(number, dict) else number}
