"""Frozen convolutions, of which the networks are made that a critic looks through."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from keras import ops

from kerasgan.utils.tensors import Tensor

EPSILON = 1e-3  # of the batch norm of all of them


def convolution(
    kernel: np.ndarray,
    norm: Sequence[np.ndarray],
    activation: Callable[[Tensor], Tensor],
    strides: int = 1,
    depthwise: bool = False,
) -> Callable[[Tensor], Tensor]:
    """Make one function of a convolution without bias, batch norm of inference and an activation.

    It is of constants, and has no variables: nothing of it is saved, trained, averaged or counted.

    Args:
        kernel: float32 [height, width, inputs, outputs]; [height, width, channels, 1] where it is depthwise.
        norm: batch norm's four weights, gain, bias, mean and variance, each float32 [outputs].
        activation: function of a tensor.
        strides: in both directions; padding is "same".
        depthwise: whether each channel has a convolution of its own.
    """
    gain, bias, mean, variance = norm
    gain = gain / np.sqrt(variance + EPSILON)
    with tf.init_scope():  # not part of a graph that is being made
        scaled = ops.convert_to_tensor(kernel * (gain[:, None] if depthwise else gain))
        shift = ops.convert_to_tensor(bias - mean * gain)
    operation = ops.depthwise_conv if depthwise else ops.conv

    def apply(x):
        x = operation(x, scaled, strides=strides, padding="same", data_format="channels_last")
        return activation(ops.add(x, shift))  # TensorFlow's BiasAdd, which is fused with the convolution; `+` is not

    return apply


def identity(x: Tensor) -> Tensor:
    """Return x: the activation of a linear convolution."""
    return x
