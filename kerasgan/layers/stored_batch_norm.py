"""Batch normalization with statistics that were stored for several truncation thresholds."""

from collections.abc import Sequence

import keras
from keras import ops

from kerasgan.utils import validation
from kerasgan.utils.annotations import Config, Shape
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class StoredBatchNormalization(keras.layers.Layer):
    """Batch norm for sampling, each row with the mean and variance that belong to its truncation threshold.

    Truncated latents give other statistics than those seen in training (Brock, Donahue and Simonyan 2019,
    arXiv:1809.11096, section 3.1 and appendix E). The weights published with that paper therefore come with
    statistics for 51 thresholds, 0, 0.02, ..., 1. Between two of them this layer interpolates linearly, and above 1 it
    uses those of 1. Statistics do not move in training.

    Args:
        thresholds: number of thresholds, evenly spaced from 0 to 1; at least 2.
        epsilon: added to the variance.
        affine: whether a learned gain and bias follow.
        **kwargs: `name`, `trainable` and `dtype`, as of any layer.

    Attributes:
        means: non-trainable variable [thresholds, channels].
        variances: non-trainable variable [thresholds, channels].

    Raises:
        ValueError: if there are fewer than 2 thresholds.
    """

    def __init__(self, thresholds: int = 51, epsilon: float = 1e-4, affine: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.thresholds = validation.integer("thresholds", thresholds, 2)
        self.epsilon = validation.not_negative("epsilon", epsilon)
        self.affine = affine

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Make the tables, and gain and bias."""
        channels = input_shape[0][-1]
        shape = (self.thresholds, channels)
        exact = {"autocast": False}  # a mean rounded to half precision would shift all features
        self.means = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="means", **exact)
        self.variances = self.add_weight(shape=shape, initializer="ones", trainable=False, name="variances", **exact)
        if self.affine:
            self.gamma = self.add_weight(shape=(channels,), initializer="ones", name="gamma", **exact)
            self.beta = self.add_weight(shape=(channels,), initializer="zeros", name="beta", **exact)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Normalize.

        Args:
            inputs: pair of features [N, H, W, C] and thresholds, float [N].

        Returns:
            Tensor [N, H, W, C].
        """
        features, truncation = inputs
        place = ops.clip(ops.cast(truncation, "float32"), 0.0, 1.0) * (self.thresholds - 1)
        below = ops.cast(ops.minimum(ops.floor(place), self.thresholds - 2), "int32")
        share = (place - ops.cast(below, "float32"))[:, None]

        def statistic(table):
            value = ops.take(table, below, axis=0) * (1.0 - share) + ops.take(table, below + 1, axis=0) * share
            return ops.expand_dims(value, (1, 2))

        scale = ops.rsqrt(statistic(self.variances) + self.epsilon)
        shift = -statistic(self.means) * scale
        if self.affine:
            scale, shift = scale * self.gamma, shift * self.gamma + self.beta
        return features * ops.cast(scale, features.dtype) + ops.cast(shift, features.dtype)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        """Return the shape of the features."""
        return input_shape[0]

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        arguments = {"thresholds": self.thresholds, "epsilon": self.epsilon, "affine": self.affine}
        return {**super().get_config(), **arguments}
