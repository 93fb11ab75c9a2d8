"""A gain whose vector has the norm 1, and a bias."""

import keras
from keras import ops

from kerasgan.utils.annotations import Shape
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class UnitGain(keras.layers.Layer):
    """Multiply channels by gain / ||gain||_2 and add a bias: batch norm's second half in the T-GANs' critics.

    Su 2018, arXiv:1810.10948: the author's code puts the gain of batch norm through spectral normalization as a matrix
    of one row, whose singular value is its norm. Put it after `BatchNormalization(center=False, scale=False)`. The last
    axis holds the channels; gains start at 1, so that each is 1 / sqrt(channels), and biases at 0.

    Args:
        **kwargs: `name`, `trainable` and `dtype`, as of any layer.
    """

    def build(self, input_shape: Shape) -> None:
        """Make gain and bias [C]."""
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")

    def call(self, inputs: Tensor) -> Tensor:
        """Scale and shift inputs [..., C]."""
        return inputs * (self.gain / ops.sqrt(ops.sum(ops.square(self.gain)))) + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the inputs' shape."""
        return input_shape
