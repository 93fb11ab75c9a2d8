"""Generators and critics: plain functions with explicit arguments that return `keras.Model`s, one file a family."""

from kerasgan.networks import char_cnn, dcgan, mlp, resnet_bottleneck, resnet_cifar, robustness, tgan
from kerasgan.networks.pairwise import PairwiseCritic

__all__ = [
    "PairwiseCritic",
    "char_cnn",
    "dcgan",
    "mlp",
    "resnet_bottleneck",
    "resnet_cifar",
    "robustness",
    "tgan",
]
