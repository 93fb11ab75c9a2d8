"""What layers take from data before the first step: references of virtual batch norm, scales of weight norm."""

import itertools

import keras
import tensorflow as tf

from kerasgan.layers import ReferenceBatch, WeightNormalization
from kerasgan.models import training_data
from kerasgan.utils import keyed_random, workers


def generator_to_prior(gan):
    """Draw virtual batch norm's reference in a GAN's generator from the prior in use, where it has none yet.

    The prior is as it is then: a learned one moves on, and the reference is fixed. In a network inside the generator it
    stays what it is.
    """
    for layer in [layer for layer in _unadapted(gan.generator, ReferenceBatch) if layer in gan.generator.layers]:
        uniforms = keyed_random.uniform(
            [layer.size, gan.latent.uniforms], gan.seed, tf.constant(0, tf.int64), ("reference",)
        )
        inputs = [gan.latent(uniforms)]
        if gan.num_classes is not None:
            inputs.append(tf.range(layer.size) % gan.num_classes)
        layer.adapt(_fed(gan.generator, layer, inputs))


def critic_to_data(gan, data, steps=None):
    """Give the layers of a GAN's critic that start from data the first rows, each once.

    Virtual batch norm takes its first images for reference; weight norm takes the first batch through the layers before
    it, in the head of a critic that compares two images the differences of one half of them and the other.

    Args:
        gan: `GAN`.
        data: batches.
        steps: batches of an array's epoch, which come again after it; `None` where none does.

    Raises:
        ValueError: if there is no batch, or there are fewer rows than a reference has; or on several workers, if each
            of them sees other rows.
    """
    references = _unadapted(gan.critic, ReferenceBatch)
    normalized = any(layer.stddev is not None for layer in _unadapted(gan.critic, WeightNormalization))
    if not references and not normalized:
        return
    if isinstance(data, tf.distribute.DistributedDataset) and workers.are_several(gan.distribute_strategy):
        raise ValueError(
            "x: expected a tf.data.Dataset, of which every worker sees all rows, as virtual batch norm and weight norm "
            "in the critic begin with the first ones and would begin differently on each worker; got a "
            "DistributedDataset, of which each sees its own"
        )
    data = data if steps is None else itertools.islice(data, steps)
    images, labels = _first_rows(gan, data, max((layer.size for layer in references), default=1))
    for layer in references:
        layer.adapt(images)
    if not gan.pairwise_critic:
        _adapt_weight_norm(gan.critic, [images] if len(gan.critic.inputs) == 1 else [images, labels])
        return
    _adapt_weight_norm(gan.critic.encoder, [images])
    if gan.critic.head is not None:
        features, half = gan.critic.encoder(images, training=True), len(images) // 2
        _adapt_weight_norm(gan.critic.head, [features[:half] - features[half : 2 * half]])


def _first_rows(gan, data, needed):
    """Images, and labels or `None`, of the first batch, or of as many as have `needed` rows."""
    parts, rows = [], 0
    for batch in data:
        local = gan.distribute_strategy.experimental_local_results
        for part in zip(*map(local, batch if isinstance(batch, (tuple, list)) else (batch,))):
            parts.append(training_data.as_trained(part if len(part) > 1 else part[0], gan.num_classes))
            rows += len(parts[-1][0])
        if rows >= needed:
            break
    if not parts:
        raise ValueError(f"{training_data.MARK}expected a batch at least; there was none to adapt the critic to")
    images, labels = zip(*parts)
    return tf.concat(images, axis=0), None if gan.num_classes is None else tf.concat(labels, axis=0)


def _adapt_weight_norm(network, inputs):
    for layer in network.layers:
        if isinstance(layer, WeightNormalization) and layer.stddev is not None and not _adapted(layer):
            layer.adapt(_fed(network, layer, inputs))


def _unadapted(network, kind):
    matching = [layer for layer in network._flatten_layers() if isinstance(layer, kind)]
    return [layer for layer in matching if not _adapted(layer)]


def _adapted(layer):
    return bool(keras.ops.convert_to_numpy(layer.adapted))


def _fed(network, layer, inputs):
    """What a layer of a network is given for inputs of the network, in training mode."""
    return keras.Model(network.inputs, layer.input)(inputs, training=True)
