"""Instance noise: normal noise on all that the critic sees."""

from typing import Self

import keras

from kerasgan import latents
from kerasgan.models.batch import Batch
from kerasgan.models.gan import GAN
from kerasgan.optimizers import schedules
from kerasgan.optimizers.schedules import Schedule
from kerasgan.techniques.technique import Technique
from kerasgan.utils.annotations import Config


@keras.saving.register_keras_serializable(package="kerasgan")
class InstanceNoise(Technique):
    """Add normal noise to real and generated images before the critic sees them.

    Both distributions then overlap, and the critic has no perfect answer to find (Arjovsky and Bottou 2017,
    arXiv:1701.04862, section 3; Sonderby et al. 2017, arXiv:1610.04490, section 3.2, who let the noise fade). The
    noise is drawn anew for each batch of a step, and is not clipped.

    Args:
        stddev: standard deviation, at least 0, of images in [-1, 1]; or a
            `keras.optimizers.schedules.LearningRateSchedule` from the step to it.
        name: optional layer name.

    Raises:
        ValueError: if `stddev` is negative.

    Example:
        >>> fading = kerasgan.techniques.InstanceNoise(kerasgan.schedules.Cosine(0.1, 0.0, 10_000))
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[fading])
    """

    def __init__(self, stddev: float | Schedule = 0.1, name: str | None = None):
        super().__init__(name)
        schedules.check("stddev", stddev)
        self.stddev = stddev

    def disturb(self, gan: GAN, batch: Batch, *purpose: str | int) -> Batch:
        """Return the batch with noise."""
        noise = latents.normal(gan.uniform(batch, gan.image_shape, "instance noise", *purpose))
        return batch._replace(images=batch.images + schedules.at(self.stddev, gan.step) * noise)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "stddev": schedules.serialized(self.stddev)}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Make a technique of a `get_config`."""
        return cls(**{**config, "stddev": schedules.deserialized(config["stddev"])})
