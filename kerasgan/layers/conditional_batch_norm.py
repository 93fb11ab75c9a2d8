"""Class-conditional batch normalization."""

from collections.abc import Sequence

import keras
from keras import ops

from kerasgan.layers.batch_norm import BatchNormalization
from kerasgan.utils import backend, validation
from kerasgan.utils.annotations import Config, Shape
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class ConditionalBatchNormalization(keras.layers.Layer):
    """Batch norm whose gain and bias belong to the class of each sample.

    Dumoulin, Shlens and Kudlur 2017, "A learned representation for artistic style", arXiv:1610.07629 (there for
    styles and instance norm), as the WGAN-GP CIFAR-10 generator uses it. All samples of the batch, whatever their
    classes, are normalized with the same statistics; these are synchronized between replicas. Gains start at 1 and
    biases at 0. The last axis holds the channels.

    Args:
        num_classes: number of classes.
        momentum: of the moving mean and variance, which inference uses.
        epsilon: added to the variance.
        synchronized: whether the statistics are those of the batches of all replicas together; with TensorFlow alone.
        **kwargs: `name`, `trainable` and `dtype`, as of any layer.

    Raises:
        ValueError: if `num_classes` is not a positive integer.
    """

    def __init__(
        self, num_classes: int, momentum: float = 0.9, epsilon: float = 1e-5, synchronized: bool = True, **kwargs
    ):
        super().__init__(**kwargs)
        self.num_classes = validation.integer("num_classes", num_classes, 1)
        self.normalization = BatchNormalization(
            momentum=momentum,
            epsilon=validation.not_negative("epsilon", epsilon),
            center=False,
            scale=False,
            synchronized=validation.boolean("synchronized", synchronized) and backend.is_tensorflow(),
            dtype=self.dtype_policy,
            trainable=self.trainable,  # of a layer that was saved frozen, too
        )

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Make gain and bias, both [num_classes, channels]."""
        features_shape, _ = input_shape
        shape = (self.num_classes, features_shape[-1])
        self.gain = self.add_weight(shape=shape, initializer="ones", name="gain")
        self.bias = self.add_weight(shape=shape, initializer="zeros", name="bias")
        self.normalization.build(features_shape)

    def call(self, inputs: Sequence[Tensor], training: bool | None = None) -> Tensor:
        """Normalize, then scale and shift by class.

        Args:
            inputs: pair of features [N, ..., C] and labels, int32 [N], in [0, num_classes).
            training: whether to use (and update the moving averages with) the batch's own statistics.

        Returns:
            Tensor [N, ..., C].
        """
        features, labels = inputs
        x = self.normalization(features, training=training)
        shape = (-1, *(1 for _ in features.shape[1:-1]), features.shape[-1])
        gain = ops.reshape(ops.take(self.gain, labels, axis=0), shape)
        bias = ops.reshape(ops.take(self.bias, labels, axis=0), shape)
        return x * ops.cast(gain, x.dtype) + ops.cast(bias, x.dtype)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        """Return the shape of the features."""
        return input_shape[0]

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "momentum": self.normalization.momentum,
            "epsilon": self.normalization.epsilon,
            "synchronized": self.normalization.synchronized,
        }
