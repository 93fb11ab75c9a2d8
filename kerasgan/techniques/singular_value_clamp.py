"""A clamp on the first singular value of kernels, after each update."""

import keras
from keras import ops

from kerasgan.layers.kernels import Kernel
from kerasgan.techniques.of_kernels import OfSingularValues
from kerasgan.utils.annotations import Config
from kerasgan.utils.messages import quoted
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class SingularValueClamp(OfSingularValues):
    """After each update, let W become W - max(0, sigma0 - clamp) u0 v0^T for kernels with singular values above it.

    Brock, Donahue and Simonyan 2019, arXiv:1809.11096, section 4.1: sigma0 is the first singular value, u0 and v0 its
    vectors, and the clamp a fixed number or a ratio of the second singular value. The first value alone is lowered:
    where several lie above the clamp, updates take them one after the other. The kernels are those before spectral
    normalization. In the paper this kept sigma0 from exploding, and did not keep training from collapsing.

    Args:
        clamp: positive number, the bound; or `None`, for `ratio`.
        ratio: number of at least 1: the bound is `ratio` times the second singular value; or `None`, for `clamp`.
            Kernels of one row or column have no second one, and are then left alone.
        generator: whether to clamp the generator's kernels.
        critic: whether to clamp the critic's.
        name: optional layer name.

    Raises:
        ValueError: if not exactly one of `clamp` and `ratio` is given, a number is out of its range, or neither
            player is to be clamped.

    Example:
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[kerasgan.techniques.SingularValueClamp(ratio=2.0)])
    """

    lasting_if_none = ("clamp", "ratio")

    def __init__(
        self,
        clamp: float | None = None,
        ratio: float | None = None,
        generator: bool = True,
        critic: bool = False,
        name: str | None = None,
    ):
        super().__init__("clamp", clamp, ratio, generator, critic, name)
        if ratio is not None and not ratio >= 1:
            raise ValueError(f"ratio: expected a number of at least 1; got {quoted(ratio)}")
        self.clamp = clamp

    @property
    def bound(self) -> float | None:
        """The clamp."""
        return self.clamp

    def followed(self, kernel: Kernel, u: Tensor, values: Tensor, v: Tensor) -> None:
        """Lower the first singular value of a kernel to the clamp."""
        excess = ops.maximum(0.0, values[0] - self._bound(values))
        kernel.variable.assign(kernel.variable - kernel.unfold(excess * ops.outer(u, v)))

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "clamp": self.clamp}
