"""WGAN: the Wasserstein GAN with weight clipping."""

import keras
from keras import ops

from kerasgan.gan import GAN


@keras.saving.register_keras_serializable(package="kerasgan")
class WGAN(GAN):
    """The Wasserstein GAN of Arjovsky, Chintala and Bottou 2017, arXiv:1701.07875, algorithm 1.

    The critic ascends E[D(x)] - E[D(G(z))] and after each update its trainable weights are clipped to [-clip, clip];
    the generator ascends E[D(G(z))]. `wasserstein` in the logs estimates the Wasserstein-1 distance up to the critic's
    Lipschitz constant. Optimizers by default: RMSprop(5e-5).

    Args:
        generator: see `GAN`.
        critic: see `GAN`.
        latent: see `GAN`.
        num_classes: see `GAN`.
        critic_steps: critic updates a generator update (the paper's n_critic).
        ema_decay: see `GAN`.
        seed: see `GAN`.
        clip: the paper's c, above 0.
        name: optional model name.

    Raises:
        ValueError: if `clip` is not above 0.
    """

    tracked = ("wasserstein",)

    def __init__(
        self,
        generator,
        critic,
        latent=None,
        num_classes: int | None = None,
        critic_steps: int = 5,
        ema_decay: float | None = 0.999,
        seed: int = 0,
        clip: float = 0.01,
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
        if not clip > 0:
            raise ValueError(f"clip: expected a number above 0; got {clip!r}")
        self.clip = clip

    def default_optimizer(self):
        """Return RMSprop(5e-5)."""
        return keras.optimizers.RMSprop(5e-5)

    def train_step(self, data):
        """One step of algorithm 1: `critic_steps` clipped critic updates on fresh data, then one of the generator."""
        for k, real in enumerate(self.minibatches(data)):
            self.update_critic(self.critic_loss, real, self.fake(real, "critic", k))
            self.clip_critic()
        self.update_generator(self.generator_loss, real)
        return self.end_step()

    def critic_loss(self, real, fake):
        """Return E[D(G(z))] - E[D(x)], a scalar."""
        wasserstein = ops.mean(self.score(real)) - ops.mean(self.score(fake))
        self.track(wasserstein=wasserstein)
        return -wasserstein

    def clip_critic(self):
        """Clip the critic's trainable weights to [-clip, clip]."""
        for weight in self.critic.trainable_variables:
            weight.assign(ops.clip(weight, -self.clip, self.clip))

    def generator_loss(self, real):
        """Return -E[D(G(z))], a scalar."""
        return -ops.mean(self.score(self.fake(real, "generator")))

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "clip": self.clip}
