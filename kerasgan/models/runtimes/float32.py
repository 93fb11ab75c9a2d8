"""Generators of mixed precision, computing in float32 as every runtime does."""

import keras

from kerasgan.models import standing_statistics
from kerasgan.models.sampler import Sampler


def sampler(gan: Sampler) -> Sampler:
    """Return the model itself if it computes in float32, else a `Sampler` of the same weights that does.

    The weights of a generator made under `mixed_bfloat16` or `mixed_float16` are float32; runtimes have no products of
    bfloat16, or round them otherwise.

    Args:
        gan: a `Sampler`, such as a `GAN`, brought up to date by `prepare_sampling`.
    """
    if not any(layer.compute_dtype in ("bfloat16", "float16") for layer in gan.sampling_generator._flatten_layers()):
        return gan
    copy = standing_statistics.copied(gan)
    wide = keras.saving.deserialize_keras_object(_wide(keras.saving.serialize_keras_object(copy)))
    wide.set_weights(copy.get_weights())
    return wide


def _wide(config):
    """A serialized Keras object with the policy float32 in place of each other one."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {"name": "float32"}}
        return {name: _wide(value) for name, value in config.items()}
    return [_wide(value) for value in config] if isinstance(config, list) else config
