"""The objectives: one file each, `GAN` subclasses that read like the papers' algorithms."""

from kerasgan.objectives.ac_wgan_gp import ACWGANGP
from kerasgan.objectives.biggan import BigGAN
from kerasgan.objectives.cramer import CramerGAN
from kerasgan.objectives.hinge import HingeGAN
from kerasgan.objectives.lsgan import LSGAN
from kerasgan.objectives.r3gan import R3GAN
from kerasgan.objectives.relativistic_average import RaHinge, RaLSGAN, RaSGAN
from kerasgan.objectives.rsgan import RSGAN
from kerasgan.objectives.sgan import SGAN
from kerasgan.objectives.t_gan import TSGAN, TWGAN
from kerasgan.objectives.wgan import WGAN
from kerasgan.objectives.wgan_gp import WGANGP

__all__ = [
    "ACWGANGP",
    "LSGAN",
    "R3GAN",
    "RSGAN",
    "SGAN",
    "TSGAN",
    "TWGAN",
    "WGAN",
    "WGANGP",
    "BigGAN",
    "CramerGAN",
    "HingeGAN",
    "RaHinge",
    "RaLSGAN",
    "RaSGAN",
]
