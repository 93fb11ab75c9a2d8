"""The relativistic average GANs: RaSGAN, RaLSGAN and RaHinge."""

import keras
from keras import ops

from kerasgan.models.batch import Batch
from kerasgan.models.gan import GAN
from kerasgan.utils.tensors import Tensor


class RelativisticAverage(GAN):
    """Base of the relativistic average GANs of Jolicoeur-Martineau 2018, arXiv:1807.00734, algorithm 2.

    A subclass gives `penalty(margin)`, which falls as its argument grows. With C the critic's logits, the critic
    descends (E[penalty(C(x) - E C(G(z)))] + E[penalty(E C(x) - C(G(z)))]) / 2 and the generator the same with real and
    generated images exchanged; both see fresh real data. The inner means are over the global batch. Optimizers by
    default: Adam(2e-4, beta_1=0.5, beta_2=0.999). See `GAN` for the arguments.
    """

    generator_sees_real = True

    def penalty(self, margin: Tensor) -> Tensor:
        """Return how wrong each margin is, a tensor of the same shape."""
        raise NotImplementedError("a subclass of RelativisticAverage defines penalty(margin)")

    def critic_loss(self, real: Batch, fake: Batch) -> Tensor:
        """Return the loss of preferring real images to the average generated one, a scalar."""
        return self._preference(self.score(real), self.score(fake))

    def generator_loss(self, real: Batch, *purpose: int) -> Tensor:
        """Return the loss of preferring generated images to the average real one, a scalar."""
        return self._preference(self.score(self.fake(real, "generator", *purpose)), self.score(real))

    def _preference(self, better, worse):
        above = ops.mean(self.penalty(better - self.global_mean(worse)))
        below = ops.mean(self.penalty(self.global_mean(better) - worse))
        return (above + below) / 2.0


@keras.saving.register_keras_serializable(package="kerasgan")
class RaSGAN(RelativisticAverage):
    """The relativistic average standard GAN: penalty(m) = -log sigmoid(m). See `RelativisticAverage`.

    Example:
        >>> gan = kerasgan.RaSGAN(generator, critic)
        >>> gan.compile()
    """

    def penalty(self, margin: Tensor) -> Tensor:
        """Return softplus(-margin)."""
        return ops.softplus(-margin)


@keras.saving.register_keras_serializable(package="kerasgan")
class RaLSGAN(RelativisticAverage):
    """The relativistic average least-squares GAN: penalty(m) = (m - 1)^2. See `RelativisticAverage`.

    Example:
        >>> gan = kerasgan.RaLSGAN(generator, critic)
        >>> gan.compile()
    """

    def penalty(self, margin: Tensor) -> Tensor:
        """Return (margin - 1)^2."""
        return ops.square(margin - 1.0)


@keras.saving.register_keras_serializable(package="kerasgan")
class RaHinge(RelativisticAverage):
    """The relativistic average hinge GAN: penalty(m) = max(0, 1 - m). See `RelativisticAverage`.

    Example:
        >>> critic = kerasgan.networks.dcgan.critic((32, 32, 1), normalization="spectral")
        >>> gan = kerasgan.RaHinge(generator, critic)
        >>> gan.compile()
    """

    def penalty(self, margin: Tensor) -> Tensor:
        """Return max(0, 1 - margin)."""
        return ops.relu(1.0 - margin)
