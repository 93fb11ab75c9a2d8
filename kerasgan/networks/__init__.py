"""Generators and critics: plain functions with explicit arguments that return `keras.Model`s, one file a family."""

from kerasgan.networks import (
    biggan,
    biggan_deep,
    char_cnn,
    dcgan,
    mlp,
    r3gan,
    random_architectures,
    resnet_bottleneck,
    resnet_cifar,
    robustness,
    tgan,
)
from kerasgan.networks.pairwise import PairwiseCritic

__all__ = [
    "PairwiseCritic",
    "biggan",
    "biggan_deep",
    "char_cnn",
    "dcgan",
    "mlp",
    "r3gan",
    "random_architectures",
    "resnet_bottleneck",
    "resnet_cifar",
    "robustness",
    "tgan",
]
