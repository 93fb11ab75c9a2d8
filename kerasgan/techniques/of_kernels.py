"""What techniques that act on kernels share: whose kernels, and following their first singular vectors."""

from collections.abc import Sequence

import keras
from keras import ops

from kerasgan.layers import kernels
from kerasgan.layers.kernels import Kernel
from kerasgan.models.gan import GAN
from kerasgan.techniques.technique import Technique
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.messages import quoted
from kerasgan.utils.tensors import Tensor


class OfKernels(Technique):
    """Base of techniques that act on the kernels of one player or both (see `kerasgan.layers.kernels.kernels`).

    Args:
        generator: whether to act on the generator's kernels.
        critic: whether to act on the critic's.
        name: optional layer name.

    Raises:
        ValueError: if it is to act on neither.
    """

    lasting = ("generator", "critic")

    def __init__(self, generator: bool = True, critic: bool = False, name: str | None = None):
        super().__init__(name)
        if not generator and not critic:
            raise ValueError("generator, critic: expected at least one of them to be True; got neither")
        self.generator = generator
        self.critic = critic

    def attach(self, gan: GAN) -> None:
        """Find the kernels."""
        super().attach(gan)
        networks = [gan.generator] * self.generator + [gan.critic] * self.critic
        of_networks = [kernel for network in networks for kernel in kernels.kernels(network)]
        self._kernels = {id(kernel.variable): kernel for kernel in of_networks}

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "generator": self.generator, "critic": self.critic}

    def _among(self, variables):
        """Return the kernels among a network's trainable variables."""
        return [self._kernels[id(variable)] for variable in variables if id(variable) in self._kernels]


class OfSingularValues(OfKernels):
    """Base of techniques that bound the first singular value sigma0 of kernels, by a number or by the second, sigma1.

    The first two right singular vectors of each kernel are non-trainable weights of the technique: exact when the
    model is made, and then moved by one iteration of the power method after each update, as
    `kerasgan.layers.kernels.follow` says.

    Args:
        bound_name: what the subclass calls its fixed bound.
        bound: positive number, or `None`.
        ratio: positive number by which sigma1 is multiplied to give the bound, or `None`. A kernel of one row or
            column has no sigma1 and is left alone.
        generator: whether to act on the generator's kernels.
        critic: whether to act on the critic's.
        name: optional layer name.

    Raises:
        ValueError: if not exactly one of the bounds is given, or it is not positive, or neither player is.
    """

    def __init__(
        self,
        bound_name: str,
        bound: float | None,
        ratio: float | None,
        generator: bool,
        critic: bool,
        name: str | None,
    ):
        super().__init__(generator, critic, name)
        if (bound is None) == (ratio is None):
            raise ValueError(f"{bound_name}, ratio: expected one of them; got {quoted(bound)} and {quoted(ratio)}")
        for argument, value in ((bound_name, bound), ("ratio", ratio)):
            if value is not None:
                validation.positive(argument, value)
        self.ratio = ratio

    @property
    def bound(self) -> float | None:
        """The fixed bound, or `None`."""
        raise NotImplementedError(f"{type(self).__name__} defines no bound")

    def attach(self, gan: GAN) -> None:
        """Find the kernels and their first singular vectors."""
        super().attach(gan)
        self._vectors = {}
        for key, kernel in self._kernels.items():
            count = min(2, *kernel.shape)
            if self.ratio is None or count == 2:
                self._vectors[key] = self._first_vectors(kernel, count)

    def begin(self, gan: GAN) -> None:
        """Find the first singular vectors of the kernels as they are."""
        for key, vectors in self._vectors.items():
            vectors.assign(kernels.first_right(self._kernels[key].wide(), vectors.shape[1]))

    def after_update(self, variables: Sequence[keras.Variable]) -> None:
        """Move the vectors, and bound the kernels if the subclass does."""
        for kernel in self._bounded(variables):
            vectors = self._vectors[id(kernel.variable)]
            left, values, right = kernels.follow(kernel.wide(), vectors.value)
            vectors.assign(right)
            self.followed(kernel, left[:, 0], values, right[:, 0])

    def followed(self, kernel: Kernel, u: Tensor, values: Tensor, v: Tensor) -> None:
        """Act on a kernel whose vectors have been moved.

        Args:
            kernel: `kerasgan.layers.kernels.Kernel`.
            u: first left singular vector of `kernel.wide()`.
            values: its first two singular values (or one).
            v: first right singular vector.
        """

    def get_config(self) -> Config:
        """Return the constructor's arguments that all subclasses have."""
        return {**super().get_config(), "ratio": self.ratio}

    def _bounded(self, variables):
        return [kernel for kernel in self._among(variables) if id(kernel.variable) in self._vectors]

    def _bound(self, values):
        return self.bound if self.ratio is None else self.ratio * values[1]

    def _first_vectors(self, kernel, count):
        right = ops.convert_to_numpy(kernels.first_right(kernel.wide(), count))
        return self.add_weight(
            shape=right.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(right, dtype),
            trainable=False,
            dtype="float32",
            name=f"v_{kernel.name.replace('/', '_')}",
        )
