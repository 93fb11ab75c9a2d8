"""The T-GANs: T-SGAN and T-WGAN, whose critic compares a real and a generated image."""

import keras
from keras import ops

from kerasgan import arguments
from kerasgan.gan import GAN


class TGAN(GAN):
    """Base of the T-GANs of Su 2018, arXiv:1810.10948: make p(x_r) q(x_f) and p(x_f) q(x_r) the same.

    The critic T(a, b) = D(E(a) - E(b)) is a `kerasgan.networks.pairwise.PairwiseCritic`. A training step takes
    `critic_steps` updates of the critic and `generator_steps` of the generator, each on fresh real data. A subclass
    gives `preference(better, worse)`. Optimizers by default: Adam(2e-4, beta_1=0.5).

    Args:
        generator: see `GAN`.
        critic: a `PairwiseCritic`.
        latent: see `GAN`.
        critic_steps: see `GAN`.
        generator_steps: generator updates a training step.
        ema_decay: see `GAN`.
        seed: see `GAN`.
        techniques: see `GAN`.
        name: optional model name.

    Raises:
        ValueError: also if `critic` is no pairwise critic.
    """

    pairwise_critic = True

    def __init__(
        self,
        generator,
        critic,
        latent=None,
        num_classes: None = None,
        critic_steps: int = 1,
        generator_steps: int = 2,
        ema_decay: float | None = 0.999,
        seed: int = 0,
        techniques=(),
        class_names: None = None,
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
        self.generator_steps = arguments.integer("generator_steps", generator_steps, 1)

    @property
    def batches_per_step(self):
        """One minibatch a step of either network."""
        return self.critic_steps + self.generator_steps

    def train_step(self, data):
        """Train the critic `critic_steps` times, then the generator `generator_steps` times, each on fresh data."""
        for k, real in enumerate(self.minibatches(data)):
            if k < self.critic_steps:
                self.update_critic(self.critic_loss, real, self.fake(real, "critic", k))
            else:
                self.update_generator(self.generator_loss, real, k)
        return self.end_step()

    def preference(self, better, worse):
        """Return the loss of `better` = T(a, b) and `worse` = T(b, a) where a should be preferred, a scalar."""
        raise NotImplementedError("a subclass of TGAN defines preference(better, worse)")

    def both_orders(self, first, second):
        """Return T(a, b) and T(b, a), logits [N, 1] each, of two batches as the critic sees them."""
        return self.critic.both_orders(self.seen(first).images, self.seen(second).images, training=True)

    def judge(self, batch, against):
        """Return T(a, b), logits [N, 1], of a batch and one that it is compared with."""
        return self.both_orders(batch, against)[0]

    def critic_loss(self, real, fake):
        """Return the loss of preferring real images, a scalar."""
        return self.preference(*self.both_orders(real, fake))

    def generator_loss(self, real, k):
        """Return the loss of preferring generated images, a scalar."""
        fake = self.fake(real, "generator", k)
        return self.preference(*self.both_orders(fake, real))

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "generator_steps": self.generator_steps}


@keras.saving.register_keras_serializable(package="kerasgan")
class TSGAN(TGAN):
    """T-SGAN: the critic descends -E[log s(T(x_r, x_f))] - E[log(1 - s(T(x_f, x_r)))], s the sigmoid. See `TGAN`.

    The generator descends the same with x_r and x_f exchanged. With T(a, b) = C(a) - C(b) this is twice RSGAN's loss.
    """

    def preference(self, better, worse):
        """Return -E[log s(better)] - E[log(1 - s(worse))]."""
        return ops.mean(ops.softplus(-better)) + ops.mean(ops.softplus(worse))


@keras.saving.register_keras_serializable(package="kerasgan")
class TWGAN(TGAN):
    """T-WGAN: the critic descends -E[T(x_r, x_f) - T(x_f, x_r)], the generator the opposite. See `TGAN`.

    T must be kept Lipschitz by its networks, by spectral normalization in the paper.
    """

    def preference(self, better, worse):
        """Return -E[better - worse]."""
        return -ops.mean(better - worse)
