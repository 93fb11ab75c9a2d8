"""BigGAN: the hinge loss with two critic steps, two learning rates, and a late moving average."""

from typing import Unpack

import keras

from kerasgan.latents import Prior
from kerasgan.models.gan import GANArguments
from kerasgan.objectives.hinge import HingeGAN
from kerasgan.optimizers.adam import Adam
from kerasgan.optimizers.schedules import Schedule
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config


@keras.saving.register_keras_serializable(package="kerasgan")
class BigGAN(HingeGAN):
    """BigGAN's training (Brock, Donahue and Simonyan 2019, arXiv:1809.11096, appendix C).

    The hinge loss, two critic steps on fresh data, a moving average of decay 0.9999. Networks for it are
    `kerasgan.networks.biggan` and `biggan_deep`; the paper's orthogonal regularization is the technique
    `OrthogonalRegularization`. Optimizers by default: Adam(5e-5, beta_1=0, beta_2=0.999) for the generator and
    Adam(2e-4, beta_1=0, beta_2=0.999) for the critic, the paper's for BigGAN at all sizes and BigGAN-deep at 128
    pixels; for BigGAN-deep at 256 and 512 pixels it has 2.5e-5 for both. All with batches of 2,048.

    Args:
        generator: see `GAN`.
        critic: see `GAN`.
        latent: see `GAN`.
        critic_steps: see `GAN`.
        ema_decay: see `GAN`.
        ema_start: training step, at least 0, from which the average is taken; until then it is a copy of the
            generator. ajbrock/BigGAN-PyTorch has 20,000 on ImageNet and 1,000 on CIFAR-10.
        **of_gan: other arguments of `GAN`.

    Raises:
        ValueError: also if `ema_start` is not an integer of at least 0.

    Example:
        >>> networks = kerasgan.networks.biggan
        >>> generator = networks.generator((32, 32, 1), latent_dim=80, num_classes=10, filters=32)
        >>> critic = networks.critic((32, 32, 1), num_classes=10, filters=32)
        >>> orthogonal = kerasgan.techniques.OrthogonalRegularization(1e-4)
        >>> gan = kerasgan.BigGAN(generator, critic, num_classes=10, ema_start=1000, techniques=[orthogonal])
        >>> gan.compile()
    """

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent: Prior | None = None,
        *,
        ema_start: int = 0,
        critic_steps: int = 2,
        ema_decay: float | Schedule | None = 0.9999,
        **of_gan: Unpack[GANArguments],
    ):
        super().__init__(generator, critic, latent, critic_steps=critic_steps, ema_decay=ema_decay, **of_gan)
        self.ema_start = validation.integer("ema_start", ema_start, 0)

    def default_generator_optimizer(self) -> keras.optimizers.Optimizer:
        """Return Adam(5e-5, beta_1=0, beta_2=0.999)."""
        return Adam(5e-5, beta_1=0.0, beta_2=0.999)

    def default_critic_optimizer(self) -> keras.optimizers.Optimizer:
        """Return Adam(2e-4, beta_1=0, beta_2=0.999)."""
        return Adam(2e-4, beta_1=0.0, beta_2=0.999)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "ema_start": self.ema_start}
