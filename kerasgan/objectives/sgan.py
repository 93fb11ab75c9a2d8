"""SGAN: the original (standard) GAN."""

import keras
from keras import ops

from kerasgan.gan import GAN


@keras.saving.register_keras_serializable(package="kerasgan")
class SGAN(GAN):
    """The standard GAN of Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1, on logits.

    The critic ascends E[log D(x)] + E[log(1 - D(G(z)))], with D the sigmoid of its logits. The generator ascends
    E[log D(G(z))], the paper's non-saturating form, or with `minimax=True` descends E[log(1 - D(G(z)))]
    (equation 1). Optimizers by default: Adam(2e-4, beta_1=0.5), as in DCGAN (arXiv:1511.06434).

    Args:
        generator: see `GAN`.
        critic: see `GAN`.
        latent: see `GAN`.
        num_classes: see `GAN`.
        critic_steps: see `GAN`.
        ema_decay: see `GAN`.
        seed: see `GAN`.
        minimax: whether the generator plays the minimax game of equation 1.
        name: optional model name.
    """

    def __init__(
        self,
        generator,
        critic,
        latent=None,
        num_classes: int | None = None,
        critic_steps: int = 1,
        ema_decay: float | None = 0.999,
        seed: int = 0,
        minimax: bool = False,
        name: str | None = None,
    ):
        super().__init__(
            generator=generator,
            critic=critic,
            latent=latent,
            num_classes=num_classes,
            critic_steps=critic_steps,
            ema_decay=ema_decay,
            seed=seed,
            name=name,
        )
        self.minimax = minimax

    def train_step(self, data):
        """One step of algorithm 1: `critic_steps` critic updates on fresh data, then one of the generator."""
        for k, real in enumerate(self.minibatches(data)):
            fake = self.fake(real, "critic", k)
            self.update_critic(self.critic_loss, real, fake)
        self.update_generator(self.generator_loss, real)
        return self.end_step()

    def critic_loss(self, real, fake):
        """Return -E[log D(x)] - E[log(1 - D(G(z)))], a scalar."""
        return ops.mean(ops.softplus(-self.score(real))) + ops.mean(ops.softplus(self.score(fake)))

    def generator_loss(self, real):
        """Return -E[log D(G(z))], or E[log(1 - D(G(z)))] with `minimax`, a scalar."""
        logits = self.score(self.fake(real, "generator"))
        return -ops.mean(ops.softplus(logits)) if self.minimax else ops.mean(ops.softplus(-logits))

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "minimax": self.minimax}
