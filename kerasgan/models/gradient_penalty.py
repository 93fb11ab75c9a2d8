"""Penalties on the critic's gradients with respect to images, for the objectives and techniques that use them."""

import warnings

import keras
import tensorflow as tf
from keras import ops

from kerasgan.layers import BatchNormalization, MinibatchDiscrimination


def interpolate(gan, real, fake, *purpose):
    """Return the batch eps * real + (1 - eps) * fake, one eps ~ U[0, 1] per sample.

    The images are those before noise and augmentation; the critic sees the points between with random numbers of their
    own.

    Args:
        gan: `GAN`.
        real: `Batch`.
        fake: `Batch` of as many rows.
        *purpose: strings and integers, unique in the step.
    """
    shape = (1,) * len(gan.image_shape)
    eps = ops.cast(gan.uniform(real, shape, "interpolation", *purpose), "float32")
    images = eps * real.images + (1.0 - eps) * fake.images
    return real._replace(images=images, purpose=("between", *purpose))


def squared_slopes(score, batch):
    """Return the critic's values [N, 1] and the squares [N] of the norms of their gradients, each over all of a sample.

    Args:
        score: function from a `Batch` to values [N, 1], in which a row depends on that row alone.
        batch: `Batch` at whose images the gradient is taken: those before what `GAN.seen` makes of them.

    Raises:
        ValueError: in a graph, where the gradient has gone through bilinear resizing.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(batch.images)
        scores = score(batch)
    gradients = tape.gradient(scores, batch.images)
    _check_second_derivative(gradients, batch.images)
    return scores, ops.sum(ops.square(gradients), axis=tuple(range(1, len(gradients.shape))))


def _check_second_derivative(gradients, images):
    """Refuse bilinear resizing on the way from images to their gradients, where both are of a graph.

    TensorFlow has no derivative of its gradient, and the penalty would train no layer after it, without a word
    (findings/tensorflow_bilinear_resize_has_no_second_derivative.sh). Its other ways to resize raise an error there.
    """
    in_graph = [tensor.op for tensor in (gradients, images) if hasattr(tensor, "op")]  # eager ones have none
    left, seen = in_graph[:1], {one.name for one in in_graph[1:]}
    while left:
        operation = left.pop()
        if operation.type == "ResizeBilinearGrad":
            raise ValueError(
                "critic: expected layers with a second derivative, which a penalty on gradients needs; bilinear "
                f"resizing has none in TensorFlow, here {operation.name}: use keras.layers.AveragePooling2D to shrink, "
                "UpSampling2D to grow, or resize the images before they come to the model"
            )
        before = [tensor.op for tensor in operation.inputs if tensor.op.name not in seen]
        seen.update(one.name for one in before)
        left.extend(before)


def zero_centred(score, batch):
    """Return E[||grad score||_2^2], a scalar: R1 at real images, R2 at generated ones; see `squared_slopes`.

    Mescheder, Geiger and Nowozin 2018, arXiv:1801.04406, equations 9 and 10.
    """
    return ops.mean(squared_slopes(score, batch)[1])


def gradient_penalty(score, batch, one_sided=False):
    """Penalise gradients of a critic whose norm is not 1 (Gulrajani et al. 2017, arXiv:1704.00028, equation 3).

    Args:
        score: see `squared_slopes`.
        batch: see `squared_slopes`.
        one_sided: whether only norms above 1 are penalised (the paper's appendix C).

    Returns:
        E[(||grad score||_2 - 1)^2], or E[max(0, ||grad score||_2 - 1)^2], a scalar.
    """
    # the square root of 0 has an infinite derivative: the small constant keeps it finite
    norms = ops.sqrt(squared_slopes(score, batch)[1] + 1e-12)
    excess = ops.relu(norms - 1.0) if one_sided else norms - 1.0
    return ops.mean(ops.square(excess))


def check_critic(critic):
    """Warn of layers that do not go with a penalty on gradients."""
    layers = list(critic._flatten_layers())
    approximate = (keras.layers.GroupNormalization, keras.layers.LayerNormalization)
    if any(isinstance(layer, approximate) for layer in layers):
        warnings.warn(
            "critic: has Keras's group or layer norm, whose second derivative is not exact on TensorFlow, as the "
            "penalty needs; use kerasgan.layers.SampleNormalization",
            stacklevel=3,
        )
    of_keras = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    if any(not isinstance(layer, BatchNormalization) and not layer.synchronized for layer in of_keras):
        warnings.warn(
            "critic: has Keras's batch norm, whose second derivative is wrong on TensorFlow, as the penalty needs it; "
            "kerasgan.layers.BatchNormalization has the same arguments and weights, and the right one",
            stacklevel=3,
        )
    for name in coupling(critic):
        warnings.warn(
            f"critic: has {name}, which makes a sample's gradient depend on the others of its batch, while the "
            "penalty is on each sample's own (arXiv:1704.00028, section 4); use layer norm or none",
            stacklevel=3,
        )


def coupling(critic):
    """Return what in a critic makes a row depend on the others of its batch, those of other replicas included."""
    kinds = {keras.layers.BatchNormalization: "batch norm", MinibatchDiscrimination: "minibatch discrimination"}
    layers = list(critic._flatten_layers())
    return [name for kind, name in kinds.items() if any(isinstance(layer, kind) for layer in layers)]
