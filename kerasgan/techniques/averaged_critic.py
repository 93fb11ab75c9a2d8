"""An average of the critic's weights over its updates."""

from collections.abc import Sequence

import keras

from kerasgan.models.gan import GAN
from kerasgan.techniques.technique import Technique
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config


@keras.saving.register_keras_serializable(package="kerasgan")
class AveragedCritic(Technique):
    """Keep a moving average of the critic's trained weights; it changes nothing in the training.

    Salimans et al. 2016, arXiv:1606.03498, judge with the average of their critic (their code, decay 0.9999, which
    starts from zeros; here it starts from the critic). It doubles the memory of the critic's weights.

    Args:
        decay: in [0, 1): after each update of the critic the average is decay * average + (1 - decay) * weights.
        name: optional layer name.

    Raises:
        ValueError: if `decay` is outside [0, 1).

    Example:
        >>> averaged = kerasgan.techniques.AveragedCritic()
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[averaged])
        >>> gan.compile(); gan.fit(data)
        >>> logits = averaged.critic_of(gan)(images)
    """

    def __init__(self, decay: float = 0.9999, name: str | None = None):
        super().__init__(name)
        self.decay = validation.below_one("decay", decay)

    def attach(self, gan: GAN) -> None:
        """Make the averages."""
        super().attach(gan)
        self._averages = {id(v): self.copy_of(v, f"average_{v.name}") for v in self.weights_of(gan.critic)}

    def begin(self, gan: GAN) -> None:
        """Set the averages to the weights."""
        for variable in self.weights_of(gan.critic):
            self._averages[id(variable)].assign(variable)

    def after_update(self, variables: Sequence[keras.Variable]) -> None:
        """Move the averages, where it is the critic that was updated."""
        for variable in variables:
            average = self._averages.get(id(variable))
            if average is not None:
                average.assign(average + (1.0 - self.decay) * (variable - average))

    def critic_of(self, gan: GAN) -> keras.Model:
        """Return a copy of the critic with the averaged weights, a `keras.Model`.

        Args:
            gan: the `GAN` that this technique belongs to.
        """
        copy = type(gan.critic).from_config(gan.critic.get_config())
        for ours, theirs in zip(copy.variables, gan.critic.variables, strict=True):
            ours.assign(self._averages.get(id(theirs), theirs))
        return copy

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "decay": self.decay}
