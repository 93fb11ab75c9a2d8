"""The objectives: one file each, a `GAN` subclass whose `train_step` reads like the paper's algorithm."""

from kerasgan.objectives.sgan import SGAN
from kerasgan.objectives.wgan_gp import WGANGP

__all__ = ["SGAN", "WGANGP"]
