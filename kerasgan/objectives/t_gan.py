"""The T-GANs: T-SGAN and T-WGAN, whose critic compares a real and a generated image."""

from collections.abc import Sequence
from typing import Unpack

import keras
import tensorflow as tf
from keras import ops

from kerasgan.latents import Prior
from kerasgan.models.batch import Batch
from kerasgan.models.gan import GAN, GANArguments
from kerasgan.utils import keyed_random, replica_shares, validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.tensors import Tensor


class TGAN(GAN):
    """Base of the T-GANs of Su 2018, arXiv:1810.10948: make p(x_r) q(x_f) and p(x_f) q(x_r) the same.

    The critic T(a, b) = D(E(a) - E(b)) is a `kerasgan.networks.pairwise.PairwiseCritic`. A training step takes
    `critic_steps` updates of the critic and `generator_steps` of the generator, each on fresh real data. A subclass
    gives `preference(better, worse)`. Optimizers by default: Adam(2e-4, beta_1=0.5).

    Args:
        generator: see `GAN`.
        critic: a `PairwiseCritic`.
        latent: see `GAN`.
        generator_steps: see `GAN`; 2 in the paper's code.
        pair_shuffles: how many times, at least 0, the features of a batch are paired anew at random: with K each real
            image is compared with K + 1 generated ones, for no further pass of the encoder. The author's code for it
            has 2. The batch of all replicas is shuffled; where gradients are accumulated, the part.
        **of_gan: other arguments of `GAN`.

    Raises:
        ValueError: also if `critic` is no pairwise critic.
    """

    pairwise_critic = True
    generator_sees_real = True

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent: Prior | None = None,
        *,
        pair_shuffles: int = 0,
        num_classes: None = None,
        generator_steps: int = 2,
        class_names: None = None,
        **of_gan: Unpack[GANArguments],
    ):
        super().__init__(
            generator,
            critic,
            latent,
            num_classes=num_classes,
            generator_steps=generator_steps,
            class_names=class_names,
            **of_gan,
        )
        self.pair_shuffles = validation.integer("pair_shuffles", pair_shuffles, 0)

    def preference(self, better: Tensor, worse: Tensor) -> Tensor:
        """Return the loss of `better` = T(a, b) and `worse` = T(b, a) where a should be preferred, a scalar."""
        raise NotImplementedError("a subclass of TGAN defines preference(better, worse)")

    def both_orders(self, first: Batch, second: Batch) -> tuple[Tensor, Tensor]:
        """Return T(a, b) and T(b, a), logits [N * (1 + pair_shuffles), 1], of two batches as the critic sees them."""
        images = self.seen(first).images, self.seen(second).images
        if not self.pair_shuffles:
            return self.critic.both_orders(*images, training=True)
        return self.critic.both_orders(
            *images, training=True, shuffled=lambda rows: self.shuffled(rows, second.purpose)
        )

    def shuffled(self, rows: Tensor, purpose: Sequence[str | int]) -> list[Tensor]:
        """Return `pair_shuffles` random orders of the rows [N, F] of all replicas, of each this replica's part."""
        everyone, (first, total) = replica_shares.of_all_replicas(rows), replica_shares.place(ops.shape(rows)[0])
        places = slice(first, first + ops.shape(rows)[0])
        keys = [("pairs", k, *purpose) for k in range(self.pair_shuffles)]
        orders = [ops.argsort(keyed_random.uniform([total], self.seed, self.step.value, key)) for key in keys]
        # Not `take`, as this gradient is dense, which that of gathering replicas asks for; nor a product with rows of
        # zeros and a one, which may be computed in bfloat16.
        return [tf.gather_nd(everyone, order[places][None, :, None])[0] for order in orders]

    def judge(self, batch: Batch, against: Batch) -> Tensor:
        """Return T(a, b), logits [N, 1], of a batch and the same rows of another: without `pair_shuffles`."""
        return self.critic.both_orders(self.seen(batch).images, self.seen(against).images, training=True)[0]

    def critic_loss(self, real: Batch, fake: Batch) -> Tensor:
        """Return the loss of preferring real images, a scalar."""
        return self.preference(*self.both_orders(real, fake))

    def generator_loss(self, real: Batch, *purpose: int) -> Tensor:
        """Return the loss of preferring generated images, a scalar."""
        fake = self.fake(real, "generator", *purpose)
        return self.preference(*self.both_orders(fake, real))

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "pair_shuffles": self.pair_shuffles}


@keras.saving.register_keras_serializable(package="kerasgan")
class TSGAN(TGAN):
    """T-SGAN: the critic descends -E[log s(T(x_r, x_f))] - E[log(1 - s(T(x_f, x_r)))], s the sigmoid. See `TGAN`.

    The generator descends the same with x_r and x_f exchanged. With T(a, b) = C(a) - C(b) this is twice RSGAN's loss.

    Example:
        >>> networks = kerasgan.networks.tgan
        >>> gan = kerasgan.TSGAN(networks.generator((32, 32, 3), latent_dim=64), networks.critic((32, 32, 3)))
        >>> gan.compile()
    """

    def preference(self, better: Tensor, worse: Tensor) -> Tensor:
        """Return -E[log s(better)] - E[log(1 - s(worse))]."""
        return ops.mean(ops.softplus(-better)) + ops.mean(ops.softplus(worse))


@keras.saving.register_keras_serializable(package="kerasgan")
class TWGAN(TGAN):
    """T-WGAN: the critic descends -E[T(x_r, x_f) - T(x_f, x_r)], the generator the opposite. See `TGAN`.

    T must be kept Lipschitz by its networks, by spectral normalization in the paper.

    Example:
        >>> networks = kerasgan.networks.tgan
        >>> critic = networks.critic((32, 32, 3), spectral=True)
        >>> gan = kerasgan.TWGAN(networks.generator((32, 32, 3), latent_dim=64), critic)
        >>> gan.compile()
    """

    def preference(self, better: Tensor, worse: Tensor) -> Tensor:
        """Return -E[better - worse]."""
        return -ops.mean(better - worse)
