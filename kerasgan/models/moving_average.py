"""The moving average of a generator's weights, with which a GAN samples."""

import zlib

import keras
import numpy as np
from keras import ops

from kerasgan.models import standing_statistics
from kerasgan.optimizers import schedules


def copies(generator, latent):
    """Return a generator and a prior for the averages, neither of them trainable."""
    average = keras.models.clone_model(generator)
    average.trainable = False
    average_latent = latent.__class__.from_config(latent.get_config())
    average_latent.trainable = False
    return average, average_latent


def follow_prior(gan):
    """Make the prior's average anew where the GAN's prior, or an argument of it, is another since: `save` writes that.

    Averages of weights are kept, unless they are another prior's.
    """
    average, latent = gan.ema_latent, gan.latent
    if type(average) is type(latent) and _arguments(average) == _arguments(latent):
        return
    was_left_alone = digest(gan.ema_generator, average) == gan._first_digest
    with gan.distribute_strategy.scope():
        made = latent.__class__.from_config(latent.get_config())
    made.trainable = False
    made.set_weights((average if average.name == latent.name else latent).get_weights())
    gan.ema_latent = made
    gan._layers[gan._layers.index(average)] = gan._layers.pop()  # Keras keeps both, the new one last
    if was_left_alone:
        gan._first_digest = digest(gan.ema_generator, made)


def _arguments(latent):
    return {name: value for name, value in latent.get_config().items() if name != "trainable"}


def digest(*parts):
    """Return numbers that tell whether the weights of models or layers changed."""
    weights = (np.ascontiguousarray(weight) for part in parts for weight in part.get_weights())
    return [zlib.crc32(weight) for weight in weights]  # type: ignore[arg-type]  # an array is a buffer


def move(gan):
    """Move the average towards the trained weights, as far as `ema_decay` says; all but these are copied."""
    step = ops.cast(gan.step - gan.ema_start, "float32")
    if isinstance(gan.ema_decay, schedules.Schedule):
        decay = schedules.at(gan.ema_decay, gan.step)
    else:
        decay = ops.minimum(gan.ema_decay, (1.0 + step) / (gan.ema_ramp + step))
    decay = ops.where(step < 0, 0.0, decay)
    trained = {id(variable) for variable in gan.generator.trainable_variables + gan.latent.trainable_variables}
    averages = gan.ema_generator.variables + gan.ema_latent.variables
    for average, variable in zip(averages, gan.generator.variables + gan.latent.variables, strict=True):
        if id(variable) in trained:
            average.assign(average + (1.0 - decay) * (variable - average))
        else:
            average.assign(variable)


def take_statistics(gan):
    """Give the average's batch norm statistics of its own; frozen layers keep those that they have."""
    pairs = zip(
        standing_statistics.batch_norms(gan.generator),
        standing_statistics.batch_norms(gan.ema_generator),
        strict=True,
    )
    norms = [average for trained, average in pairs if trained.trainable]
    standing_statistics.take(gan.ema_generator, gan.ema_latent, gan.num_classes, seed=gan.seed, norms=norms)
