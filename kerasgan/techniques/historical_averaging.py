"""Historical averaging: weights are drawn to the mean of their past."""

from collections.abc import Sequence

import keras
from keras import ops

from kerasgan.models.gan import GAN
from kerasgan.techniques.technique import Technique
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class HistoricalAveraging(Technique):
    """Add weight * ||theta - mean of the past theta||^2 to both players' losses.

    Salimans et al. 2016, arXiv:1606.03498, section 3.3: the mean is over the values before each of the player's
    updates so far, the first ones included. It doubles the memory of the weights.

    Args:
        weight: weight of the penalty, at least 0.
        name: optional layer name.

    Raises:
        ValueError: if `weight` is negative.

    Example:
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[kerasgan.techniques.HistoricalAveraging(1e-3)])
    """

    def __init__(self, weight: float = 1e-3, name: str | None = None):
        super().__init__(name)
        validation.not_negative("weight", weight)
        self.weight = weight

    def attach(self, gan: GAN) -> None:
        """Make the means."""
        super().attach(gan)
        self._means = {}
        for network in (gan.generator, gan.latent, gan.critic):
            for variable in self.weights_of(network):
                self._means[id(variable)] = self.copy_of(variable, f"mean_{variable.name}"), self._count(variable)

    def begin(self, gan: GAN) -> None:
        """Set the means to the weights."""
        for network in (gan.generator, gan.latent, gan.critic):
            for variable in self.weights_of(network):
                self._means[id(variable)][0].assign(variable)

    def penalty(self, variables: Sequence[keras.Variable]) -> Tensor | float:
        """Return weight * ||theta - mean||^2, a scalar."""
        means = [self._means[id(variable)][0] for variable in variables]
        return self.weight * sum(ops.sum(ops.square(v - mean)) for v, mean in zip(variables, means))

    def after_update(self, variables: Sequence[keras.Variable]) -> None:
        """Move the means."""
        for variable in variables:
            mean, count = self._means[id(variable)]
            count.assign(count + 1.0)
            mean.assign(mean + (variable - mean) / count)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "weight": self.weight}

    def _count(self, variable):
        return self.add_weight(shape=(), initializer="ones", trainable=False, name=f"count_{variable.name}")
