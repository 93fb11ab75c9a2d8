"""ProjectedGAN: the hinge loss over many logits of frozen features."""

from typing import Unpack

import keras

from kerasgan.latents import Prior
from kerasgan.models.gan import GANArguments
from kerasgan.objectives.hinge import HingeGAN
from kerasgan.optimizers.adam import Adam
from kerasgan.optimizers.schedules import Schedule


@keras.saving.register_keras_serializable(package="kerasgan")
class ProjectedGAN(HingeGAN):
    """Projected GAN (Sauer, Chitta, Mueller and Geiger 2021, arXiv:2111.01007).

    The hinge loss, whose means are over all logits that the critic gives for an image: those of every place of every
    feature map. Networks for it are `kerasgan.networks.projected` and `kerasgan.networks.fastgan`; the paper's
    augmentation of all that the critic sees is the technique `DiffAugment`. Optimizers by default: Adam(2e-4, beta_1=0,
    beta_2=0.99), with batches of 64.

    Args:
        generator: see `GAN`.
        critic: `keras.Model` from images (and labels) to logits [N, L], L at least 1.
        latent: see `GAN`.
        ema_decay: see `GAN`; a half-life of 312.5 steps by default, whatever the batch size. The decay does not grow.
        **of_gan: other arguments of `GAN`.

    Raises:
        ValueError: as `GAN`.

    Example:
        >>> generator = kerasgan.networks.fastgan.generator((64, 64, 3), lite=True)
        >>> critic = kerasgan.networks.projected.critic((64, 64, 3))  # looks through a frozen EfficientNet-Lite0
        >>> gan = kerasgan.ProjectedGAN(generator, critic, techniques=[kerasgan.techniques.DiffAugment(cutout=0.2)])
        >>> gan.compile()
    """

    patch_critic = True
    ema_ramp = 1

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent: Prior | None = None,
        *,
        ema_decay: float | Schedule | None = 0.5 ** (1 / 312.5),
        **of_gan: Unpack[GANArguments],
    ):
        super().__init__(generator, critic, latent, ema_decay=ema_decay, **of_gan)

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """Return Adam(2e-4, beta_1=0, beta_2=0.99)."""
        return Adam(2e-4, beta_1=0.0, beta_2=0.99)
