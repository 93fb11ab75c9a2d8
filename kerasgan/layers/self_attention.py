"""Self-attention over the places of an image."""

import keras
from keras import ops

from kerasgan.layers.spectral_normalization import SpectralNormalization
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config, Shape
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class SelfAttention(keras.layers.Layer):
    """Add to each place of an image what it attends to elsewhere: y = x + gamma * attention(x).

    Zhang et al. 2019, "Self-attention generative adversarial networks", arXiv:1805.08318, as BigGAN (arXiv:1809.11096)
    uses it: query and key have C / 8 channels, values C / 2; keys and values are max-pooled to half the size; the 1x1
    convolutions have no bias. gamma starts at 0.

    Args:
        spectral: whether the convolutions are spectrally normalized.
        epsilon: of that normalization.
        kernel_initializer: of the convolutions.
        **kwargs: `name`, `trainable` and `dtype`, as of any layer.
    """

    def __init__(
        self,
        spectral: bool = True,
        epsilon: float = 1e-12,
        kernel_initializer: str | keras.initializers.Initializer = "orthogonal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.spectral = spectral
        self.epsilon = validation.positive("epsilon", epsilon)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: Shape) -> None:
        """Make the convolutions and gamma; raises `ValueError` if there are fewer than 8 channels or odd sizes."""
        _, height, width, channels = input_shape
        if channels < 8 or height % 2 or width % 2:
            raise ValueError(f"inputs: expected even sizes and at least 8 channels; got {tuple(input_shape[1:])}")
        self.query = self._conv(channels // 8, "query")
        self.key = self._conv(channels // 8, "key")
        self.values = self._conv(channels // 2, "values")
        self.out = self._conv(channels, "out")
        for convolution in (self.query, self.key, self.values):
            convolution.build(input_shape)
        self.out.build((*input_shape[:-1], channels // 2))
        self.gamma = self.add_weight(shape=(), initializer="zeros", name="gamma")

    def call(self, inputs: Tensor) -> Tensor:
        """Turn features [N, H, W, C] into features of the same shape."""
        query = self._places(self.query(inputs))
        # the strides are given as Keras 3.15 with JAX fails without
        key = self._places(ops.max_pool(self.key(inputs), 2, 2))
        values = self._places(ops.max_pool(self.values(inputs), 2, 2))
        attention = ops.softmax(ops.matmul(query, ops.transpose(key, (0, 2, 1))))
        _, height, width, channels = inputs.shape
        attended = ops.reshape(ops.matmul(attention, values), (-1, height, width, channels // 2))
        return inputs + ops.cast(self.gamma, inputs.dtype) * self.out(attended)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the inputs' shape."""
        return input_shape

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        arguments = {"spectral": self.spectral, "epsilon": self.epsilon, "kernel_initializer": initializer}
        return {**super().get_config(), **arguments}

    def _conv(self, filters, name):
        layer = keras.layers.Conv2D(
            filters,
            1,
            use_bias=False,
            kernel_initializer=self.kernel_initializer.clone(),
            dtype=self.dtype_policy,
            name=name,
            trainable=self.trainable,  # of a layer that was saved frozen, too
        )
        if not self.spectral:
            return layer
        return SpectralNormalization(layer, epsilon=self.epsilon, name=f"{name}_sn", trainable=self.trainable)

    @staticmethod
    def _places(features):
        _, height, width, channels = features.shape
        return ops.reshape(features, (-1, height * width, channels))
