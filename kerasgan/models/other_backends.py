"""Sampling where Keras computes with JAX or PyTorch: latents of seeds with NumPy, and the generator with Keras.

TensorFlow's random numbers and graphs, with which `Sampler` computes otherwise, are not used.
"""

import warnings

import keras
import numpy as np
from keras import ops

from kerasgan import seeds as numpy_seeds
from kerasgan.data import images as image_values
from kerasgan.models import finite
from kerasgan.models.runtimes import facts


def images_from_seeds(sampler, seeds, truncation, labels=None):
    """What `Sampler.images_from_seeds` makes.

    Args:
        sampler: `Sampler` with a prior of kerasgan's own.
        seeds: int64 array [N].
        truncation: float32 array [N].
        labels: int array [N], for a conditional model.

    Returns:
        uint8 array [N, H, W, C]; what is no image stays float32.

    Raises:
        NotImplementedError: if the prior is of a class that is not kerasgan's.
    """
    return _images(sampler, numpy_seeds.draw(_prior(sampler), seeds, truncation), truncation, labels)


def images_between(sampler, seeds, to_seeds, positions, truncation, labels=None):
    """What `Sampler.images_between` makes; arguments and errors are as of `images_from_seeds`.

    Args:
        to_seeds: int64 array [N].
        positions: float32 array [N] in [0, 1].
    """
    z = numpy_seeds.draw_between(_prior(sampler), seeds, to_seeds, positions, truncation)
    return _images(sampler, z, truncation, labels)


def _prior(sampler):
    told = facts.facts(sampler)["prior"]
    if told is None:
        raise NotImplementedError(
            f"latent: {type(sampler.sampling_latent).__name__} is not kerasgan's, and its latents are drawn with "
            "TensorFlow alone; set KERAS_BACKEND=tensorflow before Keras is imported"
        )
    return told


def _images(sampler, z, truncation, labels):
    inputs = [z]
    if labels is not None:
        inputs.append(labels.astype(np.int32))
    if sampler.takes_truncation:
        inputs.append(truncation)
    generator = sampler.sampling_generator
    made = generator.predict_on_batch(keras.tree.pack_sequence_as(generator.input, inputs))
    if not np.isfinite(made).all():
        warnings.warn(f"these samples mean nothing: {finite.MESSAGE}", finite.NotFiniteWarning, stacklevel=5)
    return ops.convert_to_numpy(image_values.to_uint8(made)) if len(sampler.image_shape) == 3 else made
