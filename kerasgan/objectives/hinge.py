"""HingeGAN: the hinge loss."""

import keras
from keras import ops

from kerasgan.models.batch import Batch
from kerasgan.models.gan import GAN
from kerasgan.optimizers.adam import Adam
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class HingeGAN(GAN):
    """The hinge loss of Lim and Ye 2017, arXiv:1705.02894, as in SN-GAN (Miyato et al. 2018, arXiv:1802.05957).

    The critic descends E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))], the generator -E[D(G(z))]. Optimizers by default:
    Adam(2e-4, beta_1=0, beta_2=0.9). See `GAN` for the arguments.

    Example:
        >>> critic = kerasgan.networks.dcgan.critic((32, 32, 1), normalization="spectral")
        >>> gan = kerasgan.HingeGAN(generator, critic)
        >>> gan.compile()
    """

    signed_critic = True

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """Return Adam(2e-4, beta_1=0, beta_2=0.9)."""
        return Adam(2e-4, beta_1=0.0, beta_2=0.9)

    def critic_loss(self, real: Batch, fake: Batch) -> Tensor:
        """Return E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))], a scalar."""
        return ops.mean(ops.relu(1.0 - self.score(real))) + ops.mean(ops.relu(1.0 + self.score(fake)))

    def generator_loss(self, real: Batch, *purpose: int) -> Tensor:
        """Return -E[D(G(z))], a scalar."""
        return -ops.mean(self.score(self.fake(real, "generator", *purpose)))
