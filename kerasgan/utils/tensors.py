"""The short name of tensors in signatures: those of TensorFlow, and those that a functional model is made with."""

from typing import TypeAlias

import keras
import tensorflow as tf
from keras import ops

Tensor: TypeAlias = tf.Tensor | keras.KerasTensor


def wide(x: Tensor) -> Tensor:
    """Return numbers of half precision, as a network in mixed precision gives them, as float32; others as they are."""
    return ops.cast(x, keras.backend.result_type(x.dtype, "float32"))


def product(matrix: Tensor, vector: Tensor) -> Tensor:
    """Return a matrix times a vector, by a sum: what TensorFlow knows as a product it may compute in bfloat16."""
    return ops.sum(matrix * vector, axis=1)
