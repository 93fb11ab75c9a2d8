"""RSGAN: the relativistic standard GAN."""

import keras
from keras import ops

from kerasgan.models.batch import Batch
from kerasgan.models.gan import GAN
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class RSGAN(GAN):
    """The relativistic standard GAN of Jolicoeur-Martineau 2018, arXiv:1807.00734, algorithm 1 and equations 8-9.

    With C the critic's logits and pairs of the same index in a batch, the critic ascends
    E[log sigmoid(C(x) - C(G(z)))] and the generator E[log sigmoid(C(G(z)) - C(x))]; both see fresh real data.
    Optimizers by default: Adam(2e-4, beta_1=0.5, beta_2=0.999). See `GAN` for the arguments.

    Example:
        >>> gan = kerasgan.RSGAN(generator, critic)
        >>> gan.compile()
        >>> gan.batches_per_step  # of real images: one for the critic, one for the generator
        2
    """

    generator_sees_real = True

    def critic_loss(self, real: Batch, fake: Batch) -> Tensor:
        """Return -E[log sigmoid(C(x) - C(G(z)))], a scalar."""
        return ops.mean(ops.softplus(self.score(fake) - self.score(real)))

    def generator_loss(self, real: Batch, *purpose: int) -> Tensor:
        """Return -E[log sigmoid(C(G(z)) - C(x))], a scalar."""
        fake = self.fake(real, "generator", *purpose)
        return ops.mean(ops.softplus(self.score(real) - self.score(fake)))
