"""ACWGANGP: WGAN-GP whose critic also classifies."""

import keras
from keras import ops

from kerasgan.messages import quoted
from kerasgan.objectives.wgan_gp import WGANGP


@keras.saving.register_keras_serializable(package="kerasgan")
class ACWGANGP(WGANGP):
    """Class-conditional WGAN-GP with an auxiliary classifier, as in the CIFAR-10 model of arXiv:1704.00028.

    The critic does not take labels but gives two outputs, logits and class logits (AC-GAN: Odena, Olah and Shlens
    2017, arXiv:1610.09585). To WGAN-GP's losses are added, for the critic, the cross-entropy of its classes for real
    images, and for the generator that of its classes for generated ones. `accuracy` in the logs is the classifier's on
    real images of the batch. Optimizers by default: as `WGANGP`.

    Args:
        generator: see `GAN`.
        critic: `keras.Model` from images to the list of logits [N, 1] and class logits [N, num_classes], such as
            `kerasgan.networks.resnet_cifar.critic(num_classes=10, auxiliary=True)`.
        latent: see `GAN`.
        num_classes: number of classes.
        critic_steps: see `WGANGP`.
        ema_decay: see `GAN`.
        seed: see `GAN`.
        techniques: see `GAN`.
        penalty_weight: see `WGANGP`.
        one_sided: see `WGANGP`.
        critic_class_weight: weight of the critic's cross-entropy, at least 0; 1 in the authors' code.
        generator_class_weight: weight of the generator's, at least 0; 0.1 in the authors' code.
        class_names: see `GAN`.
        name: optional model name.

    Raises:
        ValueError: also if `num_classes` is `None`, or a weight is negative.
    """

    tracked = (*WGANGP.tracked, "accuracy")
    classifying_critic = True

    def __init__(
        self,
        generator,
        critic,
        latent=None,
        num_classes: int | None = None,
        critic_steps: int = 5,
        ema_decay: float | None = 0.999,
        seed: int = 0,
        techniques=(),
        penalty_weight: float = 10.0,
        one_sided: bool = False,
        critic_class_weight: float = 1.0,
        generator_class_weight: float = 0.1,
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
            penalty_weight=penalty_weight,
            one_sided=one_sided,
            class_names=class_names,
            name=name,
        )
        weights = {"critic_class_weight": critic_class_weight, "generator_class_weight": generator_class_weight}
        for argument, weight in weights.items():
            if not weight >= 0:
                raise ValueError(f"{argument}: expected a number of at least 0; got {quoted(weight)}")
        self.critic_class_weight = critic_class_weight
        self.generator_class_weight = generator_class_weight

    def score(self, batch):
        """Return the critic's logits [N, 1] for a batch as `seen`, in training mode."""
        return self.critic(self.seen(batch).images, training=True)[0]

    def class_logits(self, batch):
        """Return the critic's class logits [N, num_classes] for a batch as `seen`, in training mode."""
        return self.critic(self.seen(batch).images, training=True)[1]

    def critic_loss(self, real, fake, between):
        """Return WGAN-GP's loss plus critic_class_weight * cross-entropy of real images, a scalar."""
        logits = self.class_logits(real)
        hits = ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), real.labels)
        self.track(accuracy=ops.mean(ops.cast(hits, "float32")))
        return super().critic_loss(real, fake, between) + self.critic_class_weight * _cross_entropy(real.labels, logits)

    def generator_loss(self, real):
        """Return -E[D(G(z))] + generator_class_weight * cross-entropy of generated images, a scalar."""
        fake = self.fake(real, "generator")
        logits, class_logits = self.critic(self.seen(fake).images, training=True)
        return -ops.mean(logits) + self.generator_class_weight * _cross_entropy(fake.labels, class_logits)

    def get_config(self):
        """Return the constructor's arguments."""
        weights = {
            "critic_class_weight": self.critic_class_weight,
            "generator_class_weight": self.generator_class_weight,
        }
        return {**super().get_config(), **weights}


def _cross_entropy(labels, logits):
    return ops.mean(ops.sparse_categorical_crossentropy(labels, logits, from_logits=True))
