"""LSGAN: least squares."""

import keras
from keras import ops

from kerasgan.models.batch import Batch
from kerasgan.models.gan import GAN
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class LSGAN(GAN):
    """The least-squares GAN of Mao et al. 2017, arXiv:1611.04076, equation 9 (targets a = 0, b = c = 1).

    The critic descends (E[(D(x) - 1)^2] + E[D(G(z))^2]) / 2, the generator E[(D(G(z)) - 1)^2] / 2; D is linear.
    Optimizers by default: Adam(2e-4, beta_1=0.5), as in the paper; with RMSprop(1e-4), as in the comparison of WGAN-GP
    (arXiv:1704.00028, appendix E), the generator of our Fashion-MNIST recipe collapsed within 500 steps. See `GAN` for
    the arguments.

    Example:
        >>> gan = kerasgan.LSGAN(generator, critic)
        >>> gan.compile()
        >>> gan.fit(images)
    """

    def critic_loss(self, real: Batch, fake: Batch) -> Tensor:
        """Return (E[(D(x) - 1)^2] + E[D(G(z))^2]) / 2, a scalar."""
        return (ops.mean(ops.square(self.score(real) - 1.0)) + ops.mean(ops.square(self.score(fake)))) / 2.0

    def generator_loss(self, real: Batch, *purpose: int) -> Tensor:
        """Return E[(D(G(z)) - 1)^2] / 2, a scalar."""
        return ops.mean(ops.square(self.score(self.fake(real, "generator", *purpose)) - 1.0)) / 2.0
