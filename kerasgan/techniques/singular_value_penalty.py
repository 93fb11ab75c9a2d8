"""A penalty that draws the first singular value of kernels to a number or to the second."""

from collections.abc import Sequence

import keras
from keras import ops

from kerasgan.layers import kernels
from kerasgan.techniques.of_kernels import OfSingularValues
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class SingularValuePenalty(OfSingularValues):
    """Add weight * (sigma0 - target)^2 to the loss, summed over kernels with first singular value sigma0.

    Brock, Donahue and Simonyan 2019, arXiv:1809.11096, section 4.1: the target is a fixed number or a ratio of the
    second singular value, which counts as a constant. Singular vectors count as constants too, so that the gradient
    of sigma0 is u0 v0^T. The kernels are those before spectral normalization. In the paper this kept sigma0 from
    exploding, and did not keep training from collapsing.

    Args:
        weight: weight of the penalty, at least 0.
        target: positive number to which sigma0 is drawn; or `None`, for `ratio`.
        ratio: positive number: sigma0 is drawn to `ratio` times the second singular value; or `None`, for `target`.
            Kernels of one row or column have no second one, and are then left alone.
        generator: whether to penalize the generator's kernels.
        critic: whether to penalize the critic's.
        name: optional layer name.

    Raises:
        ValueError: if not exactly one of `target` and `ratio` is given, a number is out of its range, or neither
            player is to be penalized.

    Example:
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[kerasgan.techniques.SingularValuePenalty(target=1.0)])
    """

    lasting_if_none = ("target", "ratio")

    def __init__(
        self,
        weight: float = 1e-3,
        target: float | None = None,
        ratio: float | None = None,
        generator: bool = True,
        critic: bool = False,
        name: str | None = None,
    ):
        super().__init__("target", target, ratio, generator, critic, name)
        validation.not_negative("weight", weight)
        self.weight = weight
        self.target = target

    @property
    def bound(self) -> float | None:
        """The target."""
        return self.target

    def penalty(self, variables: Sequence[keras.Variable]) -> Tensor | float:
        """Return the penalty of the kernels among the variables, a scalar."""
        total = 0.0
        for kernel in self._bounded(variables):
            images = kernels.products(kernel.wide(), self._vectors[id(kernel.variable)].value)  # W v0 and W v1
            values = ops.norm(ops.stop_gradient(images), axis=0)
            u = kernels.unit(ops.stop_gradient(images[:, 0]))
            total += self.weight * ops.square(ops.sum(u * images[:, 0]) - self._bound(values))
        return total

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "weight": self.weight, "target": self.target}
