"""Minibatch discrimination: features of how close a sample is to the others of its batch."""

import keras
from keras import ops

from kerasgan.utils import replica_shares, tensors, validation
from kerasgan.utils.annotations import Config, Shape
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class MinibatchDiscrimination(keras.layers.Layer):
    """Append to each sample's features its closeness to the other samples of the batch.

    Salimans et al. 2016, arXiv:1606.03498, section 3.2: with M_i = f(x_i) T, a matrix [kernels, dim],
    o(x_i)_b = sum over j != i of exp(-||M_i,b - M_j,b||_1). The batch is that of all replicas together. Not for
    a critic with a gradient penalty, which asks for each sample's own gradient.

    Args:
        kernels: the paper's B, the number of features that are appended.
        dim: the paper's C, the length of the vectors that are compared.
        **kwargs: `name`, `trainable` and `dtype`, as of any layer.

    Raises:
        ValueError: if a number is not a positive integer.
    """

    def __init__(self, kernels: int = 100, dim: int = 5, **kwargs):
        super().__init__(**kwargs)
        self.kernels = validation.integer("kernels", kernels, 1)
        self.dim = validation.integer("dim", dim, 1)

    def build(self, input_shape: Shape) -> None:
        """Make T as a matrix [F, kernels * dim]."""
        shape = (input_shape[-1], self.kernels * self.dim)
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")

    def call(self, features: Tensor) -> Tensor:
        """Turn features [N, F] into [N, F + kernels]."""
        own = ops.reshape(tensors.wide(ops.matmul(features, self.kernel)), (-1, self.kernels, self.dim))
        everyone = replica_shares.of_all_replicas(own)
        distances = ops.sum(ops.abs(own[:, None] - everyone[None]), axis=-1)
        closeness = ops.sum(ops.exp(-distances), axis=1) - 1.0  # less the sample's own, exp(0)
        return ops.concatenate([features, ops.cast(closeness, features.dtype)], axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (N, F + kernels)."""
        return (*input_shape[:-1], input_shape[-1] + self.kernels)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "kernels": self.kernels, "dim": self.dim}
