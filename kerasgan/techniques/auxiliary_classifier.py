"""The auxiliary classifier: a critic that also tells the class."""

from collections.abc import Callable

import keras
from keras import ops

from kerasgan.models.gan import GAN
from kerasgan.techniques.technique import Technique
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class AuxiliaryClassifier(Technique):
    """Add the cross-entropy of the critic's classes to both losses: AC-GAN, with any objective.

    Odena, Olah and Shlens 2017, arXiv:1610.09585. The critic takes no labels but gives two outputs, what the objective
    asks for and class logits [N, num_classes], such as `kerasgan.networks.dcgan.critic(..., auxiliary=True)`. Added
    are, for the critic, the cross-entropy of the classes of real images, and for the generator that of generated ones.
    `accuracy` in the logs is the classifier's on real images of the batch.

    Args:
        critic_weight: weight of the critic's cross-entropy, at least 0.
        generator_weight: weight of the generator's, at least 0; WGAN-GP's code has 0.1. Where images do not follow
            their labels, raise it: with small networks 0.1 was too little (docs/studies.md).
        name: optional layer name.

    Raises:
        ValueError: if a weight is negative.

    Example:
        >>> networks = kerasgan.networks.dcgan
        >>> critic = networks.critic((32, 32, 1), num_classes=10, auxiliary=True)
        >>> classifier = kerasgan.techniques.AuxiliaryClassifier()
        >>> gan = kerasgan.SGAN(networks.generator(num_classes=10), critic, num_classes=10, techniques=[classifier])
        >>> gan.compile()
        >>> gan.fit(images, labels)
    """

    tracked = ("accuracy",)
    classifies = True

    def __init__(self, critic_weight: float = 1.0, generator_weight: float = 0.1, name: str | None = None):
        super().__init__(name)
        for argument, weight in (("critic_weight", critic_weight), ("generator_weight", generator_weight)):
            validation.not_negative(argument, weight)
        self.critic_weight = critic_weight
        self.generator_weight = generator_weight

    def critic_loss(self, gan: GAN, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return the function that adds the cross-entropy of real images."""

        def with_classes(real, *rest):
            logits = gan.class_logits(real)
            hits = ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), real.labels)
            gan.track(accuracy=ops.mean(ops.cast(hits, "float32")))
            return loss(real, *rest) + self.critic_weight * _cross_entropy(real.labels, logits)

        return with_classes

    def generator_loss(self, gan: GAN, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return the function that adds the cross-entropy of generated images."""

        def with_classes(real, *rest):
            fake = gan.fake(real, "generator", *rest)
            return loss(real, *rest) + self.generator_weight * _cross_entropy(fake.labels, gan.class_logits(fake))

        return with_classes

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        weights = {"critic_weight": self.critic_weight, "generator_weight": self.generator_weight}
        return {**super().get_config(), **weights}


def _cross_entropy(labels, logits):
    return ops.mean(ops.sparse_categorical_crossentropy(labels, logits, from_logits=True))
