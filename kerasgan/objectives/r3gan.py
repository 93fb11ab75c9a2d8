"""R3GAN: the relativistic pairing loss with penalties on gradients at real and at generated images."""

from typing import Self, Unpack

import keras
from keras import ops

from kerasgan.latents import Prior
from kerasgan.models import gradient_penalty
from kerasgan.models.batch import Batch
from kerasgan.models.gan import GANArguments
from kerasgan.objectives.rsgan import RSGAN
from kerasgan.optimizers import schedules
from kerasgan.optimizers.adam import Adam
from kerasgan.optimizers.schedules import Schedule
from kerasgan.utils.annotations import Config
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class R3GAN(RSGAN):
    """R3GAN of Huang, Gokaslan, Kuleshov and Tompkin 2024, arXiv:2501.05441, equations 3-5.

    With D the critic's logits and pairs of the same index in a batch, the critic descends
    E[softplus(-(D(x) - D(G(z))))] + gamma / 2 (E||grad D(x)||^2 + E||grad D(G(z))||^2), RSGAN's loss with R1 and R2,
    and the generator descends E[softplus(-(D(G(z)) - D(x)))]; both see fresh real data. Gradients are taken with
    respect to the images before noise and augmentation. `r1` and `r2` in the logs are the mean squared norms.

    The paper moves five numbers along a `kerasgan.schedules.Cosine` in `decay` images (20 million for CIFAR-10, with
    batches of 512: 39,062 steps): learning rate and beta_2 of both optimizers (`kerasgan.optimizers.ScheduledAdam`),
    `gamma`, the probability of augmentation, and the half-life of the moving average
    (`ema_decay=kerasgan.schedules.HalfLife(...)`). The recipe `r3gan_cifar10` has them. Optimizers by default:
    Adam(2e-4, beta_1=0, beta_2=0.99, epsilon=1e-8).

    Args:
        generator: see `GAN`; `kerasgan.networks.r3gan.generator` makes the paper's.
        critic: see `GAN`; without normalization in the paper.
        latent: see `GAN`.
        gamma: number of at least 0, or a `keras.optimizers.schedules.LearningRateSchedule` from the training step to
            it. The paper has 0.05 to 0.005 for CIFAR-10, 2 to 0.2 for FFHQ at 64 pixels, 150 to 15 at 256.
        **of_gan: other arguments of `GAN`.

    Raises:
        ValueError: if `gamma` is negative.

    Example:
        >>> networks, sizes = kerasgan.networks.r3gan, {"widths": [64, 64, 64, 64], "blocks": 1, "groups": [4, 4, 4, 4]}
        >>> gamma = kerasgan.schedules.Cosine(0.05, 0.005, 39_062)
        >>> gan = kerasgan.R3GAN(networks.generator(**sizes), networks.critic(**sizes), gamma=gamma)
        >>> gan.compile()
    """

    tracked = ("r1", "r2")

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent: Prior | None = None,
        *,
        gamma: float | Schedule = 1.0,
        **of_gan: Unpack[GANArguments],
    ):
        super().__init__(generator, critic, latent, **of_gan)
        schedules.check("gamma", gamma)
        gradient_penalty.check_critic(critic)
        self.gamma = gamma

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """Return Adam(2e-4, beta_1=0, beta_2=0.99, epsilon=1e-8)."""
        return Adam(2e-4, beta_1=0.0, beta_2=0.99, epsilon=1e-8)

    def critic_loss(self, real: Batch, fake: Batch) -> Tensor:
        """Return E[softplus(D(G(z)) - D(x))] + gamma / 2 (R1 + R2), a scalar."""
        on_real, slopes_real = gradient_penalty.squared_slopes(self.score, real)
        on_fake, slopes_fake = gradient_penalty.squared_slopes(self.score, fake)
        r1, r2 = ops.mean(slopes_real), ops.mean(slopes_fake)
        self.track(r1=r1, r2=r2)
        return ops.mean(ops.softplus(on_fake - on_real)) + schedules.at(self.gamma, self.step) / 2.0 * (r1 + r2)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "gamma": schedules.serialized(self.gamma)}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Make a model of a `get_config`."""
        return super().from_config({**config, "gamma": schedules.deserialized(config["gamma"])})
