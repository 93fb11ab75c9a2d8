"""The gradient penalty of WGAN-GP, for the objectives that use it."""

import warnings

import keras
import tensorflow as tf
from keras import ops

from kerasgan.layers import MinibatchDiscrimination
from kerasgan.messages import quoted


def interpolate(gan, real, fake, k):
    """Return the batch eps * real + (1 - eps) * fake, one eps ~ U[0, 1] per sample; `k` counts the critic steps.

    The images are those before noise and augmentation; the critic sees the points between with random numbers of their
    own.
    """
    shape = (1,) * len(gan.image_shape)
    eps = ops.cast(gan.uniform(real, shape, "interpolation", k), "float32")
    images = eps * real.images + (1.0 - eps) * fake.images
    return real._replace(images=images, purpose=("between", k))


def gradient_penalty(score, batch, one_sided=False):
    """Penalise gradients of a critic whose norm is not 1 (Gulrajani et al. 2017, arXiv:1704.00028, equation 3).

    Args:
        score: function from a `Batch` to values [N, 1], in which a row depends on that row alone.
        batch: `Batch` where the gradient is taken.
        one_sided: whether only norms above 1 are penalised (the paper's appendix C).

    Returns:
        E[(||grad score||_2 - 1)^2], or E[max(0, ||grad score||_2 - 1)^2], a scalar; the norm is over all of a sample,
        and the gradient with respect to the image before what `GAN.seen` makes of it.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(batch.images)
        scores = score(batch)
    gradients = tape.gradient(scores, batch.images)
    # the square root of 0 has an infinite derivative: the small constant keeps it finite
    norms = ops.sqrt(ops.sum(ops.square(gradients), axis=tuple(range(1, len(gradients.shape)))) + 1e-12)
    excess = ops.relu(norms - 1.0) if one_sided else norms - 1.0
    return ops.mean(ops.square(excess))


def check(critic, penalty_weight):
    """Raise `ValueError` for a negative weight, and warn of layers that do not go with the penalty."""
    if not penalty_weight >= 0:
        raise ValueError(f"penalty_weight: expected a number of at least 0; got {quoted(penalty_weight)}")
    approximate = (keras.layers.GroupNormalization, keras.layers.LayerNormalization)
    if any(isinstance(layer, approximate) for layer in critic._flatten_layers()):
        warnings.warn(
            "critic: has Keras's group or layer norm, whose second derivative is not exact on TensorFlow, as the "
            "penalty needs; use kerasgan.layers.SampleNormalization",
            stacklevel=3,
        )
    coupling = {keras.layers.BatchNormalization: "batch norm", MinibatchDiscrimination: "minibatch discrimination"}
    for kind, name in coupling.items():
        if any(isinstance(layer, kind) for layer in critic._flatten_layers()):
            warnings.warn(
                f"critic: has {name}, which makes a sample's gradient depend on the others of its batch, while the "
                "penalty is on each sample's own (arXiv:1704.00028, section 4); use layer norm or none",
                stacklevel=3,
            )
