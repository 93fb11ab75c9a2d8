"""Virtual batch normalization: batch norm with the statistics of a fixed reference batch.

A network with it carries its reference batch along: `ReferenceBatch` puts it in front of the inputs' rows,
`VirtualBatchNormalization` takes statistics of these first rows, and `DropReference` removes them at the end.
"""

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from kerasgan.utils import validation
from kerasgan.utils.annotations import Config, Shape
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class ReferenceBatch(keras.layers.Layer):
    """Put a fixed reference batch in front of the rows of the inputs.

    The reference is a weight that is not trained: it starts from N(0, 1), and `adapt` replaces it. A `GAN` draws those
    of its generator from its prior, and `GAN.fit` adapts those of a critic to the first real images before the first
    step.

    Args:
        size: number of rows R of the reference.
        **kwargs: `name`, `trainable` and `dtype`, as of any layer.

    Raises:
        ValueError: if `size` is not an integer of at least 2.
    """

    def __init__(self, size: int = 64, **kwargs):
        super().__init__(**kwargs)
        self.size = validation.integer("size", size, 2)

    def build(self, input_shape: Shape) -> None:
        """Make the reference [R, ...]."""
        normal = keras.initializers.RandomNormal(stddev=1.0)
        shape = (self.size, *input_shape[1:])
        self.reference = self.add_weight(shape=shape, initializer=normal, trainable=False, name="reference")
        self.adapted = self.add_weight(shape=(), dtype="bool", initializer="zeros", trainable=False, name="adapted")

    def adapt(self, data: npt.ArrayLike) -> None:
        """Take the reference from data.

        Args:
            data: array of at least R rows of the inputs' shape; the first R are taken.

        Raises:
            ValueError: on fewer rows, or rows of another shape.
        """
        rows = np.asarray(data)
        if rows.shape[1:] != tuple(self.reference.shape[1:]) or len(rows) < self.size:
            wanted = tuple(self.reference.shape[1:])
            raise ValueError(f"data: expected at least {self.size} rows of shape {wanted}; got shape {rows.shape}")
        self.reference.assign(rows[: self.size])
        self.adapted.assign(True)

    def call(self, inputs: Tensor) -> Tensor:
        """Turn inputs [N, ...] into [R + N, ...]."""
        return ops.concatenate([ops.cast(self.reference, inputs.dtype), inputs], axis=0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (R + N, ...)."""
        rows, *row = input_shape
        return (None if rows is None else self.size + rows, *row)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable(package="kerasgan")
class VirtualBatchNormalization(keras.layers.Layer):
    """Normalize each row with the statistics of the reference rows and of itself.

    Salimans et al. 2016, arXiv:1606.03498, section 3.5. As in the authors' code, a row that is not of the reference
    is normalized with the first two moments of the R + 1 rows that it and the reference make, and the reference rows
    with their own. A row's result depends on that row and the reference alone, so a batch is no longer coupled. The
    last axis holds the channels; gains start at 1 and biases at 0.

    Args:
        size: number of rows R of the reference, as of the network's `ReferenceBatch`.
        epsilon: added to the variance.
        **kwargs: `name`, `trainable` and `dtype`, as of any layer.

    Raises:
        ValueError: if `size` is not an integer of at least 2.
    """

    def __init__(self, size: int = 64, epsilon: float = 1e-5, **kwargs):
        super().__init__(**kwargs)
        self.size = validation.integer("size", size, 2)
        self.epsilon = validation.not_negative("epsilon", epsilon)

    def build(self, input_shape: Shape) -> None:
        """Make gain and bias [C]."""
        shape = (input_shape[-1],)
        self.gain = self.add_weight(shape=shape, initializer="ones", name="gain", autocast=False)
        self.bias = self.add_weight(shape=shape, initializer="zeros", name="bias", autocast=False)

    def call(self, inputs: Tensor) -> Tensor:
        """Normalize.

        Args:
            inputs: tensor [R + N, ..., C], reference rows first.

        Returns:
            Tensor [R + N, ..., C].
        """
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        places = tuple(range(1, len(inputs.shape) - 1))
        # from the reference's mean on, so that no variance is the difference of two large numbers
        x = x - ops.mean(x[: self.size], axis=(0, *places), keepdims=True)
        first = ops.mean(x, axis=places, keepdims=True)  # moments of each row [R + N, 1, ..., C]
        second = ops.mean(ops.square(x), axis=places, keepdims=True)
        reference_first = ops.mean(first[: self.size], axis=0, keepdims=True)
        reference_second = ops.mean(second[: self.size], axis=0, keepdims=True)
        rows = ops.arange(ops.shape(x)[0])
        own = ops.where(rows < self.size, 0.0, 1.0 / (self.size + 1.0))  # share of the row's own moments
        own = ops.reshape(ops.cast(own, x.dtype), (-1, *(1 for _ in inputs.shape[1:])))
        mean = own * first + (1.0 - own) * reference_first
        variance = own * second + (1.0 - own) * reference_second - ops.square(mean)
        scale = self.gain / ops.sqrt(ops.maximum(variance, 0.0) + self.epsilon)
        return ops.cast((x - mean) * scale + self.bias, inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the inputs' shape."""
        return input_shape

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "size": self.size, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="kerasgan")
class DropReference(keras.layers.Layer):
    """Remove the reference rows: [R + N, ...] to [N, ...].

    Args:
        size: number of rows R of the reference, as of the network's `ReferenceBatch`.
        **kwargs: `name`, `trainable` and `dtype`, as of any layer.
    """

    def __init__(self, size: int = 64, **kwargs):
        super().__init__(**kwargs)
        self.size = validation.integer("size", size, 2)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the rows after the first R."""
        return inputs[self.size :]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (N, ...)."""
        rows, *row = input_shape
        return (None if rows is None else rows - self.size, *row)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "size": self.size}
