"""WGAN: the Wasserstein GAN with weight clipping."""

from collections.abc import Iterator
from typing import Unpack

import keras
import tensorflow as tf
from keras import ops

from kerasgan.latents import Prior
from kerasgan.models.batch import Batch, Data
from kerasgan.models.gan import GAN, GANArguments
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.keyed_random import LoopIndex
from kerasgan.utils.tensors import Tensor

_LONG_FIRST, _LONG_EVERY = 25, 500  # of the authors' code


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
        critic_steps: critic updates a generator update (the paper's n_critic).
        clip: the paper's c, above 0.
        long_critic_steps: `None`, or the critic updates before each of the first 25 generator updates and of every
            500th, so that the critic is near its optimum there; 100 in the authors' code. A training step still has
            `critic_steps` critic updates; the generator is not updated until there were enough. `generator_updates`
            counts its updates.
        **of_gan: other arguments of `GAN`.

    Raises:
        ValueError: if `clip` is not above 0, or `long_critic_steps` is below `critic_steps`.

    Example:
        >>> gan = kerasgan.WGAN(generator, critic, clip=0.01, critic_steps=5)
        >>> gan.compile()
        >>> estimates = gan.fit(images).history["wasserstein"]
    """

    tracked = ("wasserstein",)

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent: Prior | None = None,
        *,
        clip: float = 0.01,
        long_critic_steps: int | None = None,
        critic_steps: int = 5,
        **of_gan: Unpack[GANArguments],
    ):
        super().__init__(generator, critic, latent, critic_steps=critic_steps, **of_gan)
        validation.positive("clip", clip)
        if long_critic_steps is not None:
            validation.integer("long_critic_steps", long_critic_steps, critic_steps)
        self.clip = clip
        self.long_critic_steps = long_critic_steps
        count = {"shape": (), "dtype": "int64", "initializer": "zeros", "trainable": False}
        self.generator_updates = self.add_weight(name="generator_updates", **count)
        self.critic_updates = self.add_weight(name="critic_updates", **count)  # since the generator's last

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """Return RMSprop(5e-5)."""
        return keras.optimizers.RMSprop(5e-5)

    def train_step(self, data: Data) -> dict[str, Tensor]:
        """One step of algorithm 1: `critic_steps` clipped critic updates on fresh data, then the generator's."""
        batches = self.minibatches(data)
        real = self.train_critic(batches)
        if self.long_critic_steps is None:
            self.train_generator(batches, real)
        else:
            self.train_generator_if_due(batches, real)
        return self.end_step()

    def critic_step(self, real: Batch, k: int | LoopIndex) -> None:
        """Train the critic once, and clip its weights."""
        super().critic_step(real, k)
        self.clip_critic()

    def train_generator_if_due(self, batches: Iterator[Batch], real: Batch) -> None:
        """Train the generator if the critic has had `long_critic_steps` updates since, where that is asked for.

        An update that is not due is computed and taken back, which costs little beside the critic's.
        """
        long = (self.generator_updates < _LONG_FIRST) | (self.generator_updates % _LONG_EVERY == 0)
        needed = tf.where(long, tf.constant(self.long_critic_steps, "int64"), 0)
        critic_updates = self.critic_updates + self.critic_steps
        due = critic_updates >= needed
        with self.kept_if(due, self.generator, self.latent, self.generator_optimizer):
            self.train_generator(batches, real)
        self.generator_updates.assign(self.generator_updates + tf.cast(due, "int64"))
        self.critic_updates.assign(tf.where(due, tf.constant(0, "int64"), critic_updates))

    def critic_loss(self, real: Batch, fake: Batch) -> Tensor:
        """Return E[D(G(z))] - E[D(x)], a scalar."""
        wasserstein = ops.mean(self.score(real)) - ops.mean(self.score(fake))
        self.track(wasserstein=wasserstein)
        return -wasserstein

    def clip_critic(self) -> None:
        """Clip the critic's trainable weights to [-clip, clip]."""
        for weight in self.critic.trainable_variables:
            weight.assign(ops.clip(weight, -self.clip, self.clip))

    def generator_loss(self, real: Batch, *purpose: int) -> Tensor:
        """Return -E[D(G(z))], a scalar."""
        return -ops.mean(self.score(self.fake(real, "generator", *purpose)))

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "clip": self.clip, "long_critic_steps": self.long_critic_steps}
