"""Images at twice and at half the size, smoothed with the kernel [1, 3, 3, 1] in both directions.

Each is a product with a fixed matrix along the rows and along the columns, whose derivatives of any order are products
with its transpose: TensorFlow has them all, on any device. Borders see zeros.
"""

import keras
import numpy as np
from keras import ops

from kerasgan.utils.annotations import Shape
from kerasgan.utils.tensors import Tensor


class _Resampling(keras.layers.Layer):
    """Base: images [N, H, W, C] times a matrix along H and along W."""

    def matrix(self, size: int) -> np.ndarray:
        """Return the float32 matrix [new size, size]."""
        raise NotImplementedError(f"{type(self).__name__} defines no matrix")

    def call(self, images: Tensor) -> Tensor:
        """Return the images at the new size."""
        _, height, width, channels = images.shape
        along_height, along_width = (ops.cast(self.matrix(size), images.dtype) for size in (height, width))
        new_height, new_width = along_height.shape[0], along_width.shape[0]
        x = ops.reshape(images, (-1, height, width * channels))
        x = ops.reshape(ops.matmul(along_height, x), (-1, width, channels))
        return ops.reshape(ops.matmul(along_width, x), (-1, new_height, new_width, channels))


@keras.saving.register_keras_serializable(package="kerasgan")
class Upsampling(_Resampling):
    """Twice the size: [N, H, W, C] to [N, 2 H, 2 W, C].

    The transposed convolution of stride 2 with the kernel [1, 3, 3, 1] / 4 in each direction: a new pixel is 3/4 of the
    nearest old one and 1/4 of the next.

    Args:
        **arguments: of `keras.layers.Layer`.
    """

    def matrix(self, size: int) -> np.ndarray:
        """Return the float32 matrix [2 * size, size]."""
        return 2.0 * _halving(2 * size).T

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return (N, 2 H, 2 W, C)."""
        return (shape[0], 2 * shape[1], 2 * shape[2], shape[3])


@keras.saving.register_keras_serializable(package="kerasgan")
class Downsampling(_Resampling):
    """Half the size: [N, H, W, C] to [N, H / 2, W / 2, C], H and W even.

    The convolution of stride 2 with the kernel [1, 3, 3, 1] / 8 in each direction.

    Args:
        **arguments: of `keras.layers.Layer`.
    """

    def matrix(self, size: int) -> np.ndarray:
        """Return the float32 matrix [size / 2, size]."""
        return _halving(size)

    def compute_output_shape(self, shape: Shape) -> Shape:
        """Return (N, H / 2, W / 2, C)."""
        return (shape[0], shape[1] // 2, shape[2] // 2, shape[3])


def _halving(size):
    """The matrix [size / 2, size] of the convolution with [1, 3, 3, 1] / 8, stride 2 and one zero at each border."""
    matrix = np.zeros((size // 2, size + 2), "float32")
    for row in range(size // 2):
        matrix[row, 2 * row : 2 * row + 4] = np.array([1, 3, 3, 1]) / 8
    return matrix[:, 1:-1]
