"""ACWGANGP: WGAN-GP whose critic also classifies."""

from collections.abc import Sequence
from typing import Unpack

import keras

from kerasgan.latents import Prior
from kerasgan.models import fit_checks
from kerasgan.models.gan import GANArguments
from kerasgan.objectives.wgan_gp import WGANGP
from kerasgan.techniques import AuxiliaryClassifier
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config


@keras.saving.register_keras_serializable(package="kerasgan")
class ACWGANGP(WGANGP):
    """Class-conditional WGAN-GP with an auxiliary classifier, as in the CIFAR-10 model of arXiv:1704.00028.

    It is `WGANGP` with the technique `AuxiliaryClassifier`, which goes with any objective. Optimizers by default: as
    `WGANGP`.

    Args:
        generator: see `GAN`.
        critic: `keras.Model` from images to the list of logits [N, 1] and class logits [N, num_classes], such as
            `kerasgan.networks.resnet_cifar.critic(num_classes=10, auxiliary=True)`.
        latent: see `GAN`.
        num_classes: number of classes.
        critic_steps: see `WGANGP`.
        penalty_weight: see `WGANGP`.
        one_sided: see `WGANGP`.
        critic_class_weight: see `AuxiliaryClassifier`; 1 in the authors' code.
        generator_class_weight: see `AuxiliaryClassifier`; 0.1 in the authors' code, 1 in the recipe.
        techniques: see `GAN`.
        **of_gan: other arguments of `GAN`.

    Raises:
        ValueError: also if `num_classes` is `None`, or a weight is negative.

    Example:
        >>> networks = kerasgan.networks.resnet_cifar
        >>> critic = networks.critic((32, 32, 1), num_classes=10, auxiliary=True)
        >>> gan = kerasgan.ACWGANGP(networks.generator((32, 32, 1), num_classes=10), critic, num_classes=10)
        >>> gan.compile()
    """

    classifying_critic = True

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent: Prior | None = None,
        *,
        penalty_weight: float = 10.0,
        one_sided: bool = False,
        critic_class_weight: float = 1.0,
        generator_class_weight: float = 0.1,
        critic_steps: int = 5,
        techniques: Sequence[keras.layers.Layer] = (),
        **of_gan: Unpack[GANArguments],
    ):
        weights = {"critic_class_weight": critic_class_weight, "generator_class_weight": generator_class_weight}
        for argument, weight in weights.items():
            validation.not_negative(argument, weight)
        classifier = AuxiliaryClassifier(critic_class_weight, generator_class_weight)
        super().__init__(
            generator,
            critic,
            latent,
            critic_steps=critic_steps,
            techniques=[*fit_checks.techniques(techniques), classifier],
            penalty_weight=penalty_weight,
            one_sided=one_sided,
            **of_gan,
        )

    @property
    def critic_class_weight(self) -> float:
        """The classifier's weight in the critic's loss."""
        return self._classifier.critic_weight

    @critic_class_weight.setter
    def critic_class_weight(self, weight: float) -> None:
        self._classifier.critic_weight = weight

    @property
    def generator_class_weight(self) -> float:
        """The classifier's weight in the generator's loss."""
        return self._classifier.generator_weight

    @generator_class_weight.setter
    def generator_class_weight(self, weight: float) -> None:
        self._classifier.generator_weight = weight

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        config = super().get_config()
        own = self.techniques.index(self._classifier)
        return {
            **config,
            "techniques": config["techniques"][:own] + config["techniques"][own + 1 :],
            "critic_class_weight": self.critic_class_weight,
            "generator_class_weight": self.generator_class_weight,
        }

    @property
    def _classifier(self):
        found = [one for one in self.techniques if isinstance(one, AuxiliaryClassifier)]
        if not found:
            raise ValueError(
                "techniques: expected the AuxiliaryClassifier that ACWGANGP was made with; it was taken out: set "
                "techniques to a list that has it, or make a new model"
            )
        return found[-1]
