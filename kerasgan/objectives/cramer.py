"""CramerGAN: the energy distance."""

from typing import Unpack

import keras
from keras import ops

from kerasgan.latents import Prior
from kerasgan.models import gradient_penalty
from kerasgan.models.batch import Batch
from kerasgan.models.gan import GAN, GANArguments
from kerasgan.optimizers.adam import Adam
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.keyed_random import LoopIndex
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class CramerGAN(GAN):
    """The Cramer GAN of Bellemare et al. 2017, arXiv:1705.10743, algorithm 1.

    The critic h maps an image to features (256 in the usual implementations). With x real, g and g' two independent
    generated batches and f(a) = ||h(a) - h(g')|| - ||h(a)||, the generator descends the energy distance
    E||h(x) - h(g)|| + E||h(x) - h(g')|| - E||h(g) - h(g')||, and the critic
    E f(g) - E f(x) + penalty_weight * E[(||grad f(x_hat)|| - 1)^2] with x_hat between x and g. That ||h(a)|| stands
    for the distance to a second real batch lets the critic's loss be 0 for different distributions: watch
    `energy_distance`. Optimizers by default: Adam(1e-4, beta_1=0.5, beta_2=0.9).

    Args:
        generator: see `GAN`.
        critic: `keras.Model` h from images (and labels) to features [N, F].
        latent: see `GAN`.
        critic_steps: critic updates a generator update.
        penalty_weight: weight of the gradient penalty, at least 0.
        **of_gan: other arguments of `GAN`.

    Raises:
        ValueError: also if `penalty_weight` is negative.

    Example:
        >>> critic = kerasgan.networks.dcgan.critic((32, 32, 1), normalization="layer", outputs=256)
        >>> gan = kerasgan.CramerGAN(generator, critic)
        >>> gan.compile()
    """

    tracked = ("energy_distance", "gradient_penalty")
    feature_critic = True
    generator_sees_real = True

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent: Prior | None = None,
        *,
        penalty_weight: float = 10.0,
        critic_steps: int = 5,
        **of_gan: Unpack[GANArguments],
    ):
        super().__init__(generator, critic, latent, critic_steps=critic_steps, **of_gan)
        validation.not_negative("penalty_weight", penalty_weight)
        gradient_penalty.check_critic(critic)
        self.penalty_weight = penalty_weight

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """Return Adam(1e-4, beta_1=0.5, beta_2=0.9)."""
        return Adam(1e-4, beta_1=0.5, beta_2=0.9)

    def critic_step(self, real: Batch, k: int | LoopIndex) -> None:
        """Train the critic once, on two fresh fakes."""
        fake, other = self.fake(real, "critic", k), self.fake(real, "critic", k, "other")
        between = gradient_penalty.interpolate(self, real, fake, k)
        self.update_critic(self.critic_loss, real, fake, other, between)

    def judge(self, batch: Batch, against: Batch) -> Tensor:
        """Return f(a) = ||h(a) - h(b)|| - ||h(a)||, [N, 1], of a batch and one that it is compared with."""
        return self._against(batch, self.score(against))

    def critic_loss(self, real: Batch, fake: Batch, other: Batch, between: Batch) -> Tensor:
        """Return E f(g) - E f(x) + penalty_weight * penalty, a scalar."""
        anchor = self.score(other)
        penalty = gradient_penalty.gradient_penalty(lambda batch: self._against(batch, anchor), between)
        self.track(gradient_penalty=penalty)
        gap = ops.mean(self._against(fake, anchor)) - ops.mean(self._against(real, anchor))
        return gap + self.penalty_weight * penalty

    def generator_loss(self, real: Batch, *purpose: int) -> Tensor:
        """Return E||h(x) - h(g)|| + E||h(x) - h(g')|| - E||h(g) - h(g')||, a scalar."""
        h_real = self.score(real)
        h_fake = self.score(self.fake(real, "generator", *purpose))
        h_other = self.score(self.fake(real, "generator", *purpose, "other"))
        distance = ops.mean(_norm(h_real - h_fake) + _norm(h_real - h_other) - _norm(h_fake - h_other))
        self.track(energy_distance=distance)
        return distance

    def _against(self, batch, anchor):
        features = self.score(batch)
        return _norm(features - anchor) - _norm(features)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "penalty_weight": self.penalty_weight}


def _norm(features):
    """Return the Euclidean norms [N, 1] of features [N, F], with a finite gradient at 0."""
    return ops.sqrt(ops.sum(ops.square(features), axis=1, keepdims=True) + 1e-12)
