"""Batch normalization as one operation, whose replicas send one message where those of Keras send three."""

import itertools

import keras
from keras import ops

from kerasgan.utils import backend
from kerasgan.utils.tensors import Tensor

_WIDTHS = ("float32", "bfloat16", "float16")  # of numbers that TensorFlow's operation takes


@keras.saving.register_keras_serializable(package="kerasgan")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch norm, quicker in training.

    Its arguments, weights and names are those of Keras's layer, and so are its numbers, to rounding:

    - Images [N, H, W, C] are normalized by TensorFlow's one operation, forth and back, where Keras's layer makes
      thirty.
    - The variance is the mean of the squared distances from the mean, on one replica. Keras's layer with
      `synchronized=True` subtracts two means instead, which loses the variance of numbers around 1,000; without it, the
      second derivative, which a gradient penalty needs, is wrong.
    - With `synchronized=True` and several replicas, Keras adds up over them the rows' sum, the sum of their squares and
      their count one after the other. Here they travel together: one message forth, and one back for the gradient.

    Example:
        >>> layer = kerasgan.layers.BatchNormalization(momentum=0.9, synchronized=True)
    """

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        """Normalize, in training by the statistics of the batch, which move the layer's own."""
        trains = training and self.trainable and not self.renorm
        if not (trains and mask is None and self._is_of_images(inputs) and self._replica() is None):
            return super().call(inputs, training=training, mask=mask)
        normalized, mean, variance = self._in_one_operation(inputs)
        for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(ops.cast(moving, "float32") * self.momentum + now * (1.0 - self.momentum))
        return normalized

    def _is_of_images(self, inputs):
        of_type = keras.backend.standardize_dtype(inputs.dtype) in _WIDTHS
        return backend.is_tensorflow() and of_type and len(inputs.shape) == 4 and self.axis in (-1, 3)

    def _in_one_operation(self, inputs):
        """Images normalized, and the batch's means and variances of the channels, float32."""
        import tensorflow as tf  # other backends have none

        channels = inputs.shape[-1]
        normalized, mean, unbiased, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=ops.cast(self.gamma, "float32") if self.scale else ops.ones((channels,), "float32"),
            offset=ops.cast(self.beta, "float32") if self.center else ops.zeros((channels,), "float32"),
            mean=ops.zeros((0,), "float32"),  # of no meaning in training
            variance=ops.zeros((0,), "float32"),
            epsilon=self.epsilon,
            is_training=True,
        )
        rows = ops.cast(ops.size(inputs), "float32") / channels
        return ops.cast(normalized, self.compute_dtype), mean, unbiased * (rows - 1.0) / rows

    def _moments(self, inputs, mask):
        replica = self._replica()
        if mask is not None:
            return super()._moments(inputs, mask)
        if replica is None:
            mean = ops.mean(inputs, axis=self._reduction_axes, keepdims=True)
            # not ops.moments, whose gradient of a gradient is wrong: it holds the mean constant in the variance
            variance = ops.mean(ops.square(inputs - mean), axis=self._reduction_axes)
            return ops.reshape(mean, ops.shape(variance)), variance
        channels = inputs.shape[self.axis]
        rows = ops.cast(ops.size(inputs), inputs.dtype) / channels
        sums = [ops.sum(x, axis=self._reduction_axes) for x in (inputs, ops.square(inputs))]
        total, squares, rows = _all_reduced(replica, [*sums, rows[None]])
        mean = total / rows
        return mean, ops.maximum(squares / rows - ops.square(mean), 0.0)

    def _replica(self):
        """The replica that computes, where there are others to share statistics with."""
        if not self.synchronized:
            return None
        import tensorflow as tf  # other backends have none, and are never synchronized

        replica = tf.distribute.get_replica_context()
        return None if replica is None or replica.num_replicas_in_sync == 1 else replica


def _all_reduced(replica, vectors: list[Tensor]) -> list[Tensor]:
    """Sum vectors over the replicas, in one message."""
    ends = list(itertools.accumulate((vector.shape[0] for vector in vectors), initial=0))
    summed = replica.all_reduce("SUM", ops.concatenate(vectors))
    return [summed[start:end] for start, end in zip(ends, ends[1:])]
