"""Dequantization: noise of one level on the real images, so that they have no levels to be known by."""

import keras
from keras import ops

from kerasgan.models.batch import Batch
from kerasgan.models.gan import GAN
from kerasgan.techniques.technique import Technique

LEVELS = 256


@keras.saving.register_keras_serializable(package="kerasgan")
class Dequantization(Technique):
    """Spread each level of real images of 8 bits evenly over its 256th of [-1, 1].

    Level k becomes 2 * (k / 256 - 1/2) + u / 128 with u ~ U[0, 1), as in the CIFAR-10 model of WGAN-GP's code
    (arXiv:1704.00028): a critic cannot tell real images by their levels. The objective takes such an image for the real
    one, in its penalty too. The noise is drawn anew for each minibatch and is keyed by the step. Images are expected to
    be of 8 bits, as uint8 data are.

    Args:
        name: optional layer name.

    Raises:
        ValueError: at the model's construction, if it makes no images.

    Example:
        >>> gan = kerasgan.SGAN(generator, critic, techniques=[kerasgan.techniques.Dequantization()])
    """

    def attach(self, gan: GAN) -> None:
        """Refuse what has no levels."""
        super().attach(gan)
        if len(gan.image_shape) != 3:
            raise ValueError(
                f"techniques: Dequantization expected a model of images [H, W, C]; it makes {gan.image_shape}"
            )

    def prepared(self, gan: GAN, batch: Batch) -> Batch:
        """Return the real batch with noise."""
        noise = ops.cast(gan.uniform(batch, gan.image_shape, "dequantization", *batch.purpose), "float32")
        levels = (batch.images + 1.0) * ((LEVELS - 1) / 2.0)
        return batch._replace(images=(levels + noise) * (2.0 / LEVELS) - 1.0)
