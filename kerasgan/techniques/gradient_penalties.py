"""Penalties on the critic's gradients, for any objective: R1, R2, and WGAN-GP's."""

from collections.abc import Callable
from typing import Self

import keras
import tensorflow as tf
from keras import ops

from kerasgan.models import added_losses, gradient_penalty
from kerasgan.models.batch import Batch
from kerasgan.models.gan import GAN
from kerasgan.optimizers import schedules
from kerasgan.optimizers.schedules import Schedule
from kerasgan.techniques.technique import Technique
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.tensors import Tensor


class CriticPenalty(Technique):
    """Base of the penalties that are added to the critic's loss: in every `every`-th training step, `every` times.

    A subclass names what it logs in `tracked`, gives the `weight` at a step and the `penalty_of` two batches. The
    gradient is taken with respect to the image before noise and augmentation, and runs through them; labels, and the
    images with which a critic compares, are held constant.
    """

    def __init__(self, every: int, name: str | None = None):
        super().__init__(name)
        self.every = validation.integer("every", every, 1)

    def attach(self, gan: GAN) -> None:
        """Warn of layers in the critic that do not go with the penalty."""
        super().attach(gan)
        gradient_penalty.check_critic(gan.critic)

    def weight_at(self, step: Tensor) -> float | Tensor:
        """Return the penalty's weight at a training step, a float32 scalar."""
        raise NotImplementedError(f"{type(self).__name__} defines no weight_at")

    def penalty_of(self, gan: GAN, real: Batch, fake: Batch) -> Tensor:
        """Return the penalty of a real and a generated `Batch`, a scalar."""
        raise NotImplementedError(f"{type(self).__name__} defines no penalty_of")

    def critic_loss(self, gan: GAN, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return the objective's loss plus `every` * weight * penalty in the steps 0, `every`, 2 `every`, ..."""

        def added(real, fake):
            with gan.unwatched(), added_losses.collected([gan.critic]) as of_layers:
                penalty = self.penalty_of(gan, real, fake)
            return penalty, self.every * self.weight_at(gan.step) * penalty + sum(of_layers)

        def penalised(real, fake, *rest):
            value = loss(real, fake, *rest)
            if self.every == 1:
                penalty, weighed = added(real, fake)
                gan.track(**{self.tracked[0]: penalty})
                return value + weighed
            due = ops.equal(gan.step % self.every, 0)
            replicas = tf.distribute.get_replica_context().num_replicas_in_sync
            # what may not run cannot ask other replicas; XLA fails on the gradient of an augmentation in a condition
            if gan.jit_compile or (replicas > 1 and gradient_penalty.coupling(gan.critic)):
                penalty, weighed = (ops.where(due, number, 0.0) for number in added(real, fake))
            else:
                penalty, weighed = tf.cond(due, lambda: added(real, fake), lambda: (tf.constant(0.0),) * 2)
            gan.track(counting=due, **{self.tracked[0]: penalty})
            return value + weighed

        return penalised

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "every": self.every}


class ZeroCentred(CriticPenalty):
    """Base of R1 and R2: gamma / 2 times the mean squared norm of the critic's gradient."""

    def __init__(self, gamma: float | Schedule, every: int, name: str | None):
        super().__init__(every, name)
        schedules.check("gamma", gamma)
        self.gamma = gamma

    def weight_at(self, step: Tensor) -> float | Tensor:
        """Return gamma / 2."""
        return schedules.at(self.gamma, step) / 2.0

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "gamma": schedules.serialized(self.gamma)}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Make a technique of a `get_config`."""
        return cls(**{**config, "gamma": schedules.deserialized(config["gamma"])})


@keras.saving.register_keras_serializable(package="kerasgan")
class R1(ZeroCentred):
    """Add gamma / 2 * E[||grad D(x)||_2^2] over real images x to the critic's loss, with any objective.

    Mescheder, Geiger and Nowozin 2018, arXiv:1801.04406, equation 9. The paper has gamma = 10 with `SGAN`'s
    non-saturating loss, for images of 128 to 256 pixels; the norm grows with the image, and small images need less.
    `r1` in the logs is the mean without its weight.

    Args:
        gamma: number of at least 0, or a `keras.optimizers.schedules.LearningRateSchedule` from the training step to
            it.
        every: the penalty is added in every `every`-th training step alone, with `every` times the weight ("lazy
            regularization", Karras et al. 2020, arXiv:1912.04958, appendix B: 16).
        name: optional layer name.

    Raises:
        ValueError: if `gamma` is negative, or `every` is no positive integer.

    Example:
        >>> critic = kerasgan.networks.dcgan.critic((32, 32, 1), normalization="layer")
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[kerasgan.techniques.R1(gamma=0.1, every=16)])
    """

    tracked = ("r1",)

    def __init__(self, gamma: float | Schedule = 10.0, every: int = 1, name: str | None = None):
        super().__init__(gamma, every, name)

    def penalty_of(self, gan: GAN, real: Batch, fake: Batch) -> Tensor:
        """Return E[||grad D(x)||_2^2]."""
        return gradient_penalty.zero_centred(lambda batch: gan.judge(batch, fake), real)


@keras.saving.register_keras_serializable(package="kerasgan")
class R2(ZeroCentred):
    """Add gamma / 2 * E[||grad D(G(z))||_2^2] over generated images to the critic's loss, with any objective.

    Mescheder, Geiger and Nowozin 2018, arXiv:1801.04406, equation 10. `r2` in the logs is the mean without its weight.

    Args:
        gamma: see `R1`.
        every: see `R1`.
        name: optional layer name.

    Raises:
        ValueError: if `gamma` is negative, or `every` is no positive integer.

    Example:
        >>> critic = kerasgan.networks.dcgan.critic((32, 32, 1), normalization="layer")
        >>> penalties = [kerasgan.techniques.R1(gamma=0.1), kerasgan.techniques.R2(gamma=0.1)]
        >>> gan = kerasgan.RSGAN(generator, critic, techniques=penalties)
    """

    tracked = ("r2",)

    def __init__(self, gamma: float | Schedule = 10.0, every: int = 1, name: str | None = None):
        super().__init__(gamma, every, name)

    def penalty_of(self, gan: GAN, real: Batch, fake: Batch) -> Tensor:
        """Return E[||grad D(G(z))||_2^2]."""
        return gradient_penalty.zero_centred(lambda batch: gan.judge(batch, real), fake)


@keras.saving.register_keras_serializable(package="kerasgan")
class GradientPenalty(CriticPenalty):
    """Add weight * E[(||grad D(x_hat)||_2 - 1)^2] to the critic's loss, with any objective.

    WGAN-GP's penalty (Gulrajani et al. 2017, arXiv:1704.00028, equation 3): x_hat = eps x + (1 - eps) G(z), one
    eps ~ U[0, 1] per sample. With `SGAN` and `RSGAN` it makes the SGAN-GP and RSGAN-GP of arXiv:1807.00734.
    `gradient_penalty` in the logs is the mean without its weight. `WGANGP`, `ACWGANGP` and `CramerGAN` have it already.

    Args:
        weight: the paper's lambda, at least 0.
        one_sided: whether only gradient norms above 1 are penalised (the paper's appendix C).
        every: see `R1`.
        name: optional layer name.

    Raises:
        ValueError: if `weight` is negative, or `every` is no positive integer.

    Example:
        >>> critic = kerasgan.networks.dcgan.critic((32, 32, 1), normalization="layer")
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[kerasgan.techniques.GradientPenalty(10.0)])
    """

    tracked = ("gradient_penalty",)

    def __init__(self, weight: float = 10.0, one_sided: bool = False, every: int = 1, name: str | None = None):
        super().__init__(every, name)
        validation.not_negative("weight", weight)
        self.weight = weight
        self.one_sided = one_sided

    def weight_at(self, step: Tensor) -> float | Tensor:
        """Return the weight."""
        return self.weight

    def penalty_of(self, gan: GAN, real: Batch, fake: Batch) -> Tensor:
        """Return E[(||grad D(x_hat)||_2 - 1)^2], or E[max(0, ||grad D(x_hat)||_2 - 1)^2]."""
        between = gradient_penalty.interpolate(gan, real, fake, *fake.purpose)
        return gradient_penalty.gradient_penalty(lambda batch: gan.judge(batch, fake), between, self.one_sided)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "weight": self.weight, "one_sided": self.one_sided}
