"""SGAN: the original (standard) GAN."""

from typing import Unpack

import keras
from keras import ops

from kerasgan.latents import Prior
from kerasgan.models.batch import Batch, Data
from kerasgan.models.gan import GAN, GANArguments
from kerasgan.objectives.turns_by_loss import TurnsByLoss
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.tensors import Tensor


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
        minimax: whether the generator plays the minimax game of equation 1.
        label_smoothing: what the target 1 of real images is lowered by for the critic, in [0, 1) (Salimans et al. 2016,
            arXiv:1606.03498, section 3.4, who smooth this side alone).
        fake_label_smoothing: what the target 0 of generated images is raised by for the critic, in [0, 1); with 0.1 for
            both the targets are 0.9 and 0.1.
        player_threshold: `None`, or the generator's loss that decides who plays, as in DeLiGAN's code for toy data
            (arXiv:1706.02071): a training step then has `critic_steps` turns, each on fresh data, and in each turn the
            generator is updated if its loss is above the threshold, and else the critic. Both updates are computed, and
            one is taken back.
        least_player_threshold: where the threshold may fall to, at most `player_threshold`; by default it is fixed. The
            threshold falls by 0.001 when the critic has had 151 turns more than the generator, and rises by 0.01, up to
            `player_threshold`, when the generator has had 11 turns more than the critic; then turns are counted anew.
            DeLiGAN's code has 1.0 and 0.73.
        **of_gan: other arguments of `GAN`.

    Raises:
        ValueError: if a smoothing is outside [0, 1), both together leave real images no higher target than generated
            ones, or thresholds do not fit together.

    Example:
        >>> gan = kerasgan.SGAN(generator, critic, label_smoothing=0.1)
        >>> gan.compile()
        >>> gan.fit(images)
    """

    signed_critic = True
    lasting = ("player_threshold", "least_player_threshold")

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent: Prior | None = None,
        *,
        minimax: bool = False,
        label_smoothing: float = 0.0,
        fake_label_smoothing: float = 0.0,
        player_threshold: float | None = None,
        least_player_threshold: float | None = None,
        **of_gan: Unpack[GANArguments],
    ):
        super().__init__(generator, critic, latent, **of_gan)
        smoothings = {"label_smoothing": label_smoothing, "fake_label_smoothing": fake_label_smoothing}
        for argument, smoothing in smoothings.items():
            validation.below_one(argument, smoothing)
        if label_smoothing + fake_label_smoothing >= 1:
            raise ValueError(
                "fake_label_smoothing: expected a target of generated images below that of real ones, "
                f"{1 - label_smoothing:g}; got {fake_label_smoothing:g}"
            )
        self.minimax = minimax
        self.label_smoothing = label_smoothing
        self.fake_label_smoothing = fake_label_smoothing
        self.player_threshold = player_threshold
        self.least_player_threshold = least_player_threshold
        if player_threshold is None:
            if least_player_threshold is not None:
                raise ValueError("least_player_threshold: expected player_threshold with it; got None")
        else:
            self.turns = TurnsByLoss(player_threshold, least_player_threshold)
            if self.generator_steps > 1:
                raise ValueError(
                    f"generator_steps: expected 1, as player_threshold says who plays; got {self.generator_steps}"
                )

    def train_step(self, data: Data) -> dict[str, Tensor]:
        """Train as `GAN.train_step`, or with `player_threshold` in turns, whose player the generator's loss tells."""
        if self.player_threshold is None:
            return super().train_step(data)
        self.turns.move_threshold()
        for k, real in enumerate(self.minibatches(data)):
            loss = self.generator_loss(real, k)
            generators = self.turns.take(self.global_mean(ops.broadcast_to(loss, (ops.shape(real.images)[0],))))
            with self.kept_if(~generators, self.critic, self.critic_optimizer):
                self.update_critic(self.critic_loss, real, self.fake(real, "critic", k))
            with self.kept_if(generators, self.generator, self.latent, self.generator_optimizer):
                self.update_generator(self.generator_loss, real, k)
        return self.end_step()

    def critic_loss(self, real: Batch, fake: Batch) -> Tensor:
        """Return the cross-entropy of D with targets t = 1 - label_smoothing and s = fake_label_smoothing, a scalar.

        -E[t log D(x) + (1 - t) log(1 - D(x))] - E[s log D(G(z)) + (1 - s) log(1 - D(G(z)))]
        """
        on_real, on_fake = self.score(real), self.score(fake)
        real_loss = ops.softplus(-on_real) + self.label_smoothing * on_real  # softplus(x) = softplus(-x) + x
        fake_loss = ops.softplus(on_fake) - self.fake_label_smoothing * on_fake
        return ops.mean(real_loss) + ops.mean(fake_loss)

    def generator_loss(self, real: Batch, *purpose: int) -> Tensor:
        """Return -E[log D(G(z))], or E[log(1 - D(G(z)))] with `minimax`, a scalar."""
        logits = self.score(self.fake(real, "generator", *purpose))
        return -ops.mean(ops.softplus(logits)) if self.minimax else ops.mean(ops.softplus(-logits))

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "minimax": self.minimax,
            "label_smoothing": self.label_smoothing,
            "fake_label_smoothing": self.fake_label_smoothing,
            "player_threshold": self.player_threshold,
            "least_player_threshold": self.least_player_threshold,
        }
