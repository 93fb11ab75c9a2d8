"""Standing statistics: batch norm's means and variances, taken anew for the latents that are to be sampled."""

import keras
import tensorflow as tf
from keras import ops

from kerasgan import arguments, random
from kerasgan.sampler import Sampler


def standing_statistics(model, truncation=None, passes=16, batch_size=64, seed=0):
    """Return a copy of a model for sampling, with batch norm's statistics taken at a truncation.

    Moving averages follow the last steps of training, and latents that were not truncated. Here means and variances
    are the exact averages of those of `passes` batches in training mode, with fresh latents and labels (Brock, Donahue
    and Simonyan 2019, arXiv:1809.11096, appendix C; google/compare_gan's and ajbrock/BigGAN-PyTorch's standing
    statistics). `standing_statistics(gan, 0.5).export("models/garments/1")` stores them with an export.

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
    arguments.integer("passes", passes, 1)
    arguments.integer("batch_size", batch_size, 1)
    if truncation is not None and not truncation > 0:
        raise ValueError(f"truncation: expected a positive number or None; got {truncation!r}")
    copy = copied(model)
    norms = [layer for layer in copy.generator._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    if not norms:
        raise ValueError("model: expected a generator with batch norm; there is none whose statistics could be taken")
    momenta = [norm.momentum for norm in norms]
    for done in range(passes):
        for norm in norms:
            norm.momentum = done / (done + 1)  # moving = moving * momentum + batch * (1 - momentum): the running mean
        copy.generator(_inputs(copy, truncation, batch_size, seed, done), training=True)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    return copy


def copied(model):
    """Return a `Sampler` with copies of a model's generator and prior for sampling."""
    generator = keras.models.clone_model(model.sampling_generator)
    for layer in generator._flatten_layers():  # a moving average is not, and its batch norm would keep its statistics
        layer.trainable = True
    generator.set_weights(model.sampling_generator.get_weights())
    latent = model.sampling_latent.__class__.from_config(model.sampling_latent.get_config())
    latent.set_weights(model.sampling_latent.get_weights())
    return Sampler(generator, latent, model.num_classes, model.class_names)


def _inputs(model, truncation, rows, seed, index):
    uniforms = random.uniform((rows, model.latent.uniforms), seed, tf.constant(index, tf.int64), ("standing", "z"))
    bounds = None if truncation is None else ops.full((rows,), truncation, "float32")
    z = model.latent(uniforms, truncation=bounds)
    if model.num_classes is None:
        return z
    labels = random.uniform((rows,), seed, tf.constant(index, tf.int64), ("standing", "labels"))
    return [z, ops.cast(ops.floor(labels * model.num_classes), "int32")]
