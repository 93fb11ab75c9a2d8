"""Layer norm and instance norm whose second derivatives are right, as a gradient penalty needs them."""

import keras
from keras import ops

from kerasgan.utils import validation
from kerasgan.utils.annotations import Config, Shape
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class SampleNormalization(keras.layers.Layer):
    """Normalize each sample with its own statistics: layer norm, or with `per_channel` instance norm.

    Layer norm (Ba, Kiros and Hinton 2016, arXiv:1607.06450) takes mean and variance over all of a sample's numbers,
    instance norm (Ulyanov, Vedaldi and Lempitsky 2016, arXiv:1607.08022) over the places of each channel. Gain and bias
    are for each channel. The functions are those of `keras.layers.GroupNormalization` with one group and with as many
    as channels. But on TensorFlow that layer, like `keras.layers.LayerNormalization`, takes its variance from
    `tf.nn.moments`, which counts the mean in it as a constant: the first derivative is right, the second is not, and
    with it the weights' gradient of a gradient penalty (seen: 1e-3 of it).

    Args:
        per_channel: whether each channel has statistics of its own.
        epsilon: positive number added to the variance.
        **kwargs: `name`, `trainable` and `dtype`, as of any layer.

    Raises:
        ValueError: with `per_channel`, when built for inputs [N, C], which have one number a channel.
    """

    def __init__(self, per_channel: bool = False, epsilon: float = 1e-5, **kwargs):
        super().__init__(**kwargs)
        self.per_channel = per_channel
        self.epsilon = validation.positive("epsilon", epsilon)

    def build(self, input_shape: Shape) -> None:
        """Make gain and bias [C]."""
        if self.per_channel and len(input_shape) < 3:
            raise ValueError(f"inputs: expected [N, ..., C] with per_channel=True; got shape {tuple(input_shape)}")
        self.gamma = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="beta")

    def call(self, inputs: Tensor) -> Tensor:
        """Turn features [N, ..., C] into normalized features of the same shape, computed in float32 at least."""
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        axes = tuple(range(1, len(x.shape) - 1 if self.per_channel else len(x.shape)))
        centred = x - ops.mean(x, axes, keepdims=True)
        variance = ops.mean(ops.square(centred), axes, keepdims=True)
        normalized = centred * ops.rsqrt(variance + self.epsilon)
        return ops.cast(normalized * ops.cast(self.gamma, x.dtype) + ops.cast(self.beta, x.dtype), inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the inputs' shape."""
        return input_shape

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "per_channel": self.per_channel, "epsilon": self.epsilon}
