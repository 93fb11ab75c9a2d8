"""Standing statistics: batch norm's means and variances, taken for the weights and latents that are to be sampled."""

import contextlib

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasgan.models.sampler import Sampler
from kerasgan.utils import keyed_random, validation

PASSES, ROWS = 16, 64  # of what a moving average takes


def standing_statistics(
    model: Sampler, truncation: float | None = None, passes: int = PASSES, batch_size: int = ROWS, seed: int = 0
) -> Sampler:
    """Return a copy of a model for sampling, with batch norm's statistics taken at a truncation.

    Means and variances are the exact averages of those of `passes` batches in training mode, with fresh latents and
    labels (Brock, Donahue and Simonyan 2019, arXiv:1809.11096, appendix C; google/compare_gan's and
    ajbrock/BigGAN-PyTorch's standing statistics). A GAN's moving average has them already, without truncation.
    `standing_statistics(gan, 0.5).export("models/garments/1")` stores those of a truncation with an export.

    Args:
        model: `Sampler`, such as a `GAN`; it is left as it is.
        truncation: `None`, or a positive number: bound on |z| in all passes. The copy is then at its best where it is
            sampled with the same truncation.
        passes: number of batches.
        batch_size: latents in each.
        seed: integer, of latents and labels.

    Returns:
        `Sampler`.

    Raises:
        ValueError: if the generator has no batch norm, or a number is not positive.
    """
    validation.integer("passes", passes, 1)
    validation.integer("batch_size", batch_size, 1)
    validation.integer_within("seed", seed, np.int64)
    if truncation is not None:
        validation.number("truncation", truncation, lambda it: it > 0, "a positive number or None")
    copy = copied(model)
    if not batch_norms(copy.generator):
        raise ValueError("model: expected a generator with batch norm; there is none whose statistics could be taken")
    take(copy.generator, copy.latent, copy.num_classes, truncation, passes, batch_size, seed)
    at = "" if truncation is None else f", truncation {truncation:g}"
    copy._statistics = f"batch norm with standing statistics ({passes} batches of {batch_size}{at})"
    return copy


def copied(model):
    """Return a `Sampler` with copies of a model's generator and prior for sampling.

    They are frozen where the model's own are, and not wholly, as a moving average is, so that they can be trained on.
    """
    model.prepare_sampling()
    generator = keras.models.clone_model(model.generator)
    generator.set_weights(model.sampling_generator.get_weights())
    latent = model.latent.__class__.from_config(model.latent.get_config())
    latent.set_weights(model.sampling_latent.get_weights())
    return model.as_sampler(generator, latent, averaged=model.averaged)


def batch_norms(generator):
    """The layers of a generator that have moving statistics, at any depth."""
    return [layer for layer in generator._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]


def take(generator, latent, num_classes=None, truncation=None, passes=PASSES, rows=ROWS, seed=0, norms=None):
    """Give a generator's batch norm the averages of the means and variances of new batches, in place.

    Nothing is communicated between replicas: each process computes all batches.

    Args:
        generator: `keras.Model`; one without batch norm stays as it is.
        latent: its prior, a `kerasgan.latents.Prior`.
        num_classes: number of classes, drawn with equal chances; `None` of an unconditional generator.
        truncation: bound on |z|, or `None`.
        passes: number of batches.
        rows: latents in each.
        seed: integer, of latents and labels.
        norms: those of the generator's `batch_norms` that get them; all by default.
    """
    norms = batch_norms(generator) if norms is None else norms
    statistics = [variable for norm in norms for variable in (norm.moving_mean, norm.moving_variance)]
    totals = [0.0] * len(statistics)
    with _giving_statistics_of_the_batch(norms):
        for index in range(passes if norms else 0):
            inputs = _inputs(latent, num_classes, truncation, rows, seed, index)
            with keras.StatelessScope() as scope:
                generator(inputs, training=True)
            totals = [total + scope.get_current_value(value) for total, value in zip(totals, statistics)]
    for variable, total in zip(statistics, totals):
        variable.assign(total / passes)


@contextlib.contextmanager
def _giving_statistics_of_the_batch(norms):
    """Let a call in training mode put the batch's statistics in place of the moving ones, frozen layers' too."""
    before = [(norm.momentum, norm.trainable) for norm in norms]
    for norm in norms:
        norm.momentum, norm.trainable = 0.0, True
    try:
        yield
    finally:
        for norm, (momentum, trainable) in zip(norms, before):
            norm.momentum, norm.trainable = momentum, trainable


def _inputs(latent, num_classes, truncation, rows, seed, index):
    index = tf.constant(index, tf.int64)
    uniforms = keyed_random.uniform((rows, latent.uniforms), seed, index, ("standing", "z"))
    z = latent(uniforms, truncation=None if truncation is None else ops.full((rows,), truncation, "float32"))
    if num_classes is None:
        return z
    labels = keyed_random.uniform((rows,), seed, index, ("standing", "labels"))
    return [z, ops.cast(ops.floor(labels * num_classes), "int32")]
