"""SGAN: the original (standard) GAN."""

import keras
from keras import ops

from kerasgan.gan import GAN
from kerasgan.messages import quoted


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
        techniques: see `GAN`.
        minimax: whether the generator plays the minimax game of equation 1.
        label_smoothing: what the target 1 of real images is lowered by for the critic, in [0, 1); the target 0 of
            generated images stays (one-sided label smoothing, Salimans et al. 2016, arXiv:1606.03498, section 3.4).
        class_names: see `GAN`.
        name: optional model name.

    Raises:
        ValueError: if `label_smoothing` is outside [0, 1).
    """

    signed_critic = True

    def __init__(
        self,
        generator,
        critic,
        latent=None,
        num_classes: int | None = None,
        critic_steps: int = 1,
        ema_decay: float | None = 0.999,
        seed: int = 0,
        techniques=(),
        minimax: bool = False,
        label_smoothing: float = 0.0,
        class_names: list[str] | None = None,
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
            techniques=techniques,
            class_names=class_names,
            name=name,
        )
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing: expected a number in [0, 1); got {quoted(label_smoothing)}")
        self.minimax = minimax
        self.label_smoothing = label_smoothing

    def critic_loss(self, real, fake):
        """Return -E[t log D(x) + (1 - t) log(1 - D(x))] - E[log(1 - D(G(z)))], t = 1 - label_smoothing, a scalar."""
        logits = self.score(real)
        real_loss = ops.softplus(-logits) + self.label_smoothing * logits  # softplus(x) = softplus(-x) + x
        return ops.mean(real_loss) + ops.mean(ops.softplus(self.score(fake)))

    def generator_loss(self, real):
        """Return -E[log D(G(z))], or E[log(1 - D(G(z)))] with `minimax`, a scalar."""
        logits = self.score(self.fake(real, "generator"))
        return -ops.mean(ops.softplus(logits)) if self.minimax else ops.mean(ops.softplus(-logits))

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "minimax": self.minimax, "label_smoothing": self.label_smoothing}
