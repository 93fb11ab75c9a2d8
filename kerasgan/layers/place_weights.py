"""A weight for each place and channel of an image."""

from collections.abc import Sequence

import keras

from kerasgan.utils import validation
from kerasgan.utils.annotations import Config, Shape
from kerasgan.utils.messages import quoted
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class PlaceWeights(keras.layers.Layer):
    """Multiply [N, 1, 1, C] (or [N, H, W, C]) by learned weights [H, W, C], which start from N(0, 1).

    R3GAN's generator begins with it (arXiv:2501.05441): C learned images, each times a number made of z.

    Args:
        size: (H, W).
        **arguments: of `keras.layers.Layer`.

    Raises:
        ValueError: if the size is not two positive integers.
    """

    def __init__(self, size: Sequence[int], **arguments):
        super().__init__(**arguments)
        if not isinstance(size, (tuple, list)) or len(size) != 2:
            raise ValueError(f"size: expected two integers, (height, width); got {quoted(size)}")
        self.size = tuple(validation.integer("size", side, 1) for side in size)

    def build(self, input_shape: Shape) -> None:
        """Make the weights."""
        shape = (*self.size, input_shape[-1])
        self.basis = self.add_weight(shape=shape, initializer=keras.initializers.RandomNormal(stddev=1.0), name="basis")

    def call(self, inputs: Tensor) -> Tensor:
        """Return the product, [N, H, W, C]."""
        return inputs * self.basis

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return (N, H, W, C)."""
        return (shape[0], *self.size, shape[-1])

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "size": self.size}
