"""WGAN-GP: the Wasserstein GAN with a gradient penalty."""

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
class WGANGP(GAN):
    """WGAN with gradient penalty, Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1.

    The critic descends E[D(G(z))] - E[D(x)] + penalty_weight * E[(||grad D(x_hat)||_2 - 1)^2], with
    x_hat = eps x + (1 - eps) G(z) and one eps ~ U[0, 1] per sample; the generator descends -E[D(G(z))]. Do not use
    batch norm in the critic: the penalty is on each sample's own gradient. Optimizers by default:
    Adam(1e-4, beta_1=0, beta_2=0.9), as in algorithm 1.

    Args:
        generator: see `GAN`.
        critic: see `GAN`.
        latent: see `GAN`.
        critic_steps: critic updates a generator update (the paper's n_critic).
        penalty_weight: the paper's lambda, at least 0.
        one_sided: whether only gradient norms above 1 are penalised (the paper's appendix C).
        **of_gan: other arguments of `GAN`.

    Raises:
        ValueError: if `penalty_weight` is negative.

    Example:
        >>> critic = kerasgan.networks.dcgan.critic((32, 32, 1), normalization="layer")
        >>> gan = kerasgan.WGANGP(generator, critic, penalty_weight=10.0)
        >>> gan.compile()
    """

    tracked = ("wasserstein", "gradient_penalty")

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent: Prior | None = None,
        *,
        penalty_weight: float = 10.0,
        one_sided: bool = False,
        critic_steps: int = 5,
        **of_gan: Unpack[GANArguments],
    ):
        super().__init__(generator, critic, latent, critic_steps=critic_steps, **of_gan)
        validation.not_negative("penalty_weight", penalty_weight)
        gradient_penalty.check_critic(critic)
        self.penalty_weight = penalty_weight
        self.one_sided = one_sided

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """Return Adam(1e-4, beta_1=0, beta_2=0.9)."""
        return Adam(1e-4, beta_1=0.0, beta_2=0.9)

    def critic_step(self, real: Batch, k: int | LoopIndex) -> None:
        """Train the critic once, as the loop of algorithm 1."""
        fake = self.fake(real, "critic", k)
        between = gradient_penalty.interpolate(self, real, fake, k)
        self.update_critic(self.critic_loss, real, fake, between)

    def critic_loss(self, real: Batch, fake: Batch, between: Batch) -> Tensor:
        """Return E[D(G(z))] - E[D(x)] + penalty_weight * penalty, a scalar."""
        wasserstein = ops.mean(self.score(real)) - ops.mean(self.score(fake))
        penalty = gradient_penalty.gradient_penalty(self.score, between, self.one_sided)
        self.track(wasserstein=wasserstein, gradient_penalty=penalty)
        return -wasserstein + self.penalty_weight * penalty

    def generator_loss(self, real: Batch, *purpose: int) -> Tensor:
        """Return -E[D(G(z))], a scalar."""
        return -ops.mean(self.score(self.fake(real, "generator", *purpose)))

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "penalty_weight": self.penalty_weight, "one_sided": self.one_sided}
