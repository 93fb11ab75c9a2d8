"""Orthogonal regularization without the diagonal: filters of a layer are kept apart, their norms left free."""

from collections.abc import Sequence

import keras
from keras import ops

from kerasgan.techniques.of_kernels import OfKernels
from kerasgan.utils import precision, validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class OrthogonalRegularization(OfKernels):
    """Add weight / 2 * ||W W^T (.) (1 - I)||_F^2 to the loss, summed over the kernels W with a row for each filter.

    BigGAN's regularization that makes its generators amenable to truncation (Brock, Donahue and Simonyan 2019,
    arXiv:1809.11096, section 3.1, equation 3): inner products of different filters of a layer are drawn to 0, while
    their norms are free. Its gradient, 2 * weight * (W W^T (.) (1 - I)) W, is what the authors' second implementation
    (ajbrock/BigGAN-PyTorch, `utils.ortho`) adds, with 1e-4; the paper's equation with the same weight would have the
    double of it. W is the kernel before spectral normalization, a row its output channel. Embeddings are left out (the
    reference leaves out the generator's shared one), and so are biases and what else is no matrix.

    Args:
        weight: weight of the penalty, at least 0.
        generator: whether to regularize the generator.
        critic: whether to regularize the critic.
        name: optional layer name.

    Raises:
        ValueError: if `weight` is negative, or neither player is to be regularized.

    Example:
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[kerasgan.techniques.OrthogonalRegularization(1e-4)])
    """

    def __init__(self, weight: float = 1e-4, generator: bool = True, critic: bool = False, name: str | None = None):
        super().__init__(generator, critic, name)
        validation.not_negative("weight", weight)
        self.weight = weight

    def penalty(self, variables: Sequence[keras.Variable]) -> Tensor | float:
        """Return the penalty of the kernels among the variables, a scalar."""
        total = 0.0
        for kernel in self._among(variables):
            if not kernel.is_embedding:
                total += self.weight / 2 * _products_apart(ops.cast(kernel.matrix(), precision.product_type()))
        return ops.cast(total, "float32")

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "weight": self.weight}


def _products_apart(matrix):
    """Return the sum of the squared inner products of different rows."""
    rows, columns = matrix.shape
    if rows <= columns:
        products = ops.matmul(matrix, ops.transpose(matrix))
        return ops.sum(ops.square(products * (1.0 - ops.eye(rows, dtype=matrix.dtype))))
    # W^T W has the same norm as W W^T, which for the first layer of a BigGAN of 128 pixels would take 2.4 GB. So many
    # rows cannot be orthogonal: the difference is not one of nearly equal numbers.
    products = ops.matmul(ops.transpose(matrix), matrix)
    return ops.sum(ops.square(products)) - ops.sum(ops.square(ops.sum(ops.square(matrix), axis=1)))
